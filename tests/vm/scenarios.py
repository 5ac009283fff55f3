"""The table: in which ways amdgpu gets broken, and what brings it back. Each row ends with a boot.

Letters behind a number tell variants of one way apart. Rows with a course of their own (the power
cuts, a full /boot, a package that was broken off) have tests of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import breaking
from tests.support.breaking import in_tree_files, kernels
from tests.support.kernelroots import chroot, write
from tests.vm.edition import BOTH, PYTHON, SHELL, Edition, run
from tests.vm.image import BOOKWORM, TRIXIE
from tests.vm.machine import package_of, packaged_amdgpu

LOADS, DOES_NOT_LOAD, HANGS = "loads", "does not load", "hangs"
"""What a boot of the broken machine shows."""


@dataclass(frozen=True)
class Row:
    """One way to break a machine, and to bring it back by `--root`, from outside."""

    number: str
    how: str
    damage: Callable[[Path], None]
    shows: str = DOES_NOT_LOAD
    is_early: bool = False
    """amdgpu stands in the boot image, the broken one too."""
    has_snapshot: bool = False
    with_package: bool = False
    """The kernel's package is at hand: `--package FILE`."""
    from_archive: bool = False
    """The package manager has to load the package."""
    editions: tuple[Edition, ...] = BOTH
    suite: str = BOOKWORM
    says: str = ""
    """What the plan has to name."""
    trace: str = ""
    """A line of the guest's report, of a module that loads all the same; gone after the recovery."""


def put_foreign(root: Path) -> None:
    """Row 4: a real module, of the second kernel."""
    (kernel,) = kernels(root)
    other = kernel.replace("-amd64", "-rt-amd64")
    for file in in_tree_files(root):
        write(file, packaged_amdgpu(BOOKWORM, other))


def take_away(root: Path) -> None:
    for file in in_tree_files(root):
        file.unlink()


def damage_the_snapshot(root: Path) -> None:
    """Row 10."""
    (snapshot,) = (root / "var/lib/rocmswitch/driver/snapshots").glob("[0-9]*")
    breaking.damage_snapshot(snapshot)
    breaking.truncate_in_tree(root)


_SNAPSHOT_AND_EARLY: dict[str, Any] = {"has_snapshot": True, "is_early": True, "says": "snapshot"}

ROWS = (
    Row("1", "in-tree module truncated, in the boot image too", breaking.truncate_in_tree, **_SNAPSHOT_AND_EARLY),
    Row("2", "in-tree module empty, in the boot image too", breaking.empty_in_tree, **_SNAPSHOT_AND_EARLY),
    Row("3", "in-tree module garbled, in the boot image too", breaking.garble_in_tree, **_SNAPSHOT_AND_EARLY),
    Row("4", "module of another kernel, in the boot image too", put_foreign, **_SNAPSHOT_AND_EARLY),
    Row("6", "DKMS shadow that hangs in the boot image", breaking.shadow_by_dkms, shows=HANGS, is_early=True),
    Row("6b", "DKMS shadow that dies once the root is there", breaking.shadow_by_dkms),
    Row(
        "7b",
        "options amdgpu mtype_local=1: it loads",
        breaking.set_mtype_local,
        shows=LOADS,
        suite=TRIXIE,
        says="mtype_local",
        trace="mtype_local=1",
    ),
    Row("9", "no snapshot: from the package at hand", breaking.truncate_in_tree, with_package=True, says=".deb"),
    Row("9b", "no snapshot, the file gone: by apt", take_away, from_archive=True, editions=(PYTHON,)),
    Row(
        "10",
        "snapshot damaged too: from the package",
        damage_the_snapshot,
        has_snapshot=True,
        with_package=True,
        says="not from snapshot",
    ),
    Row("11", "twins, compressed modules", breaking.put_twin, suite=TRIXIE, **_SNAPSHOT_AND_EARLY),
    Row("14", "packaged DKMS source patched", breaking.patch_packaged_source, says="kfd_crat.c"),
    Row("15", "original moved to original_module", breaking.move_to_original_module, says="/original_module/"),
    Row("15b", "original moved to updates/dkms", breaking.move_to_updates, shows=LOADS, says="/updates/dkms/"),
    Row(
        "17",
        "firmware in lib/firmware/updates",
        breaking.put_firmware,
        shows=LOADS,
        says="firmware",
        trace="firmware=navi10_sos.bin",
    ),
    Row("18", "never saw rocmswitch, shadow put by hand", breaking.shadow_by_hand, editions=(SHELL,)),
)


def prepare(row: Row, root: Path) -> None:
    """Take the snapshot that the row has, break, and do what who broke it did next.

    Without a snapshot, this is a system that never saw rocmswitch.
    """
    if row.is_early:
        modules = root / "etc/initramfs-tools/modules"
        write(modules, modules.read_text() + "amdgpu\n")
    if row.has_snapshot:
        finished = run_driver_snapshot(root)
        assert not finished, finished
    else:
        assert not (root / "var/lib/rocmswitch").exists() and not (root / "boot/rocmswitch").exists()
    row.damage(root)
    breaking.renew_index(root)
    if row.is_early or row.shows == LOADS:
        for kernel in kernels(root):
            chroot(root, "update-initramfs", "-u", "-k", kernel)


def run_driver_snapshot(root: Path) -> str:
    """What it says where it fails."""
    finished = run(str(PYTHON.program), "driver", "snapshot", "--root", str(root))
    return str(finished) if finished.status else ""


def words(row: Row, root: Path) -> tuple[str, ...]:
    """What is typed after `recover`."""
    if not row.with_package:
        return ()
    return tuple(word for kernel in kernels(root) for word in ("--package", str(package_of(row.suite, kernel))))
