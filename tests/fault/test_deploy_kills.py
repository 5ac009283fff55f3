"""The real program with a fault at one of its system calls: what it changes is all old or all new, whichever it is.

`scripts/test --faults` goes through every call that changes a file; otherwise it is a sample, the same every time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.disk import remove_folder
from tests.support.faultscenarios import SCENARIOS, Stage, spread
from tests.support.faulttable import counted
from tests.support.tracing import Fault, need_tracing

SAMPLE = 60
ALL = os.environ.get("TEST_FAULTS") == "all"
CELLS = [(scenario, fault) for scenario in SCENARIOS for fault in Fault]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stage]]:
    need_tracing()
    folders: list[Path] = []

    @cache
    def stage(name: str) -> Stage:
        folders.append(tmp_path_factory.mktemp("stage"))
        return Stage(SCENARIOS[name], folders[-1])

    yield stage
    for folder in folders:
        remove_folder(folder)


@pytest.mark.parametrize(("scenario", "fault"), CELLS, ids=[f"{name}-{fault.name}" for name, fault in CELLS])
def test_a_fault_at_any_call_leaves_all_old_or_all_new(
    scenario: str,
    fault: Fault,
    stages: Callable[[str], Stage],
    record_property: Callable[[str, object], None],
) -> None:
    stage = stages(scenario)
    chosen = list(range(len(stage.calls)))
    if not ALL:
        # Each fault has its own points.
        chosen = spread(len(stage.calls), SAMPLE // len(SCENARIOS))[list(Fault).index(fault) :: len(Fault)]

    results = [stage.point(stage.calls[number], fault) for number in chosen]

    record_property("faults", counted(results, len(stage.calls)))
    broken = [f"{one.fault} at {one.call}: {one.broken}" for one in results if one.broken]
    assert not broken, "\n".join(broken)
