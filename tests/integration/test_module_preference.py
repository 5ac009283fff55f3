"""Of several files of one module that one is named first which the real depmod takes, whatever depmod.d says."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.host.modulefiles import read_kernels
from tests.support.kernelmodules import KERNEL, module, packed

FOLDER = f"usr/lib/modules/{KERNEL}"
PLACES = (
    "kernel/drivers/amdgpu.ko",
    "kernel/drivers/amdgpu.ko.xz",
    "kernel/drivers/amdgpu.ko.zst",
    "updates/dkms/amdgpu.ko",
    "updates/amdgpu.ko.xz",
    "extra/amdgpu.ko",
    "weak-updates/amdgpu.ko",
    "amdgpu.ko",
    "kernel/drivers/amdgpu.before.ko",
)
NO_MODULES = (
    ".amdgpu.ko.rocmswitch-3.new",
    "amdgpu.ko.rocmswitch-new",
    "amdgpu.ko.bak",
    ".amdgpu.ko",
    "amdgpu.ko.xz~",
)
"""Names beside a module that depmod passes over: what a change that was cut off leaves, and copies of users."""
RULES = {
    "default": {},
    "fedora": {"dist.conf": "# a comment\nsearch updates extra built-in weak-updates\n"},
    "ubuntu": {"ubuntu.conf": "search updates ubuntu built-in\n"},
    "two": {"b.conf": "search extra\n", "a.conf": "search built-in \\\n  updates\n"},
    "override": {"z.conf": "override amdgpu * weak-updates\noverride amdgpu ^5 extra\n"},
    "exclude": {"z.conf": "exclude dkms\n"},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    if shutil.which("depmod") is None:
        pytest.skip("no depmod here: install kmod")
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "etc/depmod.d").mkdir(parents=True)
    return tmp_path


def put(root: Path, path: str) -> None:
    file = root / FOLDER / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(packed(module(), f".ko{file.name.partition('.ko')[2]}"))


def chosen(root: Path) -> str:
    """What depmod takes, by the rules of *root*: by itself it takes those of the machine that it runs on."""
    subprocess.run(["depmod", "-C", root / "etc/depmod.d", "-b", root, KERNEL], capture_output=True, check=True)
    lines = (root / FOLDER / "modules.dep").read_text().splitlines()
    (taken,) = (one for line in lines if not (one := line.partition(":")[0]).endswith("/.amdgpu.ko"))
    return taken


def preferred(root: Path) -> list[str]:
    """What is read, below the kernel's folder."""
    (kernel,) = read_kernels(root)
    return [one.path.removeprefix(f"{FOLDER}/") for one in kernel.modules]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("places", list(itertools.combinations(PLACES, 2)), ids=" ".join)
def test_the_copy_that_depmod_takes_comes_first(root: Path, rules: str, places: tuple[str, ...]):
    for path in places:
        put(root, path)
    for name, text in RULES[rules].items():
        (root / "etc/depmod.d" / name).write_text(text)

    assert preferred(root)[0] == chosen(root)


def test_of_all_copies_the_order_is_the_one_in_which_depmod_takes_what_is_left(root: Path):
    for path in PLACES:
        put(root, path)

    order = preferred(root)

    taken = []
    while len(taken) < len(PLACES):
        taken.append(chosen(root))
        (root / FOLDER / taken[-1]).unlink()
    assert order == taken


@pytest.mark.parametrize("suffix", [".ko", ".ko.xz"])
def test_what_lies_beside_a_module_under_other_names_is_passed_over(root: Path, suffix: str):
    for name in NO_MODULES:
        put(root, f"updates/{name}")
    put(root, f"kernel/amdgpu{suffix}")

    assert preferred(root) == [f"kernel/amdgpu{suffix}"]
    assert chosen(root) == f"kernel/amdgpu{suffix}"
