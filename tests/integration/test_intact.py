"""What others do to an environment, noticed: the real uv without activation, hands, and what is left half."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.store.intact import Change, changes
from rocmswitch.store.protection import Protection
from rocmswitch.store.trees import Trees
from rocmswitch.store.virtualenv import Uv, list_environment
from tests.integration.test_protection import SITE, UV, cached, offer
from tests.support.disk import HastyDisk
from tests.support.pytorchwheels import make

TORCH = "2.7.1+rocm6.2.4"
PINS = (("torch", TORCH), ("pytorch-triton-rocm", "3.3.1"), ("torchaudio", "2.7.1+rocm6.2.4"))
TREE = "demo-0123456789ab"


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """An environment as `use` publishes one; torchaudio must keep its version and was not asked for."""
    archives, disk = tmp_path / "archives", HastyDisk()
    wheels = tuple(
        cached(archives, one)
        for one in (
            make("torch", TORCH, files={"torch/__init__.py": "", "torch/lib/libamdhip64.so": "real"}),
            make("pytorch-triton-rocm", "3.3.1", files={"triton/_C/libtriton.so": "real"}),
            make("numpy", "1.26.4", files={"numpy/__init__.py": ""}),
        )
    )
    trees = Trees(tmp_path / "data/venvs", tmp_path / "data/locks", disk)
    with trees.locked("demo", 0):
        folder = trees.begin(TREE)
        protection = Protection(PINS, b"{}\n", ("numpy<2",))
        Uv(tmp_path / "uv", disk).make_environment(folder, Path(sys.executable), wheels, protection)
        packages = tuple(
            InstalledPackage(one.project, "", one.filename, 0, one.digest.value, "pinned") for one in wheels
        )
        receipt = Receipt(
            "venv", "demo", "rocm-6.2.4", "6.2.4", TREE, "2026-01-02T03:04:05Z", packages=packages,
            pins=(*(f"{name}=={version}" for name, version in PINS), "numpy<2"),
        )  # fmt: skip
        trees.publish(TREE, "demo", receipt, list_environment(folder, wheels))
    return trees.link("demo")


def uv(link: Path, *words: str | Path) -> None:
    """The real uv, by somebody who has not entered the environment."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "UV_CACHE_DIR": str(link.parents[2] / "own-uv"),
        "HOME": str(link.parents[2]),
    }
    command = [UV, "--quiet", "pip", words[0], "--python", link / "bin/python", *words[1:]]
    subprocess.run([str(word) for word in command], env=environment, check=True)


def replace_torch(link: Path) -> None:
    index = offer(link.parents[2] / "index", make("torch", "99.0", files={"torch/__init__.py": ""}))
    uv(link, "install", "--no-index", "--find-links", index, "torch>=99")


def replace_numpy(link: Path) -> None:
    index = offer(link.parents[2] / "index", make("numpy", "2.1.0", files={"numpy/__init__.py": ""}))
    uv(link, "install", "--no-index", "--find-links", index, "numpy==2.1.0")


def overwrite_triton(link: Path) -> None:
    """Another distribution that has the same folder."""
    index = offer(link.parents[2] / "index", make("triton", "3.5.0", files={"triton/_C/libtriton.so": "another"}))
    uv(link, "install", "--no-index", "--find-links", index, "triton")


def reinstall_other_bytes(link: Path) -> None:
    files = {"torch/__init__.py": "", "torch/lib/libamdhip64.so": "another build"}
    index = offer(link.parents[2] / "index", make("torch", TORCH, files=files))
    uv(link, "install", "--no-index", "--find-links", index, "--reinstall-package", "torch", f"torch=={TORCH}")


def test_what_was_just_made_is_intact(link: Path) -> None:
    assert (changes(link), changes(link, thorough=True)) == ((), ())


def test_more_packages_are_no_change(link: Path) -> None:
    index = offer(link.parents[2] / "index", make("hello", "1.0", files={"hello.py": ""}))
    uv(link, "install", "--no-index", "--find-links", index, "hello")

    assert changes(link, thorough=True) == ()


QUICK: dict[str, tuple[Callable[[Path], object], Change]] = {
    "replaced": (replace_torch, Change("version", "torch", TORCH, "99.0")),
    "removed": (lambda link: uv(link, "uninstall", "torch"), Change("missing", "torch", TORCH)),
    "left half": (
        lambda link: (link / SITE / "torch-2.0.1.dist-info").mkdir(),
        Change("version", "torch", TORCH, "2.0.1"),
    ),
    "constraint removed": (
        lambda link: (link / "constraints.txt").unlink(),
        Change("unprotected", "constraints.txt"),
    ),
    "constraint edited": (
        lambda link: (link / "constraints.txt").write_text(f"torch=={TORCH}\n"),
        Change("unprotected", "constraints.txt"),
    ),
    "no text": (lambda link: (link / "pip.conf").write_bytes(b"\xff\xfe"), Change("unprotected", "pip.conf")),
    "pip.conf of one's own": (
        lambda link: (link / "pip.conf").write_text("[global]\nindex-url = https://example.org/simple\n"),
        Change("unprotected", "pip.conf"),
    ),
}


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_look_finds_it(name: str, link: Path) -> None:
    act, expected = QUICK[name]

    act(link)

    assert changes(link) == (expected,)
    assert expected in changes(link, thorough=True)


THOROUGH: dict[str, tuple[Callable[[Path], object], tuple[Change, ...]]] = {
    "numpy": (replace_numpy, (Change("version", "numpy", "<2", "2.1.0"),)),
    "another build": (
        reinstall_other_bytes,
        (
            Change("content", f"{SITE}/torch-2.7.1+rocm6.2.4.dist-info/RECORD"),
            Change("content", f"{SITE}/torch/lib/libamdhip64.so"),
        ),
    ),
    "the same folder": (overwrite_triton, (Change("content", f"{SITE}/triton/_C/libtriton.so"),)),
    "a file gone": (
        lambda link: (link / SITE / "torch/lib/libamdhip64.so").unlink(),
        (Change("content", f"{SITE}/torch/lib/libamdhip64.so"),),
    ),
}


@pytest.mark.parametrize("name", THOROUGH)
def test_only_a_thorough_look_finds_it(name: str, link: Path) -> None:
    act, expected = THOROUGH[name]

    act(link)

    assert (changes(link), changes(link, thorough=True)) == ((), expected)


def test_what_is_added_to_pip_conf_is_the_owners_business(link: Path) -> None:
    with (link / "pip.conf").open("a") as file:
        file.write("index-url = https://example.org/simple\n")

    assert changes(link) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change("version", "torch", TORCH, "99.0"), f"`torch` is 99.0, not {TORCH}"),
        (Change("missing", "torch", TORCH), f"`torch` {TORCH} is no longer there"),
        (Change("unprotected", "pip.conf"), "`pip.conf` no longer says what has to stay"),
        (Change("content", "a/b.so"), "`a/b.so` is not the file that was installed"),
    ],
)
def test_a_change_says_itself_in_one_line(change: Change, words: str) -> None:
    assert str(change) == words
