"""recover.sh on prepared roots, under every shell that is here: what it says, and what it must not touch."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.breaking import (
    empty_in_tree,
    half_configure,
    move_to_original_module,
    put_firmware,
    remove_in_tree,
    set_mtype_local,
    shadow_by_dkms,
    shadow_by_hand,
    truncate_in_tree,
)
from tests.support.editions import APPLY, SCRIPT, SHELLS, Edition
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import add_package, chroot, good_module, in_tree, kernel_root, rescue_system, write
from tests.support.recoveryscenes import kernel_package, packed_modules, snapshot, state


@pytest.fixture(params=SHELLS, ids=lambda one: one.name)
def shell(request: pytest.FixtureRequest) -> Edition:
    edition: Edition = request.param
    edition.require()
    return edition


def everything(root: Path) -> dict[str, tuple[int, int]]:
    """Every name; of files also when they were written and how long they are."""
    found = {}
    for path in root.rglob("*"):
        seen = path.lstat()
        found[str(path)] = (0, 0) if path.is_dir() else (seen.st_mtime_ns, seen.st_size)
    return found


@pytest.mark.parametrize("merged", [True, False])
def test_a_sound_module_is_recognised_by_the_packages_md5(shell: Edition, tmp_path: Path, merged: bool):
    root = kernel_root(tmp_path / "a root", merged=merged, programs=True)

    said = shell.recover(root)

    assert (said.status, said.errors) == (0, "")
    assert said.mentions("as the kernel's package has it", "0 fault(s) in 1 kernel(s)")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (truncate_in_tree, "fault: the kernel's package has"),
        (empty_in_tree, "is empty"),
        (remove_in_tree, "is gone"),
    ],
)
def test_without_a_source_the_line_to_reinstall_is_said_and_the_image_is_left_alone(
    shell: Edition, tmp_path: Path, damage: object, words: str
):
    root = kernel_root(tmp_path / "root", programs=True)
    damage(root)  # type: ignore[operator]
    broken = state(root)

    said = shell.recover(root, *APPLY)

    line = f"chroot {root} apt-get install --reinstall linux-image-{KERNEL}=6.1.176-1"
    assert (said.status, said.mentions(words, line, "module_blacklist=amdgpu"), state(root)) == (4, True, broken)


def test_a_plan_changes_nothing_below_the_root(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    shadow_by_hand(root)
    set_mtype_local(root)
    before = everything(root)

    said = shell.recover(root)

    assert (said.status, everything(root)) == (4, before), said
    assert said.mentions("nothing was changed", f"recover.sh --apply {root}")


def test_a_system_that_nothing_of_it_can_be_run_in_is_looked_at_all_the_same(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root")
    truncate_in_tree(root)

    planned, applied = shell.recover(root), shell.recover(root, "--apply")

    assert planned.mentions("FAULT: the kernel's package has")
    assert (planned.status, applied.status) == (4, 6)
    assert applied.mentions("do not run on this machine")


def test_settings_are_shown_with_file_and_line_and_left_alone_without_consent(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    write(root / "etc/modprobe.d/amdgpu.conf", "# options amdgpu dc=0\noptions amdgpu mtype_local=1\n")
    before = state(root)

    said = shell.recover(root, "--apply")

    assert (said.status, state(root)) == (5, before), said
    assert said.mentions("amdgpu.conf:2:options amdgpu mtype_local=1") and not said.mentions("dc=0")


def test_our_own_setting_goes_without_a_question_and_a_packages_stays(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    write(root / "etc/modprobe.d/rocmswitch.conf", "# Made by rocmswitch: set\noptions amdgpu mtype_local=1\n")
    write(root / "etc/modprobe.d/theirs.conf", "options amdgpu dc=1\n")
    add_package(root, "theirs", ["etc/modprobe.d/theirs.conf"])

    said = shell.recover(root, "--apply")

    assert (said.status, [one.name for one in (root / "etc/modprobe.d").iterdir()]) == (0, ["theirs.conf"]), said


def test_a_shadow_of_a_source_that_its_package_vouches_for_stays_unless_the_kernels_own_is_wanted(
    shell: Edition, tmp_path: Path
):
    root = kernel_root(tmp_path / "root", programs=True)
    shadow_by_dkms(root)
    source = root / "usr/src/amdgpu-patched-1.0"
    add_package(root, "amdgpu-patched-dkms", [str(one.relative_to(root)) for one in source.iterdir()])
    chroot(root, "depmod", KERNEL)
    chroot(root, "update-initramfs", "-u", "-k", KERNEL)
    before = state(root)

    kept = shell.recover(root, *APPLY)
    in_between = state(root)
    wanted = shell.recover(root, *APPLY, "--in-tree")

    assert (kept.status, in_between, wanted.status) == (0, before, 0), kept
    assert list(state(root)) == [in_tree()]
    assert 'AUTOINSTALL=""' in (root / "etc/dkms/amdgpu-patched-1.0.conf").read_text()


def test_a_package_of_another_build_is_refused(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    truncate_in_tree(root)
    broken = state(root)
    package = kernel_package(tmp_path, content=good_module(KERNEL) + b"another build")

    said = shell.recover(root, *APPLY, "--package", str(package))

    assert (said.status, state(root)) == (4, broken)
    assert said.mentions("is not what the installed linux-image")


def test_a_snapshot_that_others_can_write_to_is_refused(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    snapshot(root)
    (root / "var/lib/rocmswitch/driver/snapshots/1").chmod(0o777)
    truncate_in_tree(root)

    said = shell.recover(root)

    assert said.mentions("others than root can write to its folder", "/var/lib/rocmswitch/driver/snapshots/1")


def test_what_was_replaced_lies_in_the_quarantine_and_comes_back_by_its_script(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "a root", programs=True)
    shadow_by_hand(root)
    set_mtype_local(root)
    before = state(root)

    shell.recover(root, *APPLY)
    kept = root / "var/lib/rocmswitch/driver/quarantine/1"
    checked = subprocess.run(["sha256sum", "-c", "manifest"], cwd=kept, capture_output=True, check=False)
    subprocess.run([*shell.shell, str(kept / "how-to-undo")], check=True)

    assert (checked.returncode, kept.stat().st_mode & 0o777) == (0, 0o700)
    disabled = "etc/modprobe.d/amdgpu-mtype.conf.rocmswitch-disabled"
    assert {path: one for path, one in state(root).items() if path != disabled} == before


def test_the_next_quarantine_is_the_newest_though_older_ones_were_let_go_of(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    shadow_by_hand(root)
    folder = root / "var/lib/rocmswitch/driver/quarantine"
    (folder / "10").mkdir(parents=True)

    shell.recover(root, *APPLY)

    assert sorted(path.name for path in folder.iterdir()) == ["10", "11"]


def test_firmware_and_packages_that_were_broken_off_are_said_with_the_line_to_type(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    put_firmware(root)
    half_configure(root)

    said = shell.recover(root)

    assert said.mentions("firmware/updates/amdgpu/navi10_sos.bin", f"chroot {root} dpkg --configure -a")
    assert said.status == 4


def test_a_separate_boot_that_is_not_mounted_is_said_and_nothing_is_done(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    shadow_by_hand(root)
    write(root / "etc/fstab", "/dev/vda2 / ext4 defaults 0 1\n/dev/vda1 /boot ext4 defaults 0 2\n")
    for file in (root / "boot").iterdir():
        file.unlink()
    before = state(root)

    said = shell.recover(root, *APPLY)

    assert (said.status, state(root)) == (6, before)
    assert said.mentions(f"type: chroot {root} mount /boot")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("--package", "/nowhere.deb"), 2, "--package needs a file"),
        (("--force",), 2, "there is no option --force"),
        (("/nowhere-at-all",), 2, "one root"),
        (("--help",), 0, "sh recover.sh [--apply]"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    shell: Edition, tmp_path: Path, words: tuple[str, ...], status: int, message: str
):
    said = shell.recover(kernel_root(tmp_path / "root"), *words)

    assert (said.status, said.mentions(message)) == (status, True), said


def test_a_folder_without_kernels_is_said_to_be_no_root(shell: Edition, tmp_path: Path):
    said = shell.recover(tmp_path)

    assert (said.status, said.mentions("is this the root of a system?")) == (3, True)


def test_at_the_prompt_of_an_initramfs_it_uses_the_programs_of_the_root(tmp_path: Path):
    """There are hardly any programs but busybox's few: what is missing is the root's own, through chroot."""
    few = "sh cp mv rm rmdir mkdir ls cat sed chroot mount umount"
    rescue = rescue_system(tmp_path / "initramfs", few)
    root = kernel_root(rescue / "sysroot", programs=True)
    shadow_by_hand(root)
    write(rescue / "recover.sh", SCRIPT.read_text())

    said = chroot(rescue, "sh", "/recover.sh", *APPLY, "/sysroot")

    assert list(state(root)) == [in_tree()], said
    assert "A second run finds nothing to do" in said
    assert packed_modules(root, KERNEL) == {good_module()}
    assert str(rescue) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_a_signal_leaves_nothing_mounted_and_the_next_run_ends_well(shell: Edition, tmp_path: Path, name: str):
    root = kernel_root(tmp_path / "root", programs=True)
    shadow_by_hand(root)
    tool = root / "usr/sbin/update-initramfs"
    text = tool.read_text()
    write(tool, f'#!/bin/sh\nkill -{name} "$PPID"\nexit 1\n').chmod(0o755)

    stopped = shell.recover(root, *APPLY)
    mounts = Path("/proc/self/mountinfo").read_text()
    write(tool, text).chmod(0o755)
    again = shell.recover(root, *APPLY)

    assert (stopped.status, str(root) in mounts) == ({"INT": 130, "TERM": 143}[name], False), stopped
    assert (again.status, list(state(root)), packed_modules(root, KERNEL)) == (0, [in_tree()], {good_module()}), (
        again
    )


def test_after_a_kill_at_any_change_of_a_name_the_next_run_ends_well_and_a_further_one_finds_nothing(
    tmp_path: Path,
):
    """mv and rm are all that change what counts; after one is before the next."""
    ended = []
    for turn in range(1, 20):
        root = kernel_root(tmp_path / f"root{turn}", programs=True)
        move_to_original_module(root)
        set_mtype_local(root)
        chroot(root, "depmod", KERNEL)
        killed = killed_at(root, turn, tmp_path / f"bin{turn}")
        once, twice = (SHELLS[1].recover(root, *APPLY) for _ in range(2))
        assert (once.status, twice.status) == (0, 0), (turn, once)
        assert in_tree() in state(root) and packed_modules(root, KERNEL) == {good_module()}, (turn, once)
        if not killed:
            break
        ended.append(turn)
    assert len(ended) >= 5


def killed_at(root: Path, turn: int, programs: Path) -> bool:
    """Run it with an mv and an rm that kill it once they have done their call number *turn*."""
    programs.mkdir()
    for name in ("mv", "rm"):
        text = f"""#!/bin/sh
echo >>{programs}/calls
[ $(wc -l <{programs}/calls) = {turn} ] || exec /bin/{name} "$@"
/bin/{name} "$@"
kill -KILL 0
"""
        write(programs / name, text).chmod(0o755)
    done = subprocess.run(
        ["dash", str(SCRIPT), *APPLY, str(root)],
        env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
        start_new_session=True,
        capture_output=True,
        check=False,
    )
    release(root)
    return done.returncode == -9


def release(root: Path) -> None:
    """What a run that was killed has left mounted; a machine that lost its power has nothing mounted."""
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        if line.split()[4].startswith(f"{root}/"):
            subprocess.run(["umount", line.split()[4]], check=True)
