"""The probe on a processor, in an environment that is not ours."""

from __future__ import annotations

import os
from pathlib import Path

from rocmswitch.model.probe import Report
from rocmswitch.operations import probe
from rocmswitch.operations.probe import Wanted
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.system.descendants import descendants

GENEROUS = 300.0
"""Seconds for what has to come to its end, on a slow machine too."""


def tried(environment: Path, *words: str, deadline: float = GENEROUS) -> Report:
    before = running()
    report = probe.execute(planned(environment, *words, deadline=deadline), lambda _: None)
    assert running() - before == set(), "something was left running"
    return report


def running() -> set[int]:
    """What this process has started: a test before may have left a helper of Python's own."""
    return {one.number for one in descendants(os.getpid())}


def planned(environment: Path, *words: str, deadline: float = GENEROUS) -> probe.Plan:
    installed = Installed([Layout.under(environment.parent / "rocmswitch")])
    # Threads that wait for one another take many times as long where other tests run beside.
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    return probe.plan(str(environment), installed, variables, Wanted(words, device="cpu", deadline=deadline))


def ends(report: Report) -> dict[str, tuple[str, str]]:
    return {one.operation.name: (one.result, one.detail) for one in report.outcomes}
