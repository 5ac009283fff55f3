"""However amdgpu was broken: after a recovery, the boot loads what the kernel's package brings."""

from __future__ import annotations

import os

import pytest

from tests.support.breaking import kernels
from tests.vm.conftest import Machines
from tests.vm.edition import APPLY, BOTH, Edition
from tests.vm.guest import DIED, HANG, OFF, Boot
from tests.vm.image import skip_where_archive_lacks
from tests.vm.machine import Machine, package_of
from tests.vm.scenarios import HANGS, LOADS, ROWS, Row, prepare, words
from tests.vm.table import ALL

EVERY_TIME = (("1", "recover"), ("6", "recover"))
OOPS_AND_SILENCE = 30.0
"""Seconds after which a guest that has oopsed and does nothing is taken for one that hangs."""


def _marks(row: Row, edition: Edition) -> tuple[pytest.MarkDecorator, ...]:
    when = pytest.mark.vm("always") if (row.number, edition.name) in EVERY_TIME else pytest.mark.vm()
    return (when, pytest.mark.network("debian")) if row.from_archive else (when,)


CASES = [
    pytest.param(row, edition, id=f"{row.number}-{edition.name}", marks=_marks(row, edition))
    for row in ROWS
    for edition in row.editions
]


@pytest.mark.parametrize(("row", "edition"), CASES)
def test_the_boot_after_a_recovery_loads_what_the_distribution_brings(
    row: Row, edition: Edition, machines: Machines
) -> None:
    machine = machines(row.number, row.how, edition.name, row.suite)
    with machine.mounted() as root:
        if row.from_archive:
            skip_where_archive_lacks(package_of(row.suite, kernels(root)[0]))
        prepare(row, root)
    if edition is row.editions[0]:
        assert_shows(machine, row)

    with machine.mounted() as root:
        planned = edition.outside(root, *words(row, root))
        recovered = edition.outside(root, *APPLY, *words(row, root))
        again = {one.name: one.outside(root).status for one in BOTH}

    assert (planned.status, recovered.status) == (4, 0), f"{planned}\n{recovered}"
    assert row.says in planned.output, planned
    assert again == {"recover": 0, "recover.sh": 0}, recovered
    booted = machine.boot()
    machine.assert_loads_its_own(booted, early=row.is_early)
    assert booted.report and row.trace not in booted.report.lines, str(booted)


def assert_shows(machine: Machine, row: Row) -> None:
    """That the machine is as broken as the row says. Where not all is run, its Oops ends a machine that hangs."""
    ended_by_oops = row.shows == HANGS and not os.environ.get(ALL)
    booted = machine.boot(Boot(silence=OOPS_AND_SILENCE, append="oops=panic" if ended_by_oops else ""))
    if row.shows == HANGS:
        assert booted.ending == (DIED if ended_by_oops else HANG) and "Oops" in booted.console, str(booted)
    else:
        assert booted.ending == OFF and booted.report, str(booted)
        assert booted.report.is_loaded == (row.shows == LOADS), str(booted)
        assert not row.trace or row.trace in booted.report.lines, str(booted)
