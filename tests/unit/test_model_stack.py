"""Wrong values cannot be built, whoever builds them."""

from __future__ import annotations

from typing import Any

import pytest

from rocmswitch.model.grammar import WrongValue, is_name, is_proof, parse_root
from rocmswitch.model.source import Key, Sets, Source
from rocmswitch.model.stack import Glibc, Gpu, Pytorch, Rocm, Stack, Wheels

Path = tuple[str | int, ...]

KEY = Key(fingerprint="CA8BB4727A47B4D09B4EE8969386B48A1A693C5C")
DIGEST = "0" * 64
URL = "https://repo.radeon.com/rocm/apt/6.2.4"
APT = Source(kind="apt", url=URL, suite="noble", key=KEY)
RPM = Source(kind="rpm", key=KEY, url=f"{URL}/{{suite}}", suite={"el9": "el9", "default": "el8"})
WHEELS = Source(kind="wheels", url="https://stable.repo.amd.com/rocm/whl-next/")
ROCM = Rocm(version="6.2.4", root="opt/rocm-6.2.4")


def wrong(kind: Any, values: dict[str, Any]) -> Path:
    with pytest.raises(WrongValue) as caught:
        kind(**values)
    return caught.value.key


def pytorch(**values: Any) -> dict[str, Any]:
    return {
        "torch": "2.6.0+rocm6.2.4",
        "index": "https://download.pytorch.org/whl/rocm6.2.4",
        "python": ("cp312",),
        **values,
    }


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("hipcc", ("hipcc", ())),
        ("rocm-hip-sdk6.2.4", ("rocm-hip-sdk6.2.4", ())),
        ("hipcc (>= 5.2.3)", ("hipcc", ((">=", "5.2.3"),))),
        ("hipcc (>= 5.2.3, << 5.3)", ("hipcc", ((">=", "5.2.3"), ("<<", "5.3")))),
        ("clang-15 (= 1:15.0.6-4+b1)", ("clang-15", (("=", "1:15.0.6-4+b1"),))),
    ],
)
def test_a_package_root_is_a_name_and_perhaps_bounds(text: str, root: object):
    assert parse_root(text) == root


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hipcc()",
        "hipcc ()",
        "hipcc (5.2)",
        "hipcc (> 5)",
        "hipcc (>= 5), (<< 6)",
        "hipcc (>= 5,, << 6)",
        "hipcc(>= 5)",
        "hipcc (>= 5) ",
        "a b",
        "-o",
        "$(id)",
        "hipcc (>= $(id))",
        "hipcc\n",
    ],
)
def test_what_is_no_package_root_is_refused(text: str):
    with pytest.raises(ValueError, match="is not"):
        parse_root(text)


@pytest.mark.parametrize("name", ["rocm-6.2.4", "debian-5.2.3", "therock-10.1", "my_tree", "a1"])
def test_names_of_stacks_are_plain(name: str):
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "Rocm-6",
        "system",
        "rocm 6",
        "../x",
        "a..b",
        ".rocm",
        "-rf",
        "rocm-6.2.4+x",
        "rocm/6",
        "r\n",
        "x" * 65,
        "ä6",
        "a;b",
        "$HOME",
    ],
)
def test_names_that_a_shell_or_a_folder_could_misread_are_refused(name: str):
    assert not is_name(name)


@pytest.mark.parametrize(
    "proof",
    [
        "libz.so.1",
        "libstdc++.so.6(GLIBCXX_3.4.30)",
        "ld-linux-x86-64.so.2",
        "bin/perl",
        "include/c++/*/vector",
        "lib/gcc/*/*/crtbegin.o",
        "include/c++/*/vector (<< 16)",
    ],
)
def test_proofs_are_sonames_or_paths_below_usr(proof: str):
    assert is_proof(proof)


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "perl",
        "/bin/perl",
        "../bin/perl",
        "bin/../perl",
        "libz.so.1(",
        "libz.so.1()",
        "bin//perl",
        "bin/a b",
        "libz.so.1(A B)",
        "include/c++/12/vector (<< 16)",
        "include/c++/*/vector (>= 16)",
        "include/c++/*/vector (<< new)",
        "/include/*/vector (<< 16)",
        "include/*/a b (<< 16)",
    ],
)
def test_what_proves_nothing_is_refused(proof: str):
    assert not is_proof(proof)


