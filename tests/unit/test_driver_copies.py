"""Which copies of kernel modules stay where old ones are let go of: nothing that a way back still needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.deployment import FILE, FileState
from rocmswitch.model.kernel import Contents, System
from rocmswitch.model.snapshot import BEFORE_RECOVERY, BEFORE_SET, BY_USER, Snapshot, SnapshotFile
from rocmswitch.planning.drivercopies import IMAGE, QUARANTINE, SNAPSHOT, Copies, Quarantine, plan_copies
from tests.support.systems import OTHER, K, bookworm, contents, genuine, in_tree, kernel_of, packaged, system_of

PATCHED = contents("patched")
CONF = "etc/modprobe.d/rocmswitch.conf"
IMAGE_NAME = f"initrd.img-{K}.before"


def copied(path: str, found: Contents) -> SnapshotFile:
    return SnapshotFile(path, FileState(FILE, size=found.size, sha256=found.sha256), found.vermagic)


def snapshot(number: int, *modules: Contents, why: str = BY_USER, more: tuple[SnapshotFile, ...] = ()) -> Snapshot:
    files = (*(copied(in_tree(one.kernel), one) for one in modules), *more)
    return Snapshot(number, "2026-11-21T00:00:00+00:00", why, (K,), files)


def changed() -> System:
    """Whose module somebody has replaced."""
    return system_of(kernel_of(K, packaged(PATCHED)))


def gone(copies: Copies, system: System | None = None, *, everything: bool = False) -> list[tuple[str, str]]:
    found = plan_copies(copies, system or bookworm(), everything=everything)
    return [(one.kind, one.name) for one in found if not one.kept]


def test_of_equal_snapshots_the_newest_stays():
    copies = Copies(tuple(snapshot(number, genuine()) for number in (3, 2, 1)))

    assert gone(copies) == [(SNAPSHOT, "2"), (SNAPSHOT, "1")]


def test_the_snapshot_that_a_recovery_takes_from_first_stays_with_the_newest():
    before = snapshot(3, PATCHED, why=BEFORE_RECOVERY)
    copies = Copies((before, snapshot(2, genuine(), why=BEFORE_SET), snapshot(1, genuine())))

    assert gone(copies, everything=True) == [(SNAPSHOT, "1")]


@pytest.mark.parametrize("everything", [False, True])
def test_the_only_good_copy_of_a_module_that_is_wrong_now_stays(everything: bool):
    copies = Copies((snapshot(3, PATCHED), snapshot(2, PATCHED), snapshot(1, genuine())))

    assert gone(copies, changed(), everything=everything) == [(SNAPSHOT, "2")]


def test_a_lone_copy_of_a_module_goes_only_with_everything_where_the_kernel_is_well():
    copies = Copies((snapshot(2, genuine()), snapshot(1, PATCHED)))

    assert (gone(copies), gone(copies, everything=True)) == ([], [(SNAPSHOT, "1")])


def test_a_copy_that_is_damaged_stands_in_for_none():
    copies = Copies((snapshot(2, genuine()), snapshot(1, genuine())), damaged=frozenset([(2, in_tree(K))]))

    assert gone(copies) == []


def test_a_module_of_a_kernel_that_is_gone_keeps_nothing():
    copies = Copies((snapshot(2, genuine()), snapshot(1, genuine(OTHER))))

    assert gone(copies) == [(SNAPSHOT, "1")]


def test_a_snapshot_that_nothing_can_use_goes_only_with_everything():
    copies = Copies((snapshot(2, genuine()),), ((1, "its manifest does not hold"),))

    assert (gone(copies), gone(copies, everything=True)) == ([], [(SNAPSHOT, "1")])


def test_the_newest_that_recover_sh_has_put_away_stays_and_others_go_only_with_everything():
    copies = Copies(quarantines=(Quarantine(2, ()), Quarantine(1, ())))

    assert (gone(copies), gone(copies, everything=True)) == ([], [(QUARANTINE, "1")])


def test_a_boot_image_from_before_goes_where_the_one_made_since_is_right():
    assert gone(Copies(images=(IMAGE_NAME,))) == [(IMAGE, IMAGE_NAME)]


def test_a_boot_image_from_before_stays_while_the_one_made_since_is_not_right():
    system = bookworm()
    (kernel,) = system.kernels
    empty = replace(kernel, images=tuple(replace(one, size=0) for one in kernel.images))
    none = replace(kernel, images=())

    found = [gone(Copies(images=(IMAGE_NAME,)), replace(system, kernels=(one,))) for one in (empty, none)]

    assert found == [[], []]


def test_a_boot_image_from_before_of_a_kernel_that_is_gone_goes():
    assert gone(Copies(images=(f"initrd.img-{OTHER}.before",))) == [(IMAGE, f"initrd.img-{OTHER}.before")]


def test_what_is_nowhere_else_is_named_and_what_can_be_made_anew_is_not():
    more = (
        copied(CONF, contents("a setting", vermagic="")),
        copied("etc/modprobe.d/other.conf", contents("kept elsewhere", vermagic="")),
        copied(f"boot/initrd.img-{K}", contents("an image", vermagic="")),
        copied("usr/src/amdgpu-1.0/a.c", contents("a", vermagic="")),
        copied("usr/src/amdgpu-1.0/b.c", contents("b", vermagic="")),
    )
    copies = Copies((snapshot(2, genuine()), snapshot(1, genuine(), why=BEFORE_SET, more=more)))

    found = plan_copies(copies, bookworm(), {contents("kept elsewhere").sha256})

    assert [lost.what for lost in found[1].lost] == [
        f"`/{CONF}` as it was then",
        "2 of the files of `/usr/src/amdgpu-1.0` as they were then",
    ]
