"""What kind of system lies below a root, told by its files and never by this machine's."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from rocmswitch.errors import NotFound
from rocmswitch.host.firmware import read_firmware
from rocmswitch.host.rootfacts import (
    architecture,
    check_system,
    image_tool,
    is_running,
    package_database,
    read_boot,
    read_running,
    runs_on,
)
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.fstab import FstabEntry, parse_fstab
from tests.support.kernelroots import kernel_root, write

AARCH64, X86_64, I386 = 183, 62, 3


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return kernel_root(tmp_path / "a root")


def program(machine: int, bits: int = 64) -> bytes:
    """The header of an ELF program, and no more."""
    identity = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1, 1]) + bytes(9)
    words = struct.Struct("<HHIQQQIHHHHHH" if bits == 64 else "<HHIIIIIHHHHHH")
    return identity + words.pack(2, machine, 1, 0, 0, 0, 0, 64 if bits == 64 else 52, 56, 0, 64, 0, 0)


@pytest.mark.parametrize(
    ("machine", "bits", "name"),
    [(X86_64, 64, "x86_64"), (AARCH64, 64, "aarch64"), (I386, 32, "i686")],
)
def test_the_processor_is_told_by_a_program_of_the_system(root, machine, bits, name):
    write(root / "usr/bin/true", "#!/bin/sh\n")
    write(root / "usr/bin/env", program(machine, bits))

    assert architecture(SystemRoot(root)) == name


def test_a_system_without_a_program_that_can_be_read_leaves_its_processor_open(root):
    (root / "usr/bin/true").symlink_to("/bin/true")

    assert architecture(SystemRoot(root)) == ""


def test_a_kernel_runs_its_own_programs_and_the_smaller_ones_of_its_family():
    assert [runs_on("x86_64", one) for one in ("x86_64", "i686", "aarch64", "")] == [True, True, False, False]


def test_a_folder_that_is_no_system_is_refused_with_what_to_mount(tmp_path):
    with pytest.raises(NotFound) as caught:
        check_system(SystemRoot(tmp_path))

    assert caught.value.message == (
        f"`{tmp_path}` has no `/lib/modules`: is the root of the damaged system mounted at `{tmp_path}`?"
    )


def test_the_top_of_a_btrfs_is_refused_with_the_subvolume_to_mount(tmp_path):
    kernel_root(tmp_path / "@")

    with pytest.raises(NotFound, match="that is in its subvolume `@`") as caught:
        check_system(SystemRoot(tmp_path))

    assert "subvol=@" in str(caught.value.hint)


def test_a_root_whose_folders_lead_out_of_it_is_no_system(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    kernel_root(tmp_path / "outside")
    (root / "etc").symlink_to("../outside/etc")
    (root / "lib").symlink_to(tmp_path / "outside/lib")

    with pytest.raises(NotFound):
        check_system(SystemRoot(root))


def test_the_root_that_runs_is_known_whatever_it_is_called(root):
    assert (is_running(Path("/usr/..")), is_running(root)) == (True, False)


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"var/lib/dpkg/status": "Package: x\n", "var/lib/rpm/rpmdb.sqlite": ""}, "dpkg"),
        ({"var/lib/dpkg/status": "", "usr/lib/sysimage/rpm/rpmdb.sqlite": "x"}, "rpm"),
        ({"var/lib/rpm/Packages": "x"}, "rpm"),
        ({"var/lib/pacman/local/ALPM_DB_VERSION": "9\n"}, "pacman"),
        ({}, ""),
    ],
)
def test_the_package_database_is_the_one_that_has_packages(tmp_path, files, kind):
    for path, text in files.items():
        write(tmp_path / path, text)

    assert package_database(SystemRoot(tmp_path)) == kind


@pytest.mark.parametrize(
    ("files", "tool"),
    [
        (("usr/sbin/mkinitramfs", "usr/sbin/update-initramfs", "usr/bin/dracut"), "initramfs-tools"),
        (("usr/sbin/update-initramfs", "usr/bin/dracut"), "dracut"),
        (("usr/bin/mkinitcpio", "usr/bin/dracut"), "dracut"),
        (("usr/bin/mkinitcpio", "usr/bin/dracut", "etc/mkinitcpio.d/linux.preset"), "mkinitcpio"),
        (("usr/bin/mkinitcpio",), "mkinitcpio"),
        ((), ""),
    ],
)
def test_the_tool_of_boot_images_is_the_one_that_the_systems_own_hooks_call(root, files, tool):
    for path in files:
        write(root / path, "")

    assert image_tool(SystemRoot(root)) == tool


def test_a_boot_folder_of_its_own_that_is_not_mounted_is_told_even_if_files_lie_below_it(root):
    write(root / "etc/fstab", "UUID=1 / ext4 defaults 0 1\nUUID=2 /boot ext4 noauto 0 2\nUUID=3 /boot/efi vfat\n")

    found = read_boot(SystemRoot(root))

    assert (found.is_separate, found.is_mounted, found.unmounted) == (True, False, ("boot", "boot/efi"))


def test_a_boot_folder_that_is_part_of_the_root_needs_no_mount(root):
    found = read_boot(SystemRoot(root))

    assert (found.is_separate, found.is_mounted, found.is_read_only, found.unmounted) == (False, True, False, ())
    assert found.free > 0


def test_a_boot_folder_that_is_missing_and_should_be_mounted_is_told(root):
    shutil.rmtree(root / "boot")
    write(root / "etc/fstab", "UUID=2 /boot ext4\n")

    assert not read_boot(SystemRoot(root)).is_mounted


def test_a_boot_folder_that_is_mounted_is_seen_by_its_device(root):
    write(root / "etc/fstab", "UUID=2 /boot ext4 ro\n")
    asking = (
        f"mount -t tmpfs -o ro none '{root}/boot' && exec \"$0\" -c 'from pathlib import Path; "
        "from rocmswitch.host.rootfacts import read_boot; from rocmswitch.host.systemroot import SystemRoot; "
        f'print(read_boot(SystemRoot(Path("{root}"))))\''
    )
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", asking, sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")

    assert "is_separate=True, is_mounted=True, is_read_only=True" in done.stdout, done.stderr


def test_fstab_is_read_with_its_escapes_and_without_its_comments():
    text = "# /boot\nLABEL=a\\040b /mnt/a\\040b/ ext4\nnone none swap sw 0 0\n/dev/x / btrfs subvol=@,ro 0 0\nbad\n"

    assert parse_fstab(text) == (
        FstabEntry("LABEL=a\\040b", "mnt/a b", "ext4", ("defaults",)),
        FstabEntry("/dev/x", "", "btrfs", ("subvol=@", "ro")),
    )


def test_the_kernel_that_runs_tells_of_itself():
    told = read_running()
    uname = subprocess.run(["uname", "-r"], capture_output=True, text=True, check=True).stdout.strip()

    assert (told.release, told.command_line) == (uname, Path("/proc/cmdline").read_text().strip())


def test_firmware_of_amdgpu_among_the_updates_is_told_and_that_of_others_is_not(root, tmp_path):
    write(root / "usr/lib/firmware/updates/amdgpu/navi10_me.bin", "x")
    write(root / "usr/lib/firmware/updates/radeon/x.bin", "x")
    write(root / "usr/lib/firmware/amdgpu/navi10_me.bin", "x")
    (root / "usr/lib/firmware/updates/amdgpu/link.bin").symlink_to("navi10_me.bin")
    write(tmp_path / "secret", "x")
    (root / "usr/lib/firmware/updates/amdgpu/out.bin").symlink_to(tmp_path / "secret")

    assert [one.path for one in read_firmware(SystemRoot(root))] == [
        "usr/lib/firmware/updates/amdgpu/navi10_me.bin"
    ]