@pytest.mark.parametrize(
    "root", ["", "/opt/rocm", "..", "opt/../..", "opt//rocm", "opt/rocm/", "./opt", ".", "opt/\nrocm"]
)
def test_a_root_lies_inside_the_tree(root: str):
    assert wrong(Rocm, {"version": "6.2.4", "root": root}) == ("root",)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"fingerprint": "CA8BB472"}, ("fingerprint",)),
        ({"fingerprint": KEY.fingerprint.lower()}, ("fingerprint",)),  # type: ignore[union-attr]
        ({"fingerprint": ()}, ("fingerprint",)),
        ({"fingerprint": (KEY.fingerprint, "x")}, ("fingerprint", 1)),
        ({"fingerprint": KEY.fingerprint, "url": "file:///etc/passwd"}, ("url",)),
        ({"fingerprint": KEY.fingerprint, "keyring": "keys.gpg"}, ("keyring",)),
        ({"fingerprint": KEY.fingerprint, "keyring": "/usr/../etc/x"}, ("keyring",)),
    ],
)
def test_a_key_is_pinned_by_whole_fingerprints(values: dict[str, Any], key: Path):
    assert wrong(Key, values) == key


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"kind": "apt", "suite": "noble", "key": KEY}, ("url",)),
        ({"kind": "apt", "suite": "noble", "key": KEY, "url": URL, "archive": "debian"}, ("url",)),
        ({"kind": "apt", "suite": "noble", "key": KEY, "url": "ftp://x/y"}, ("url",)),
        ({"kind": "apt", "suite": "noble", "key": KEY, "url": "https://user:word@x/y"}, ("url",)),
        ({"kind": "apt", "suite": "noble", "key": KEY, "url": "https://x/y z"}, ("url",)),
        ({"kind": "apt", "suite": "noble", "url": URL}, ("key",)),
        ({"kind": "apt", "key": KEY, "url": URL}, ("suite",)),
        ({"kind": "apt", "key": KEY, "url": URL, "suite": {}}, ("suite",)),
        ({"kind": "apt", "key": KEY, "url": URL, "suite": {"noble": "../x"}}, ("suite", "noble")),
        ({"kind": "apt", "suite": "noble", "key": KEY, "url": URL, "priority": 0}, ("priority",)),
        ({"kind": "apt", "suite": "noble", "key": KEY, "url": URL, "components": ("../x",)}, ("components", 0)),
        ({"kind": "apt", "suite": "noble", "key": KEY, "url": URL, "packages": ("a b",)}, ("packages", 0)),
        ({"kind": "apt", "suite": "noble", "key": KEY, "url": URL, "digest": DIGEST}, ("digest",)),
        ({"kind": "rpm", "key": KEY, "url": URL, "suite": "el9"}, ("suite",)),
        ({"kind": "rpm", "key": KEY, "url": f"{URL}/{{suite}}"}, ("suite",)),
        ({"kind": "rpm", "key": KEY, "url": URL, "archive": "debian"}, ("url",)),
        ({"kind": "rpm", "key": KEY, "archive": "debian"}, ("archive",)),
        ({"kind": "tarball", "url": URL, "root": "../x"}, ("root",)),
        ({"kind": "rpm", "url": URL}, ("key",)),
        ({"kind": "wheels", "url": URL, "suite": "noble"}, ("suite",)),
        ({"kind": "wheels", "url": URL, "digest": DIGEST}, ("digest",)),
        ({"kind": "tarball", "url": URL, "digest": "0" * 40}, ("digest",)),
    ],
)
def test_a_source_has_what_its_kind_needs_and_nothing_else(values: dict[str, Any], key: Path):
    assert wrong(Source, values) == key


