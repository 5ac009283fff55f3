"""The table of faults: what it counts, and that a sample says that it is one."""

from __future__ import annotations

from tests.support.faultscenarios import Result, spread
from tests.support.faulttable import counted, table


def test_the_table_counts_states_and_exit_codes_and_says_that_it_is_a_sample() -> None:
    killed = [Result("deploy", "KILL", "fsync", -9, "all old"), Result("deploy", "KILL", "rename", -9, "all new")]
    full = [
        Result("deploy", "FULL", "write", 6, "all old"),
        Result("deploy", "FULL", "mkdir", 1, "", "left behind"),
    ]

    assert list(table([counted(killed, 2), counted(full, 85)])) == [
        "scenario  fault  points  all old  all new  broken  exit codes",
        "deploy    FULL   2       1        0        1       1: 1, 6: 1",
        "deploy    KILL   2       1        1        0       killed: 2",
        "4 points, a sample of 87",
    ]


def test_all_points_are_no_sample() -> None:
    (*_, last) = table([counted([Result("undo", "KILL", "fsync", -9, "all old")], 1)])

    assert last == "1 points"


def test_a_sample_is_spread_evenly_from_the_first_to_the_last() -> None:
    assert spread(100, 4) == [0, 33, 66, 99]
    assert spread(3, 4) == [0, 1, 2]
