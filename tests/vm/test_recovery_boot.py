"""What stands in the way of a recovery is said, with the right exit code and the line to type; then it goes on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import breaking
from tests.support.kernelroots import write
from tests.vm.conftest import Machines
from tests.vm.edition import APPLY, BOTH, Edition
from tests.vm.image import mounted
from tests.vm.machine import Machine, package_of

pytestmark = [pytest.mark.vm, pytest.mark.parametrize("edition", BOTH, ids=lambda edition: edition.name)]

LEFT, LACKING = 4, 6


def test_a_full_boot_folder_keeps_the_old_image_until_there_is_room(edition: Edition, machines: Machines) -> None:
    machine = machines("12", "/boot full", edition.name)
    move_boot_to_a_disk(machine)
    with machine.mounted() as root:
        words = break_it(machine, root)
        filler = breaking.fill(root / "boot")

        full = edition.outside(root, *APPLY, *words)
        filler.unlink()
        freed = edition.outside(root, *APPLY, *words)

    assert (full.status, freed.status) == (LEFT, 0), f"{full}\n{freed}"
    assert "/boot" in full.output and "free" in full.output, full
    machine.assert_loads_its_own(machine.boot(), early=True)


def test_a_boot_folder_that_is_not_mounted_is_said(edition: Edition, machines: Machines) -> None:
    machine = machines("12b", "/boot not mounted", edition.name)
    move_boot_to_a_disk(machine)
    with machine.mounted() as root:
        words = break_it(machine, root)

    with mounted(machine.disk) as root:
        refused = edition.outside(root, *APPLY, *words)
        assert breaking.in_tree_files(root)[0].stat().st_size < 10_000_000, "changed something all the same"
    with machine.mounted() as root:
        recovered = edition.outside(root, *APPLY, *words)

    assert (refused.status, recovered.status) == (LACKING, 0), f"{refused}\n{recovered}"
    assert "mount " in refused.output and "/boot" in refused.output, refused
    machine.assert_loads_its_own(machine.boot(), early=True)


def test_a_root_that_is_mounted_read_only_is_said(edition: Edition, machines: Machines) -> None:
    machine = machines("12c", "read-only root", edition.name)
    with machine.mounted() as root:
        words = break_it(machine, root)

        subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
        refused = edition.outside(root, *APPLY, *words)
        subprocess.run(["mount", "-o", "remount,rw", str(root)], check=True)
        recovered = edition.outside(root, *APPLY, *words)

    assert (refused.status, recovered.status) == (LACKING, 0), f"{refused}\n{recovered}"
    assert f"mount -o remount,rw {root}" in refused.output, refused
    machine.assert_loads_its_own(machine.boot(), early=True)


def break_it(machine: Machine, root: Path) -> tuple[str, ...]:
    """Truncated, in the boot image too. Returns what is typed after `recover`."""
    breaking.truncate_in_tree(root)
    breaking.renew_image(root)
    (kernel,) = breaking.kernels(root)
    return ("--package", str(package_of(machine.suite, kernel)))


def move_boot_to_a_disk(machine: Machine) -> None:
    """/boot becomes a file system of its own, as installers make it for encrypted roots."""
    disk = machine.disk.with_name("boot.img")
    with machine.mounted() as root:
        subprocess.run(["truncate", "-s", "120M", str(disk)], check=True)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(root / "boot"), str(disk)], check=True)
        for file in (root / "boot").iterdir():
            file.unlink()
        write(root / "etc/fstab", (root / "etc/fstab").read_text() + "/dev/vdb /boot ext4 defaults 0 2\n")
    machine.boot_disk = disk