@pytest.mark.parametrize(
    ("kind", "values", "key"),
    [
        (Sets, {"runtime": ()}, ("runtime",)),
        (Sets, {"runtime": ("a",), "developer": ("b", "c d")}, ("developer", 1)),
        (Rocm, {"version": "six", "root": "usr"}, ("version",)),
        (Rocm, {"version": "6", "root": "usr", "miopen": "x"}, ("miopen",)),
        (Rocm, {"version": "6", "root": "usr", "sets": Sets(runtime=("a",))}, ("sets",)),
        (Rocm, {"version": "6", "root": "usr", "sources": (APT,)}, ("sets",)),
        (Rocm, {"version": "10", "root": "usr", "sources": (WHEELS,), "sets": Sets(runtime=("a",))}, ("sets",)),
        (Rocm, {"version": "6", "root": "usr", "sources": (RPM,), "sets": Sets(runtime=("a",))}, ("sets",)),
        (Rocm, {"version": "6", "root": "usr", "sources": (RPM,)}, ("rpm_sets",)),
        (Rocm, {"version": "10", "root": "usr", "sources": (WHEELS, APT)}, ("sets",)),
        (Rocm, {"version": "6", "root": "usr", "host": {"a b": ()}}, ("host", "a b")),
        (Rocm, {"version": "6", "root": "usr", "host": {"a": ("bin/a", "a")}}, ("host", "a", 1)),
        (Rocm, {"version": "6", "root": "usr", "host_only": ("libc6",)}, ("host_only", 0)),
        (Rocm, {"version": "6", "root": "usr", "environment": {"PATH": "x"}}, ("environment", "PATH")),
        (Glibc, {"min": "2"}, ("min",)),
        (Pytorch, pytorch(torch="newest"), ("torch",)),
        (Pytorch, pytorch(index="x"), ("index",)),
        (Pytorch, pytorch(python=()), ("python",)),
        (Pytorch, pytorch(python=("cp312", "py3")), ("python", 1)),
        (Pytorch, pytorch(wheels={"torchvision": "newest"}), ("wheels", "torchvision")),
        (Pytorch, pytorch(wheels={"amd-torch-device-{card}": "2.6.0"}), ("wheels", "amd-torch-device-{card}")),
        (Pytorch, pytorch(extras=("device-{gpu}", "a b")), ("extras", 1)),
        (Pytorch, pytorch(constraints=("numpy<2", "--index-url x")), ("constraints", 1)),
        (Pytorch, pytorch(hashes={"../torch.whl": DIGEST}), ("hashes", "../torch.whl")),
        (Pytorch, pytorch(urls={"torch.whl": "x"}), ("urls", "torch.whl")),
        (
            Wheels,
            {"packages": {"numpy": "2.2.6"}, "python": ("cp312",), "hashes": {"n.whl": "0"}},
            ("hashes", "n.whl"),
        ),
        (Gpu, {"support": "none", "environment": {"LD_PRELOAD": "x"}}, ("environment", "LD_PRELOAD")),
        (Gpu, {"support": "none", "profiles": {"fast": {"PATH": "x"}}}, ("profiles", "fast", "PATH")),
        (Gpu, {"support": "none", "profiles": {"a b": {}}}, ("profiles", "a b")),
        (Gpu, {"support": "none", "known_bad": ("all of it",)}, ("known_bad", 0)),
        (Stack, {"schema": 1, "name": "A", "summary": "", "rocm": ROCM}, ("name",)),
        (Stack, {"schema": 1, "name": "ab", "summary": "a\nb", "rocm": ROCM}, ("summary",)),
        (Stack, {"schema": 1, "name": "ab", "summary": "", "rocm": ROCM, "replaces": "cd"}, ("replaces",)),
        (Stack, {"schema": 1, "name": "ab", "summary": "", "rocm": ROCM, "released": "June"}, ("released",)),
        (
            Stack,
            {"schema": 1, "name": "ab", "summary": "", "rocm": ROCM, "gpus": {"navi10": Gpu(support="none")}},
            ("gpus", "navi10"),
        ),
    ],
)
def test_a_wrong_value_is_named_by_the_key_that_leads_to_it(kind: Any, values: dict[str, Any], key: Path):
    assert wrong(kind, values) == key


def test_one_fingerprint_or_url_is_the_same_as_a_list_of_one():
    key = Key(fingerprint=KEY.fingerprint, url=URL)

    assert (key.fingerprints, key.urls) == ((KEY.fingerprint,), (URL,))


def test_wheels_may_be_called_after_the_card():
    made = Pytorch(**pytorch(wheels={"amd-torch-device-{gpu}": "2.6.0"}, extras=("device-{gpu}",)))

    assert (tuple(made.wheels), made.extras) == (("amd-torch-device-{gpu}",), ("device-{gpu}",))


def test_a_tree_of_wheels_has_its_variables_in_the_environment_that_it_is_part_of():
    environment = {"ROCM_PATH": "{prefix}/_rocm_sdk_core", "HIP_PLATFORM": "amd"}
    rocm = Rocm(version="10.1.0", root="_rocm_sdk_core", sources=(WHEELS,), environment=environment)

    assert rocm.environment_in("lib/python3.11/site-packages") == {
        "ROCM_PATH": "{prefix}/lib/python3.11/site-packages/_rocm_sdk_core",
        "HIP_PLATFORM": "amd",
    }


def test_only_wheels_are_part_of_each_environment():
    packages = Rocm(version="6.2.4", root="usr", sources=(APT,), sets=Sets(runtime=("a",)))
    wheels = Rocm(version="10.1.0", root="_rocm_sdk_core", sources=(WHEELS,))

    assert [one.comes_as_wheels for one in (ROCM, packages, wheels)] == [False, False, True]
