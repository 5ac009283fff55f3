"""Which tests of virtual machines run, and what became of them, for people to read.

Marked `@pytest.mark.vm` alone, a test runs only by `scripts/test --vm`; the few marked `@pytest.mark.vm("always")`
run every time, and the summary says how the others are run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

ALL = "TEST_VM"
"""Set by `scripts/test --vm`."""

COLUMNS = ("row", "how it was broken", "by", "boots", "seconds", "outcome")
_BUILT_NOW = 5.0
"""Seconds: to find one that is there takes none."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get(ALL):
        return
    out = [item for item in items if _is_for_later(item)]
    if out:
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=out)


def _is_for_later(item: pytest.Item) -> bool:
    marks = list(item.iter_markers("vm"))
    return bool(marks) and not any("always" in mark.args for mark in marks)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, where any machine was booted."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    rows = [row for report in reports for row in _rows(report)]
    if rows:
        terminalreporter.section("virtual machines")
        for line in (*table(rows), *_building(rows)):
            terminalreporter.write_line(line)
        if not os.environ.get(ALL):
            terminalreporter.write_line("all others by `scripts/test --vm`")
    skipped = sum("vm" in report.keywords for report in terminalreporter.stats.get("skipped", ()))
    if skipped:
        terminalreporter.write_line(
            f"{skipped} of the tests with virtual machines were skipped; why, is said below"
        )


def table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The lines of the table, by the numbers of the rows: as Markdown writes them."""
    rows = sorted(rows, key=lambda row: (int("".join(filter(str.isdigit, row["row"])) or 0), row["row"], row["by"]))
    texts = [COLUMNS, *(_texts(row) for row in rows)]
    widths = [max(len(text[column]) for text in texts) for column in range(len(COLUMNS))]
    texts.insert(1, tuple("-" * width for width in widths))
    for text in texts:
        yield f"| {' | '.join(word.ljust(width) for word, width in zip(text, widths, strict=True))} |"


def _texts(row: dict[str, Any]) -> tuple[str, ...]:
    seconds = f"{row['seconds'] - row['waited']:.0f}"
    return (row["row"], row["how"], row["by"], str(row["boots"]), seconds, row["outcome"])


def _building(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What was waited for before, which happens once per recipe."""
    for suite, seconds in sorted({(row["suite"], row["building"]) for row in rows if row["waited"] > _BUILT_NOW}):
        yield f"apart from these, the system of {suite} was built, in {seconds} s"


def _rows(report: object) -> Iterator[dict[str, Any]]:
    """One for a test that has come to machines, whatever became of it."""
    if isinstance(report, pytest.TestReport) and report.when == "call":
        for name, row in report.user_properties:
            if name == "vm":
                yield {**dict(row), "seconds": report.duration, "outcome": _outcome(report)}


def _outcome(report: pytest.TestReport) -> str:
    return {"passed": "mended", "skipped": "skipped"}.get(report.outcome, "FAILED")
