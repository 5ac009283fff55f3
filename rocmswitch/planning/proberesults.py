"""What a probe's report comes to: cells of a matrix, and one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rocmswitch.model.probe import BAD, CRASH, ERROR, HANG, OK, SKIPPED, WRONG, Outcome, Report

WORST_FIRST = (HANG, CRASH, WRONG, ERROR, OK, SKIPPED)
_VERBS = {HANG: "hangs", CRASH: "crashes", WRONG: "is wrong", ERROR: "fails"}
_SIZE = re.compile(r",? *\bat (\d+(?:×\d+)*)")
"""In a shape: `16 → 32 channels at 44×44`."""
_SIGNAL = re.compile(r"\bSIG[A-Z0-9]+\b")
_DTYPES = ("float32", "float16", "bfloat16", "float64")
_NAMED = 4
"""Groups that the sentence names."""


@dataclass(frozen=True)
class Cell:
    """What the operations of one group and dtype came to."""

    outcomes: tuple[Outcome, ...]

    @property
    def result(self) -> str:
        """The worst; empty where nothing was tried."""
        there = {one.result for one in self.outcomes}
        return next((result for result in WORST_FIRST if result in there), "")

    @property
    def text(self) -> str:
        """`ok 1.2 ms` (the slowest's), `wrong 3e-2`, `crash SIGSEGV`, `hang 3 of 5`, `hang 2, wrong 1 of 5`."""
        tried = _tried(self.outcomes)
        if self.result in (OK, SKIPPED, ""):
            slowest = max((one.seconds for one in tried), default=0.0)
            return f"{self.result} {duration(slowest)}".strip() if tried else self.result
        if len(tried) == 1:
            return told(tried[0])
        counts = [(sum(one.result == result for one in tried), result) for result in WORST_FIRST if result in BAD]
        return f"{', '.join(f'{result} {count}' for count, result in counts if count)} of {len(tried)}"


@dataclass(frozen=True)
class Matrix:
    """Rows by their name, each with a cell for every column."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def by_dtype(report: Report) -> Matrix:
    """Groups in the order in which they were tried, by dtypes, those that most code uses first."""
    found = {one.operation.dtype: None for one in report.outcomes}
    columns = (*(one for one in _DTYPES if one in found), *(one for one in found if one not in _DTYPES))
    return _matrix(report.outcomes, lambda one: one.operation.group, lambda one: one.operation.dtype, columns)


def by_size(report: Report, group: str) -> Matrix | None:
    """What of *group* was tried in several sizes, by these, the smallest first; None where nothing was."""
    sizes: dict[str, set[str]] = {}
    for one in report.of_group(group):
        sizes.setdefault(_kind(one), set()).add(size(one))
    several = [one for one in report.of_group(group) if size(one) and len(sizes[_kind(one)]) > 1]
    columns = tuple(sorted({size(one): None for one in several}, key=_pixels))
    return _matrix(several, _without_size, size, columns) if len(columns) > 1 else None


def size(one: Outcome) -> str:
    """`44×44`; empty where its shape names none."""
    found = _SIZE.search(one.operation.shape)
    return found[1] if found else ""


def told(one: Outcome) -> str:
    """One outcome in a cell: `ok 1.2 ms`, `wrong 3e-2`, `hang`, `crash SIGSEGV`."""
    if one.result == OK:
        return f"{OK} {duration(one.seconds)}".strip()
    if one.result == WRONG and one.difference is not None:
        return f"{WRONG} {_short(one.difference)}"
    signal = _SIGNAL.search(one.detail)
    return f"{CRASH} {signal[0]}" if one.result == CRASH and signal else one.result


def duration(seconds: float) -> str:
    """`350 µs`, `1.2 ms`, `2.1 s`; empty for what took none."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1 or (unit == "µs" and seconds > 0):
            value = seconds * factor
            return f"{value:.0f} {unit}" if value >= 9.95 or unit == "µs" else f"{value:.1f} {unit}"
    return ""


def summary(report: Report) -> str:
    """`61 of 66 work; conv2d hangs from 44×44 up`."""
    tried = _tried(report.outcomes)
    working = sum(one.result == OK for one in tried)
    groups = [group for group in report.groups if any(one.result in BAD for one in report.of_group(group))]
    said = [_said(group, _tried(report.of_group(group))) for group in groups[:_NAMED]]
    more = len(groups) - _NAMED
    rest = f" and {more} more fail{'s' if more == 1 else ''}" if more > 0 else ""
    count = f"{working} of {len(tried)} work" if tried else "nothing was tried"
    stopped = f", stopped after {len(report.outcomes)} of {report.planned}" if report.is_partial else ""
    return "; ".join(filter(None, (count + stopped, ", ".join(said) + rest)))


def _matrix(
    outcomes: Iterable[Outcome],
    row: Callable[[Outcome], str],
    column: Callable[[Outcome], str],
    columns: tuple[str, ...] = (),
) -> Matrix:
    cells: dict[tuple[str, str], list[Outcome]] = {}
    for one in outcomes:
        cells.setdefault((row(one), column(one)), []).append(one)
    rows = tuple(dict.fromkeys(name for name, _ in cells))
    columns = columns or tuple(dict.fromkeys(other for _, other in cells))
    return Matrix(
        columns,
        tuple((name, tuple(Cell(tuple(cells.get((name, other), ()))) for other in columns)) for name in rows),
    )


def _said(group: str, tried: tuple[Outcome, ...]) -> str:
    failing = tuple(one for one in tried if one.result in BAD)
    ways = {one.result for one in failing}
    return f"{group} {_VERBS[ways.pop()] if len(ways) == 1 else 'fails'}{_where(tried, failing)}"


def _where(tried: tuple[Outcome, ...], failing: tuple[Outcome, ...]) -> str:
    """` in float16 from 44×44 up`: what those that fail have in common and no other has; else how many."""
    words, left = "", tried
    dtypes = {one.operation.dtype for one in failing}
    if len(dtypes) < len({one.operation.dtype for one in tried}):
        words += f" in {' and '.join(sorted(dtypes))}"
        left = tuple(one for one in left if one.operation.dtype in dtypes)
    if all(one.operation.backward for one in failing) and not all(one.operation.backward for one in left):
        words += " backward"
        left = tuple(one for one in left if one.operation.backward)
    if len(left) == len(failing):
        return words
    kinds = {_kind(one) for one in failing}
    if len(kinds) == 1 and len({_kind(one) for one in left}) > 1:
        (kind,) = kinds
        words += f" with {kind}"
        left = tuple(one for one in left if _kind(one) == kind)
    if len(left) == len(failing):
        return words
    least = _least_size(left, failing)
    return f"{words} from {least} up" if least else f"{words} in {len(failing)} of {len(left)}"


def _least_size(tried: tuple[Outcome, ...], failing: tuple[Outcome, ...]) -> str:
    """The size from which on everything fails, where everything below works; else empty."""
    if not all(size(one) for one in tried):
        return ""
    least = min((size(one) for one in failing), key=_pixels)
    above = [one for one in tried if _pixels(size(one)) >= _pixels(least)]
    return least if len(above) == len(failing) else ""


def _tried(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    return tuple(one for one in outcomes if one.result != SKIPPED)


def _pixels(text: str) -> int:
    """Digits are bounded: a report may come from anywhere."""
    product = 1
    for number in text.split("×"):
        product *= int(number[:9])
    return product


def _without_size(one: Outcome) -> str:
    """What tells an operation from the others of its group but the size: `16 → 32 channels, float32, backward`."""
    parts = (_kind(one), one.operation.dtype, "backward" if one.operation.backward else "")
    return ", ".join(filter(None, parts))


def _kind(one: Outcome) -> str:
    """Its shape without the size: `16 → 32 channels`."""
    return _SIZE.sub("", one.operation.shape, count=1)


def _short(number: float) -> str:
    """`3e-2`, `0.5`, `12`."""
    if 0.1 <= number < 1000:
        return f"{number:.0f}" if number >= 9.5 else f"{number:.1g}"
    return re.sub(r"e([+-])0*(\d)", r"e\1\2", f"{number:.0e}").replace("e+", "e") if number else "0"
