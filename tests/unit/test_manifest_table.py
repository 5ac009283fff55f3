"""The shipped manifests are what the tables in scripts say, and the tables miss nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import Version

from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.host import Host
from rocmswitch.model.stack import Gpu, Pytorch, Stack
from rocmswitch.planning.origin import is_known
from rocmswitch.planning.suites import suite_for

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"
ROCKY_8 = Host("rocky", ("rhel", "centos", "fedora"), "", "amd64", "2.28", "8.10")
ROCKY_9 = Host("rocky", ("rhel", "centos", "fedora"), "", "amd64", "2.34", "9.4")
ROCKY_10 = Host("rocky", ("rhel", "centos", "fedora"), "", "amd64", "2.39", "10.0")
LEAP = Host("opensuse-leap", ("suse", "opensuse"), "", "amd64", "2.38", "15.6")
UNKNOWN = Host("", (), "", "amd64", "2.36", "")
RDNA1 = ("gfx1010", "gfx1011", "gfx1012")


@cache
def table(name: str = "stack") -> dict[str, Any]:
    """With the text loader: every scalar is text."""
    read: dict[str, Any] = yaml.load((ROOT / f"scripts/{name}_table.yaml").read_bytes(), Loader=yaml.BaseLoader)
    return read


@cache
def shipped() -> dict[str, Stack]:
    return {file.stem: parse_manifest(file.read_bytes(), file.name) for file in MANIFESTS.glob("*.yaml")}


def amd() -> list[Stack]:
    """The manifests of AMD's releases, the oldest first."""
    found = [stack for name, stack in shipped().items() if name.startswith("rocm-")]
    return sorted(found, key=lambda stack: Version(stack.rocm.version))


