"""recover.sh on prepared roots, under every shell that is here."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/recover.sh"
SHELLS = {"dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "sh"]}
KERNEL = "6.1.0-50-amd64"
GOOD = b"\x7fELF the kernel's own module"
IN_TREE = "kernel/drivers/gpu/drm/amd/amdgpu/amdgpu.ko"


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    command = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return command


def root_with(folder: Path, modules: dict[str, bytes], *, listed: str, owner: str = "lib") -> Path:
    """A root with one Debian kernel; its package states the md5 of GOOD for the in-tree module."""
    modules_folder = folder / "lib/modules" / KERNEL
    for name, content in modules.items():
        (modules_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (modules_folder / name).write_bytes(content)
    (modules_folder / "modules.order").write_text("")
    (modules_folder / "modules.dep").write_text(f"{listed}: kernel/drivers/gpu/drm/drm.ko\n")
    sums = folder / f"var/lib/dpkg/info/linux-image-{KERNEL}.md5sums"
    sums.parent.mkdir(parents=True)
    sums.write_text(f"{hashlib.md5(GOOD).hexdigest()}  {owner}/modules/{KERNEL}/{IN_TREE}\n")
    (folder / "boot").mkdir()
    (folder / f"boot/vmlinuz-{KERNEL}").write_text("")
    return folder


def report(shell: list[str], root: Path) -> tuple[int, str]:
    done = subprocess.run([*shell, str(SCRIPT), f"{root}/"], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize("owner", ["lib", "usr/lib"])
def test_a_sound_module_is_recognised_by_the_packages_md5(shell: list[str], tmp_path: Path, owner: str):
    root = root_with(tmp_path / "a root", {IN_TREE: GOOD}, listed=IN_TREE, owner=owner)

    code, said = report(shell, root)

    assert (code, "as the kernel's package has it" in said, "0 fault(s) in 1 kernel(s)" in said) == (0, True, True)


@pytest.mark.parametrize(("content", "fault"), [(GOOD[:9], "FAULT: the kernel's package has"), (b"", "is empty")])
def test_a_damaged_module_is_a_fault_with_the_way_back(
    shell: list[str], tmp_path: Path, content: bytes, fault: str
):
    root = root_with(tmp_path / "root", {IN_TREE: content}, listed=IN_TREE)

    code, said = report(shell, root)

    assert (code, fault in said, "module_blacklist=amdgpu" in said) == (4, True, True)
    assert f"chroot {root} apt-get install --reinstall linux-image-KERNEL" in said


def test_a_shadow_in_updates_is_what_depmod_prefers(shell: list[str], tmp_path: Path):
    shadow = "updates/dkms/amdgpu.ko.xz"
    root = root_with(tmp_path / "root", {IN_TREE: GOOD, shadow: b"patched"}, listed=shadow)

    code, said = report(shell, root)

    assert (code, f"depmod prefers: {shadow}" in said, "from DKMS or put there by hand" in said) == (0, True, True)


def test_an_index_that_depmod_has_not_renewed_is_a_fault(shell: list[str], tmp_path: Path):
    root = root_with(tmp_path / "root", {IN_TREE: GOOD}, listed="updates/dkms/amdgpu.ko")

    code, said = report(shell, root)

    assert (code, "modules.dep still names updates/dkms/amdgpu.ko" in said) == (4, True)


def test_settings_are_shown_with_file_and_line(shell: list[str], tmp_path: Path):
    root = root_with(tmp_path / "root", {IN_TREE: GOOD}, listed=IN_TREE)
    (root / "etc/modprobe.d").mkdir(parents=True)
    (root / "etc/modprobe.d/amdgpu.conf").write_text("# options amdgpu dc=0\noptions amdgpu mtype_local=1\n")

    _, said = report(shell, root)

    assert "amdgpu.conf:2:options amdgpu mtype_local=1" in said and "dc=0" not in said


def test_nothing_below_the_root_is_changed(shell: list[str], tmp_path: Path):
    root = root_with(tmp_path / "root", {IN_TREE: b"bad", "updates/amdgpu.ko": b""}, listed=IN_TREE)
    before = {path: path.lstat() for path in root.rglob("*")}

    report(shell, root)

    changed = [
        p
        for p, was in before.items()
        if (p.lstat().st_mtime_ns, p.lstat().st_size) != (was.st_mtime_ns, was.st_size)
    ]
    assert (changed, set(root.rglob("*"))) == ([], set(before))


def test_a_folder_without_kernels_is_said_to_be_no_root(shell: list[str], tmp_path: Path):
    code, said = report(shell, tmp_path)

    assert (code, "is this the root of a system?" in said) == (3, True)
