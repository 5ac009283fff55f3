"""recover.sh on odd systems: hostile names and links, hardly a program, a run that was killed, two at once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.breaking import (
    garble_in_tree,
    put_twin,
    renew_image,
    set_bad_value,
    shadow_by_dkms,
    shadow_by_hand,
    truncate_in_tree,
)
from tests.support.editions import APPLY, SCRIPT, SHELLS, Edition
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import chroot, good_module, in_tree, kernel_root, rescue_system, write
from tests.support.recoveryscenes import kernel_package, leave_image, packed_modules, snapshot, state

DRIVER = "var/lib/rocmswitch/driver"
FEW = "sh cp mv rm rmdir mkdir ls cat sed chroot"
DASH = SHELLS[1]


@pytest.fixture(params=SHELLS, ids=lambda one: one.name)
def shell(request: pytest.FixtureRequest) -> Edition:
    edition: Edition = request.param
    edition.require()
    return edition


def mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if line.split()[4].startswith(f"{folder}/")]


def test_what_is_named_like_the_beginning_of_another_file_is_kept_too(tmp_path: Path):
    root = kernel_root(tmp_path / "root", suffix=".ko.xz", programs=True)
    package = kernel_package(tmp_path, suffix=".ko.xz")
    put_twin(root)
    twin = in_tree(KERNEL, ".ko")
    content = (root / twin).read_bytes()

    said = DASH.recover(root, *APPLY, "--package", str(package))

    assert said.status == 0, said
    assert (root / DRIVER / "quarantine/1" / twin).read_bytes() == content


def test_what_was_replaced_comes_back_also_where_the_system_is_at_another_place(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "it's $a root", programs=True)
    shadow_by_hand(root)
    set_bad_value(root)
    broken = state(root)
    said = shell.recover(root, *APPLY)
    moved = root.rename(tmp_path / "elsewhere")

    done = subprocess.run([*shell.shell, "how-to-undo"], cwd=moved / DRIVER / "quarantine/1", check=False)

    assert (said.status, done.returncode, state(moved)) == (0, 0, broken), said


def test_with_hardly_a_program_what_only_the_boot_image_has_is_found(tmp_path: Path):
    rescue = rescue_system(tmp_path / "initramfs", FEW)
    root = kernel_root(rescue / "sysroot", programs=True)
    leave_image(root)
    write(rescue / "recover.sh", SCRIPT.read_text())

    said = chroot(rescue, "sh", "/recover.sh", *APPLY, "/sysroot")

    assert "initrd.img" in said and packed_modules(root, KERNEL) == {good_module()}, said


def test_without_a_root_it_does_not_guess(shell: Edition, tmp_path: Path):
    done = subprocess.run([*shell.shell, str(SCRIPT)], capture_output=True, text=True, check=False)

    assert (done.returncode, "name the system" in done.stdout) == (2, True), done


def test_in_the_running_system_from_the_copy_that_lies_in_a_snapshot(tmp_path: Path):
    """Also where a program is missing that only packed modules need."""
    root = kernel_root(tmp_path / "root", programs=True)
    snapshot(root)
    truncate_in_tree(root)
    (root / "usr/bin/xz").unlink()
    copy = f"{DRIVER}/snapshots/1/recover.sh"
    write(root / copy, SCRIPT.read_text())

    said = chroot(root, "sh", f"/{copy}", *APPLY, "/")

    assert "A second run finds nothing to do" in said
    assert (root / in_tree()).read_bytes() == good_module()


def test_a_file_of_settings_is_no_longer_ours_where_somebody_has_written_into_it(tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    conf = root / "etc/modprobe.d/rocmswitch.conf"
    write(
        conf,
        "# Made by rocmswitch: undo with `rocmswitch driver unset`\noptions amdgpu vm_size=8\nblacklist radeon\n",
    )

    done = DASH.recover(root, "--apply")

    assert (done.status, conf.exists()) == (5, True)


@pytest.mark.parametrize(
    "place", [DRIVER, f"{DRIVER}/scratch", f"{DRIVER}/quarantine", f"usr/lib/modules/{KERNEL}/updates", "boot"]
)
def test_no_link_leads_out_of_the_system(tmp_path: Path, place: str):
    root = kernel_root(tmp_path / "root", programs=True)
    shadow_by_hand(root)
    elsewhere = tmp_path / "elsewhere"
    (root / place).mkdir(parents=True, exist_ok=True)
    (root / place).rename(elsewhere)
    write(elsewhere / "scratch/recover.sh/kept", "not the system's")
    write(elsewhere / "recover.sh/kept", "not the system's")
    write(elsewhere / f"initrd.img-{KERNEL}.new", "not the system's")
    (root / place).symlink_to(elsewhere)
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}

    DASH.recover(root, *APPLY)

    assert {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()} == before


def test_a_setting_is_never_taken_for_a_program(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    victim = tmp_path / "victim"
    text = f"options amdgpu vm_size//w{victim};#=1 $(touch${{IFS}}{victim}) `touch${{IFS}}{victim}` \x1b[2J=1\n"
    write(root / "etc/modprobe.d/a,b & c.conf", text)

    said = shell.recover(root, *APPLY)

    assert (said.status, victim.exists(), said.errors, "\x1b" in said.output) == (0, False, "", False), said
    assert said.mentions("etc/modprobe.d/a,b & c.conf:1:")


def test_a_bad_value_is_found_in_a_system_whose_programs_do_not_run(tmp_path: Path):
    root = kernel_root(tmp_path / "root")
    set_bad_value(root)

    said = DASH.recover(root)

    assert said.mentions("amdgpu.conf:2:", "WARNING") and not said.mentions("no amdgpu here knows"), said


def test_a_setting_whose_line_has_no_end_is_not_taken_for_another(tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    (root / "etc/modprobe.d/a.conf").write_text("# theirs\noptions amdgpu unheard=1")
    write(root / "etc/modprobe.d/b.conf", "options amdgpu unheard=2\n")
    renew_image(root)
    write(root / "etc/modprobe.d/aa.conf", "options amdgpu unheard=3\n")

    assert DASH.recover(root).status == 0


def test_another_persons_switch_of_dkms_stays(tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    shadow_by_dkms(root)
    write(root / "etc/dkms/-.conf", "# mine\nexport CC=gcc-12\n")

    said = DASH.recover(root, *APPLY)

    assert said.status == 0, said
    assert (root / "etc/dkms/-.conf").read_text().splitlines()[1:3] == ["# mine", "export CC=gcc-12"]


def test_where_modules_cannot_be_written_to_that_is_said(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    shadow_by_hand(root)
    modules = root / "usr/lib/modules"
    subprocess.run(["mount", "--bind", str(modules), str(modules)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(modules)], check=True)
    try:
        said = shell.recover(root, *APPLY)
    finally:
        subprocess.run(["umount", str(modules)], check=True)

    assert (said.status, said.mentions("cannot be written to")) == (6, True), said


@pytest.mark.parametrize(("name", "status"), [("HUP", 129), ("PIPE", 141)])
def test_a_connection_that_breaks_leaves_nothing_mounted(shell: Edition, tmp_path: Path, name: str, status: int):
    root = kernel_root(tmp_path / "root", programs=True)
    shadow_by_hand(root)
    write(root / "usr/sbin/update-initramfs", f'#!/bin/sh\nkill -{name} "$PPID"\nexit 1\n').chmod(0o755)

    # Python has every program ignore SIGPIPE, which a shell cannot take back.
    command = ["env", "--default-signal=PIPE", *shell.command(root, *APPLY)]
    stopped = subprocess.run(command, capture_output=True, check=False)

    assert (stopped.returncode, mounts_below(root)) == (status, []), stopped


def test_what_a_killed_run_has_mounted_the_next_one_takes_away(shell: Edition, tmp_path: Path):
    root = kernel_root(tmp_path / "root", programs=True)
    garble_in_tree(root)
    shadow_by_hand(root)
    tool = root / "usr/sbin/update-initramfs"
    text = tool.read_text()
    write(tool, '#!/bin/sh\nkill -KILL "$PPID"\nexit 1\n').chmod(0o755)
    package = str(kernel_package(tmp_path))
    killed = shell.recover(root, *APPLY, "--package", package)
    left = mounts_below(root)
    write(tool, text).chmod(0o755)

    said = shell.recover(root, *APPLY)

    assert (killed.status, bool(left)) == (-9, True)
    assert (said.status, mounts_below(root), packed_modules(root, KERNEL)) == (0, [], {good_module()}), said


@pytest.mark.parametrize("place", ["usr/lib/modules", f"{DRIVER}/locks/programs.lock"])
def test_a_second_one_at_the_same_time_is_told_so(shell: Edition, tmp_path: Path, place: str):
    """Or what `rocmswitch recover` has started, which was killed."""
    if shutil.which("flock") is None:
        pytest.skip("there is no `flock` here")
    root = kernel_root(tmp_path / "root", programs=True)
    (root / DRIVER / "locks").mkdir(mode=0o700, parents=True)
    with (tmp_path / "said").open("w") as stream:
        subprocess.run(["flock", str(root / place), *shell.command(root, *APPLY)], stdout=stream, check=False)

    assert "is at work here" in (tmp_path / "said").read_text()