def series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def test_the_shipped_manifests_are_what_the_tables_say():
    command = [sys.executable, str(ROOT / "scripts/stack_manifests.py"), "--check"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_every_release_with_an_apt_folder_and_known_wheels_has_its_file():
    with_wheels = {series(name.removeprefix("rocm")) for name in table()["indexes"]}
    wanted = {f"rocm-{version}" for version in table()["releases"] if series(version) in with_wheels}

    assert wanted <= set(shipped())
    assert len(wanted) == len(table()["releases"])


def test_a_release_takes_the_wheels_of_its_own_series_and_of_no_other():
    taken = {stack.name: {series(one.torch.partition("+rocm")[2]) for one in stack.pytorch} for stack in amd()}

    assert taken == {stack.name: {series(stack.rocm.version)} for stack in amd()}


def test_every_index_of_the_table_is_taken_by_a_release():
    taken = {one.index.rpartition("/")[2] for stack in amd() for one in stack.pytorch}

    assert taken == set(table()["indexes"])


@pytest.mark.parametrize("name", sorted(file.stem for file in MANIFESTS.glob("*.yaml")))
def test_the_newest_torch_comes_first_and_nightly_builds_last(name: str):
    versions = [Version(one.torch) for one in shipped()[name].pytorch]

    released = [one for one in versions if not one.is_devrelease]
    assert versions == sorted(released, reverse=True) + [one for one in versions if one.is_devrelease]


def builds() -> list[Pytorch]:
    return [one for stack in amd() for one in stack.pytorch]


def test_wheels_before_2_1_let_ld_library_path_shadow_what_they_bundle():
    assert {one.torch for one in builds() if one.loader == "runpath"} == {
        one.torch for one in builds() if Version(one.torch) < Version("2.1")
    }


def test_wheels_before_2_3_want_the_old_numpy():
    assert {one.torch for one in builds() if "numpy<2" in one.constraints} == {
        one.torch for one in builds() if Version(one.torch) < Version("2.3")
    }


def test_only_the_wheels_of_5_2_need_an_older_c_library():
    assert {one.glibc.max for one in builds() if "rocm5.2" in one.torch} == {"2.40"}
    assert {one.glibc.max for one in builds() if "rocm5.2" not in one.torch} == {""}


def test_every_hash_of_the_table_is_in_a_manifest():
    found = {file: digest for one in builds() for file, digest in one.hashes.items()}

    assert found == table()["hashes"]


def test_the_pair_that_people_ask_for_is_there():
    pairs = {one.torch for one in shipped()["rocm-6.2.4"].pytorch}

    assert "2.5.1+rocm6.2" in pairs


def test_the_nightly_build_has_addresses_of_its_own_for_each_python():
    nightly = shipped()["rocm-5.2.0"].pytorch[-1]

    start = "https://download.pytorch.org/whl/nightly/rocm5.2/torch-2.0.0.dev20230209%2Brocm5.2"
    assert nightly.urls["torch-2.0.0.dev20230209+rocm5.2-cp310-cp310-linux_x86_64.whl"] == (
        f"{start}-cp310-cp310-linux_x86_64.whl"
    )
    assert {file.split("-")[2] for file in nightly.urls} == set(nightly.python)


def test_what_was_not_read_in_a_source_is_marked():
    marked = [
        f"{stack.name}: rocm.{key}"
        for stack in amd()
        for key in ("hip", "rocblas", "miopen")
        if f"rocm.{key}" in stack.unverified
    ]

    doubtful = [
        f"rocm-{version}: rocm.{key}"
        for version, row in table()["releases"].items()
        for key in ("hip", "rocblas", "miopen")
        if row.get(key, "").startswith("~")
    ]
    assert marked == doubtful


def test_an_override_for_rdna1_ends_with_5_2():
    cards = [(stack, card) for stack in shipped().values() for card in RDNA1]

    with_override = {series(stack.rocm.version) for stack, card in cards if OVERRIDE in card_of(stack, card)}
    assert with_override == {"5.2"}


def card_of(stack: Stack, card: str) -> dict[str, str]:
    return stack.gpus.get(card, Gpu(support="unknown")).environment


@pytest.mark.parametrize("stack", amd(), ids=lambda stack: stack.name)
def test_every_release_says_what_fails_on_rdna1_and_where_that_can_be_read(stack: Stack):
    cards = [stack.gpus[card] for card in RDNA1]

    assert all(card.known_bad and card.evidence and "rdna1-safe" in card.profiles for card in cards)


def test_a_card_has_no_override_where_the_newest_wheels_have_its_own_code():
    wrong = [
        f"{stack.name}: {card}"
        for stack in amd()
        for card in table()["indexes"][stack.pytorch[0].index.rpartition("/")[2]]["code"]
        if card_of(stack, card)
    ]

    assert wrong == []


def test_older_wheels_say_for_which_cards_of_the_newest_they_have_no_code():
    def code(one: Pytorch) -> set[str]:
        return set(table()["indexes"][one.index.rpartition("/")[2].replace("nightly/", "")]["code"])

    for stack in amd():
        for one in stack.pytorch:
            assert set(one.without) == code(stack.pytorch[0]) - code(one), (stack.name, one.torch)
    assert shipped()["rocm-6.2.4"].pytorch[-1].without == ("gfx1101", "gfx1102", "gfx1200", "gfx1201")


def test_an_override_is_of_the_generation_of_the_card():
    generations = {
        (card[:5], gpu.environment[OVERRIDE].split(".")[0])
        for stack in shipped().values()
        for card, gpu in stack.gpus.items()
        if gpu.environment
    }

    assert generations == {("gfx10", "10"), ("gfx11", "11"), ("gfx90", "9")}


def test_the_new_builds_are_made_of_wheels_for_the_card_and_need_no_override():
    stacks = [shipped()[f"therock-{name}"] for name in table()["therock"]]

    assert {stack.rocm.kinds for stack in stacks} == {("wheels", "apt", "rpm", "tarball")}
    assert {one.extras for stack in stacks for one in stack.pytorch} == {("device-{gpu}",)}
    assert [gpu.environment for stack in stacks for gpu in stack.gpus.values() if gpu.environment] == []
    assert all(set(RDNA1) <= set(stack.gpus) for stack in stacks)


def test_the_new_builds_name_every_card_that_their_index_has_kernels_for():
    published = {"gfx900", "gfx906", *RDNA1, *(f"gfx103{stepping}" for stepping in range(7))}

    assert [name for name in table()["therock"] if not published <= set(shipped()[f"therock-{name}"].gpus)] == []


def test_torch_and_rocm_of_the_new_builds_are_of_one_version():
    stacks = [shipped()[f"therock-{name}"] for name in table()["therock"]]

    builds = [one for stack in stacks for one in stack.pytorch]
    assert {one.wheels["rocm-sdk-core"] == one.torch.partition("+rocm")[2] for one in builds} == {True}


def test_a_file_that_the_tables_no_longer_have_is_found(tmp_path: Path):
    program = "import pathlib, stack_manifests as made; print(made.stale(pathlib.Path({!r})))"
    header = (MANIFESTS / "rocm-6.2.4.yaml").read_text().partition("\n")[0]
    (tmp_path / "rocm-1.0.yaml").write_text(f"{header}\nname: rocm-1.0\n")
    (tmp_path / "own.yaml").write_text("name: own\n")

    done = subprocess.run(
        [sys.executable, "-c", program.format(str(tmp_path))],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        check=True,
    )

    assert "'rocm-1.0.yaml'" in done.stdout
    assert "own.yaml" not in done.stdout


def test_every_release_has_rpm_sources_beside_those_of_apt_with_the_same_key():
    for stack in amd():
        keys = {one.kind: one.key for one in stack.rocm.sources if "repo.radeon.com" in one.url}
        assert keys["rpm"] == keys["apt"], stack.name


@pytest.mark.parametrize(
    ("release", "host", "urls"),
    [
        ("5.2.0", ROCKY_8, ["rocm/rhel8/5.2/main", "amdgpu/22.20/rhel/8.6/main/x86_64"]),
        ("5.7.1", ROCKY_9, ["rocm/rhel9/5.7.1/main", "amdgpu/5.7.1/rhel/9.2/main/x86_64"]),
        ("6.2.4", ROCKY_9, ["rocm/el9/6.2.4/main", "amdgpu/6.2.4/el/9.4/main/x86_64"]),
        ("6.2.0", LEAP, ["rocm/zyp/6.2/main", "amdgpu/6.2/sle/15.6/main/x86_64"]),
        ("7.1.1", ROCKY_10, ["rocm/el10/7.1.1/main", "graphics/7.1.1/el/10/main/x86_64"]),
        ("7.2.4", UNKNOWN, ["rocm/el9/7.2.4/main", "graphics/7.2.4/el/9.6/main/x86_64"]),
    ],
)
def test_rpms_are_where_amds_pages_say(release: str, host: Host, urls: list[str]):
    sources = [one for one in shipped()[f"rocm-{release}"].rocm.sources if one.kind == "rpm"]

    found = [one.url.replace("{suite}", suite_for(one, host)) for one in sources]

    assert found == [f"https://repo.radeon.com/{url}" for url in urls]


def test_names_of_rpms_end_with_devel_where_debs_end_with_dev():
    for stack in shipped().values():
        apt, rpm = stack.rocm.sets, stack.rocm.rpm_sets
        if apt and rpm:
            names = [re.sub(r"-dev(?=[0-9])", "-devel", one) for one in (*apt.compiler, *apt.developer)]
            assert [*rpm.compiler, *rpm.developer] == names, stack.name
            assert rpm.runtime == apt.runtime, stack.name


def test_only_the_key_that_amd_states_nowhere_is_left_to_the_user():
    unknown = {name for name, stack in shipped().items() if not all(map(is_known, stack.rocm.sources))}

    assert unknown == {"therock-7.14"}


def test_each_kind_of_the_new_builds_has_its_own_tree():
    for name in table()["therock"]:
        rocm = shipped()[f"therock-{name}"].rocm
        trees = {one.kind: one.root for one in rocm.sources if one.root}
        packages = f"opt/rocm/core-{name}"
        assert trees == {"wheels": "_rocm_sdk_core", "apt": packages, "rpm": packages, "tarball": packages}
        assert rocm.environment["ROCM_PATH"] == "{root}"


@pytest.mark.parametrize("name", ("therock-10.0", "therock-7.14"))
def test_kernels_that_a_family_shares_come_with_every_rdna3_and_rdna4_card_or_with_none(name: str) -> None:
    stack = shipped()[name]
    cards = {card for card in stack.gpus if re.match("gfx11|gfx120", card)}

    assert {frozenset(build.card_wheels) for build in stack.pytorch} == {frozenset(cards), frozenset()}
    for build in stack.pytorch:
        assert {version for wheels in build.card_wheels.values() for version in wheels.values()} <= {build.torch}
