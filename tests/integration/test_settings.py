"""Which lines of a system decide about amdgpu: files hide one another as modprobe.d(5) has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.host.settings import read_setting_files, read_settings
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import PackedFile, Setting
from rocmswitch.planning.parameters import CONF, FIRST_LINE
from tests.support.kernelroots import kernel_root, write
from tests.support.nobody import as_nobody


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return kernel_root(tmp_path / "a root")


def told(root: Path, **running: bool) -> list[tuple[str, int, str]]:
    return [(one.path, one.line, one.kind) for one in read_settings(SystemRoot(root), **running)]


def test_a_file_in_etc_hides_the_one_of_its_name_in_lib_and_those_count_in_the_order_of_their_names(root):
    write(root / "usr/lib/modprobe.d/50-amdgpu.conf", "options amdgpu vm_size=1\n")
    write(root / "run/modprobe.d/40-amdgpu.conf", "options amdgpu vm_size=2\n")
    write(root / "etc/modprobe.d/50-amdgpu.conf", "\noptions amdgpu vm_size=3\n")
    write(root / "usr/lib/modprobe.d/60-amdgpu.conf", "blacklist amdgpu\n")

    assert told(root) == [
        ("run/modprobe.d/40-amdgpu.conf", 1, "options"),
        ("etc/modprobe.d/50-amdgpu.conf", 2, "options"),
        ("usr/lib/modprobe.d/60-amdgpu.conf", 1, "blacklist"),
    ]


@pytest.mark.parametrize("how", ["empty", "null"])
def test_an_empty_file_or_a_link_to_nothing_switches_the_other_off(root, how):
    write(root / "usr/lib/modprobe.d/amdgpu.conf", "blacklist amdgpu\n")
    if how == "empty":
        write(root / "etc/modprobe.d/amdgpu.conf", "")
    else:
        (root / "etc/modprobe.d/amdgpu.conf").symlink_to("/dev/null")

    assert told(root) == []


def test_what_modprobe_does_not_read_is_no_setting(root):
    for name in ("amdgpu.conf.rocmswitch-disabled", ".amdgpu.conf", "amdgpu.conf~", "amdgpu"):
        write(root / "etc/modprobe.d" / name, "blacklist amdgpu\n")

    assert told(root) == []


def test_our_own_file_is_told_by_its_name_and_its_first_line(root):
    write(root / CONF, f"{FIRST_LINE}\noptions amdgpu vm_size=1\n")
    write(root / "etc/modprobe.d/other.conf", f"{FIRST_LINE}\noptions amdgpu dc=1\n")

    assert [(one.path, one.is_ours) for one in read_settings(SystemRoot(root))] == [
        ("etc/modprobe.d/other.conf", False),
        (CONF, True),
    ]


@pytest.mark.parametrize("more", ["blacklist radeon\n", "# mine\n", 'options amdgpu dc=1 # mine "\n'])
def test_a_file_of_ours_in_which_somebody_has_written_is_not_ours_alone(root, more: str):
    write(root / CONF, f"{FIRST_LINE}\noptions amdgpu vm_size=1\n{more}")

    assert {one.is_ours for one in read_settings(SystemRoot(root))} == {False}


def test_every_other_place_is_looked_into(root):
    for path, text in (
        ("etc/modules-load.d/gpu.conf", "amdgpu\n"),
        ("etc/initramfs-tools/modules", "amdgpu\n"),
        ("usr/share/initramfs-tools/modules.d/x", "amdgpu\n"),
        ("etc/dracut.conf.d/gpu.conf", 'add_drivers+=" amdgpu "\n'),
        ("etc/mkinitcpio.conf", "MODULES=(amdgpu)\n"),
        ("etc/default/grub", 'GRUB_CMDLINE_LINUX="amdgpu.dc=0"\n'),
        ("etc/default/grub.d/x.cfg", 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX nomodeset"\n'),
        ("etc/kernel/cmdline", "quiet module_blacklist=amdgpu\n"),
        ("boot/grub/grub.cfg", "\tlinux /vmlinuz amdgpu.dc=0\n\tlinux /vmlinuz recovery nomodeset\n"),
        ("boot/loader/entries/x.conf", "title nomodeset\noptions modprobe.blacklist=amdgpu\n"),
        ("proc/cmdline", "nomodeset\n"),
    ):
        write(root / path, text)

    assert told(root) == [
        ("etc/modules-load.d/gpu.conf", 1, "load"),
        ("etc/initramfs-tools/modules", 1, "image"),
        ("usr/share/initramfs-tools/modules.d/x", 1, "image"),
        ("etc/dracut.conf.d/gpu.conf", 1, "image"),
        ("etc/mkinitcpio.conf", 1, "image"),
        ("etc/default/grub", 1, "bootline"),
        ("etc/default/grub.d/x.cfg", 1, "bootline"),
        ("etc/kernel/cmdline", 1, "bootline"),
        ("boot/grub/grub.cfg", 1, "bootline"),
        ("boot/loader/entries/x.conf", 2, "bootline"),
    ]
    assert told(root, is_running=True)[-1] == ("proc/cmdline", 1, "bootline")


def test_a_file_that_two_places_lead_to_is_told_once_under_its_own_name(root):
    write(root / "etc/modules", "amdgpu\n")
    write(root / "etc/modules-load.d/x", "")
    (root / "etc/modules-load.d/modules.conf").symlink_to("../modules")

    assert told(root) == [("etc/modules", 1, "load")]


def test_a_link_of_a_hostile_root_reads_no_setting_of_this_machine(root, tmp_path):
    write(tmp_path / "outside/modprobe.d/x.conf", "blacklist amdgpu\n")
    (root / "etc/modprobe.d").rmdir()
    (root / "etc/modprobe.d").symlink_to(tmp_path / "outside/modprobe.d")
    (root / "etc/modules-load.d").symlink_to("../../outside/modprobe.d")

    assert told(root) == []


def test_odd_files_are_told_as_unread_and_odd_names_are_read(root):
    os.mkfifo(root / "etc/modprobe.d/fifo.conf")
    name = os.fsdecode(b"a\xff\n.conf")
    write(root / "etc/modprobe.d" / name, b"blacklist amdgpu\xff\nblacklist amdgpu \xff\n")
    files = SystemRoot(root)

    assert read_settings(files) == (
        Setting(f"etc/modprobe.d/{name}", 2, "blacklist amdgpu \\xff", "blacklist", "amdgpu"),
    )
    assert files.unread == ("`/etc/modprobe.d/fifo.conf` could not be read: it is no regular file",)


def test_all_files_that_a_boot_image_copies_are_told_by_the_name_that_they_have_there(root):
    write(root / "etc/modprobe.d/a.conf", "x")
    write(root / "usr/share/b.conf", "y")
    (root / "usr/lib/modprobe.d/b.conf").symlink_to("/usr/share/b.conf")
    (root / "etc/modprobe.d/gone.conf").symlink_to("/nowhere")

    found = [one.path for one in read_setting_files(SystemRoot(root)) or ()]

    assert found == ["etc/modprobe.d/a.conf", "usr/lib/modprobe.d/b.conf"]


def test_files_of_settings_that_this_user_may_not_read_are_told_apart_from_there_being_none(root):
    write(root / "etc/modprobe.d/secret.conf", "x").chmod(0)

    with as_nobody(root):
        found = read_setting_files(SystemRoot(root))
    (root / "etc/modprobe.d").chmod(0)
    with as_nobody(root):
        hidden = read_setting_files(SystemRoot(root))

    assert (found, hidden) == ((PackedFile("etc/modprobe.d/secret.conf", ""),), None)
