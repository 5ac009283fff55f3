"""What a recovery says of what it could not look at, or cannot tell: silence would be taken for health."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.kernel import Boot, System
from rocmswitch.planning.recovery import Wishes, plan_recovery
from tests.support.systems import K, bookworm, bootline, empty, genuine, kernel_of, packaged, snapshot, system_of

CLOSED = "`/etc/modprobe.d/amdgpu.conf` could not be read: Permission denied"


@pytest.mark.parametrize(
    ("system", "note"),
    [
        (bookworm(unread=(CLOSED,)), CLOSED),
        (
            bookworm(boot=Boot(is_separate=True, is_mounted=False, unmounted=("boot",))),
            "`/boot` is not mounted: no kernel and no boot image there was looked at",
        ),
        (
            bookworm(boot=Boot(free=500_000_000, unmounted=("efi",))),
            "`/efi` is not mounted: what the boot loader reads there was not looked at",
        ),
    ],
    ids=["unreadable", "boot", "efi"],
)
def test_what_was_not_looked_at_is_noted_also_where_nothing_is_wrong(system: System, note: str):
    assert note in plan_recovery(system, (), Wishes()).notes


def test_that_nobody_can_tell_for_which_machine_a_system_is_is_said_in_these_words():
    broken = system_of(kernel_of(K, packaged(empty())), root="/mnt", architecture="", runs_here=False)

    plan = plan_recovery(broken, (snapshot(genuine()),), Wishes())

    assert plan.faults[0].what == "which machines the programs of `/mnt` run on cannot be told"
    assert plan.lacks[0].remedy == (
        "mount the whole system (`/usr` too, where it is a file system of its own),"
        " then `sudo rocmswitch recover --root /mnt --apply`"
    )


def test_where_its_programs_do_not_run_that_comes_first_and_none_of_them_is_to_be_run():
    broken = system_of(kernel_of(K, packaged(empty())), root="/mnt", architecture="aarch64", runs_here=False)

    plan = plan_recovery(broken, (), Wishes())

    assert plan.is_empty
    assert plan.lacks[0].what == "the programs of `/mnt`, which are for aarch64, do not run on this machine"
    assert plan.lacks[1].remedy == (
        "run `sudo rocmswitch recover --root /mnt --apply --package FILE` on a machine of its kind,"
        f" with `linux-image-{K}` 6.1.176-1"
    )


def test_the_menu_of_a_system_that_does_not_run_is_made_anew_once_it_does():
    mounted = replace(bookworm(settings=(bootline("nomodeset"),)), root="/mnt")

    notes = plan_recovery(mounted, (), Wishes()).notes

    assert notes[-1].endswith(
        "take it out of `/mnt/etc/default/grub`, then run `update-grub` once that system runs"
    )
