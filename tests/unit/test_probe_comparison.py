"""Two reports side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.probe import BAD, CRASH, HANG, OK, SKIPPED
from rocmswitch.planning.probecomparison import (
    BETTER,
    FASTER,
    ONE_SIDED,
    OTHER,
    SLOWER,
    WORSE,
    compare,
)
from tests.support.probereports import ON_CARD, hanging_from, made_report, outcome


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (OK, HANG, WORSE),
        (HANG, OK, BETTER),
        (HANG, CRASH, OTHER),
        (HANG, HANG, ""),
        (OK, SKIPPED, ONE_SIDED),
        (SKIPPED, HANG, ONE_SIDED),
        (SKIPPED, SKIPPED, ""),
    ],
)
def test_a_result_that_changed_is_told(before: str, after: str, kind: str):
    found = compare(made_report(outcome("gru", before)), made_report(outcome("gru", after)))

    assert [one.kind for one in found.changes] == ([kind] if kind else [])
    assert found.unchanged == (0 if kind else 1)


@pytest.mark.parametrize("result", BAD)
def test_only_what_worked_and_does_not_any_more_is_worse(result: str):
    works, fails, absent = made_report(outcome("gru")), made_report(outcome("gru", result)), made_report()

    assert compare(works, fails).is_worse
    assert not any(compare(*pair).is_worse for pair in ((fails, works), (fails, fails), (works, absent)))


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (0.010, 0.020, SLOWER),
        (0.020, 0.010, FASTER),
        (0.010, 0.011, ""),
        (0.000010, 0.000025, ""),
        (0.000200, 0.000420, ""),
        (0.000200, 0.000600, SLOWER),
        (0.0, 0.020, ""),
        (0.010, 0.0, ""),
    ],
)
def test_a_time_counts_where_it_differs_by_more_than_two_runs_do(before: float, after: float, kind: str):
    found = compare(*(made_report(outcome("gru", seconds=one)) for one in (before, after)))

    assert [(one.kind, one.factor) for one in found.changes] == ([(kind, after / before)] if kind else [])
    assert not found.is_worse


@pytest.mark.parametrize(("spreads", "kind"), [((0.002, 0.003), SLOWER), ((0.004, 0.008), ""), ((0.011, 0.0), "")])
def test_a_time_counts_where_it_differs_by_more_than_the_repetitions_of_both_do(
    spreads: tuple[float, float], kind: str
):
    times = zip((0.010, 0.020), spreads, strict=True)

    found = compare(*(made_report(replace(outcome("gru", seconds=one), spread=spread)) for one, spread in times))

    assert [one.kind for one in found.changes] == ([kind] if kind else [])


def test_what_was_tried_on_one_side_alone_is_told():
    found = compare(made_report(outcome("gru")), made_report(outcome("lstm", HANG)))

    assert [(one.kind, one.name) for one in found.changes] == [
        (ONE_SIDED, "gru-float32"),
        (ONE_SIDED, "lstm-float32"),
    ]


def test_the_worse_stands_before_the_better_and_the_faster():
    old = made_report(outcome("a", seconds=1.0), outcome("b", HANG), outcome("c"))
    new = made_report(outcome("a", seconds=0.1), outcome("b"), outcome("c", HANG))

    assert [one.kind for one in compare(old, new).changes] == [WORSE, BETTER, FASTER]


def test_what_differs_around_the_two_runs_is_told():
    other = replace(ON_CARD, convolutions="fallback", environment=(), driver="")

    found = compare(made_report(), made_report(on=other))

    assert found.surroundings == (
        ("amdgpu", "6.8.5", ""),
        ("convolutions", "vendor", "fallback"),
        ("variables", "HSA_OVERRIDE_GFX_VERSION=10.3.0", ""),
    )


def test_a_report_beside_itself_has_nothing_to_tell():
    found = compare(hanging_from(), hanging_from())

    assert (found.changes, found.surroundings, found.unchanged) == ((), (), len(hanging_from().outcomes))
