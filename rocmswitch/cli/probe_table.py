"""A report of the probe on a terminal: the matrix, each failure in one line, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from rocmswitch.cli import output
from rocmswitch.cli.probe_words import heading, stuck, tried
from rocmswitch.model.printable import printable
from rocmswitch.model.probe import Outcome, Report
from rocmswitch.planning.proberesults import Cell, by_dtype, summary, told

_VENDOR = "vendor"
_TIMES = "times are of one repetition once warm, of several operations the slowest's"
_WIDEST = 160
"""Characters of a failure's line."""


def show(report: Report) -> None:
    """What was found, on stdout; what stood in for a card goes first."""
    substitute = report.surroundings.substitute
    if substitute:
        output.write(printable(f"substitute: {substitute}"))
    output.write(printable(f"{heading(report)}: {summary(report)}"))
    matrix = by_dtype(report)
    rows = ((name, *(printable(_text(cell)) for cell in cells)) for name, cells in matrix.rows)
    output.table(("", *matrix.columns), rows)
    if any(one.seconds for one in report.outcomes):
        output.write(_TIMES)
    for one in report.failing:
        output.write(failure(one))
    if stuck(report):
        output.write(printable(stuck(report)))


def failure(one: Outcome) -> str:
    """`conv2d float32, 16 → 32 channels at 44×44: hang: no end within 60 s`, in one line."""
    line = printable(": ".join(filter(None, (tried(one.operation), told(one), one.detail))))
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"


def advise(report: Report, others: Iterable[Report]) -> None:
    """Say what to do about what does not work; *others* are what was found on this machine before."""
    found = report.surroundings
    if found.is_substitute:
        return
    if found.stack and found.convolutions == _VENDOR and any(map(_is_convolution, report.failing)):
        words = shlex.join(("use", found.stack, "--venv", found.venv, "--conv-fallback"))
        new = (
            "" if any(_is_without_vendor(one, found.target) for one in others) else " (not tried on this card yet)"
        )
        output.say(f"convolutions fail by the vendor's library: `rocmswitch {words}` does without it{new}")
    if report.stuck_since is not None:
        output.say("`sudo dmesg` may tell of the hang; a restart of the machine starts the card again")
    output.say("`rocmswitch recommend` weighs what was found here against the other stacks")


def _is_without_vendor(one: Report, target: str) -> bool:
    """Whether convolutions were tried without the vendor's library on a card of *target*, to the end."""
    found = one.surroundings
    tried_here = found.target == target and not found.is_substitute and not one.is_partial
    return tried_here and found.convolutions != _VENDOR and any(map(_is_convolution, one.outcomes))


def _is_convolution(one: Outcome) -> bool:
    return one.operation.group.startswith("conv") or one.operation.group == "training"


def _text(cell: Cell) -> str:
    return cell.text or "–"
