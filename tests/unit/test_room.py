"""How much room a plan needs, and what is said where there is too little."""

from __future__ import annotations

import pytest

from rocmswitch.errors import MachineLacks
from rocmswitch.metadata.deb import Stanza
from rocmswitch.planning.installplan import InstallPlan, PlannedPackage
from rocmswitch.planning.space import Room, check_space, space_needed
from tests.support.packages import index, package


def plan(one: Stanza) -> InstallPlan:
    (candidate,) = index(one).candidates("hip")
    planned = PlannedPackage(candidate, (), "rocm", "signed", cached=False)
    return InstallPlan("debian-5.2.3", "5.2.3", "usr", ("runtime",), (planned,), (), (), (), "")


def room(free: int, file_system: int, folder: str = "/x") -> Room:
    return Room(folder, file_system, free)


def test_room_is_counted_once_for_each_file_system():
    made = plan(package("hip", "5", size="1000000", installed_size="2000"))
    on_disk = 2000 * 1024 + 2000 * 1024 // 20 + 16 * 1024 * 1024

    apart = space_needed(made, room(0, 1), room(0, 2))
    together = space_needed(made, room(0, 1), room(0, 1))

    assert [count for _, count in apart] == [1_000_000, on_disk]
    assert [count for _, count in together] == [1_000_000 + on_disk]


def test_too_little_room_is_an_error_that_names_the_folder_and_both_figures():
    made = plan(package("hip", "5", size="5000000", installed_size="100000"))

    with pytest.raises(MachineLacks) as caught:
        check_space(made, room(10**12, 1, "/cache"), room(50_000_000, 2, "/home"))

    assert str(caught.value) == "`/home` has 50 MB free and 124 MB are needed there"


def test_exactly_enough_room_is_enough():
    made = plan(package("hip", "5"))
    enough = made.download_size + 4096 + 204 + 16 * 1024 * 1024

    check_space(made, room(0, 1), room(enough, 1))

    with pytest.raises(MachineLacks):
        check_space(made, room(0, 1), room(enough - 1, 1))
