"""What became of all faults, for people to read: a table at the end of the run, from whatever worker it comes.

record_property("faults", counted(results, points=len(stage.calls)))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.faultscenarios import Result

COLUMNS = ("scenario", "fault", "points", "all old", "all new", "broken", "exit codes")


def counted(results: Sequence[Result], points: int) -> dict[str, Any]:
    """One row: *results* of one scenario with one fault, out of *points* that there are."""
    return {
        "scenario": results[0].scenario,
        "fault": results[0].fault,
        "points": len(results),
        "of": points,
        "states": dict(Counter("broken" if one.broken else one.state for one in results)),
        "codes": dict(Counter("killed" if one.code == -9 else str(one.code) for one in results)),
    }


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, where there were any faults."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    rows = [row for report in reports for row in _rows(report)]
    if rows:
        terminalreporter.section("faults")
        for line in table(rows):
            terminalreporter.write_line(line)


def table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The lines of the table, and how many points of how many they stand for."""
    rows = sorted(rows, key=lambda row: (row["scenario"], row["fault"]))
    texts = [COLUMNS, *(_texts(row) for row in rows)]
    widths = [max(len(text[column]) for text in texts) for column in range(len(COLUMNS))]
    for text in texts:
        yield "  ".join(word.ljust(width) for word, width in zip(text, widths, strict=True)).rstrip()
    points, there_are = sum(row["points"] for row in rows), sum(row["of"] for row in rows)
    yield f"{points} points" if points == there_are else f"{points} points, a sample of {there_are}"


def _texts(row: dict[str, Any]) -> tuple[str, ...]:
    codes = ", ".join(f"{code}: {count}" for code, count in sorted(row["codes"].items()))
    states = [str(row["states"].get(state, 0)) for state in ("all old", "all new", "broken")]
    return (row["scenario"], row["fault"], str(row["points"]), *states, codes)


def _rows(report: object) -> Iterator[dict[str, Any]]:
    if isinstance(report, pytest.TestReport) and report.when == "call":
        yield from (value for name, value in report.user_properties if name == "faults")
