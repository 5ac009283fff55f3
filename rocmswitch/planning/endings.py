"""What an operation of the probe came to, from how its process ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rocmswitch.model.ending import Ending
from rocmswitch.model.printable import printable
from rocmswitch.model.probe import CRASH, ERROR, HANG, OK, SKIPPED, WRONG, Operation, Outcome

_LONGEST = 300
_SAID = (OK, WRONG, ERROR, SKIPPED)
"""What a process can say of itself."""


def judge(operation: Operation, ending: Ending, deadline: float) -> Outcome:
    """A process that has answered counts by its answer, whatever became of it then; *deadline* in seconds."""
    answer = ending.answer or {}
    if answer.get("result") in _SAID:
        said = one_line(str(answer.get("detail") or ""))
        detail = "; ".join(filter(None, (said, _left_over(ending))))
        seconds, difference, spread = (_number(answer, name) for name in ("seconds", "difference", "spread"))
        return Outcome(operation, str(answer["result"]), seconds or 0.0, difference, detail, spread or 0.0)
    if ending.is_late:
        where = f", {ending.stage}" if ending.stage else ""
        what = f"no end within {deadline:g} s{where}"
        return Outcome(operation, HANG, detail="; ".join(filter(None, (what, _left_over(ending)))))
    return Outcome(operation, CRASH, detail="; ".join(filter(None, (_crash(ending), _left_over(ending)))))


def one_line(text: str) -> str:
    """What may be shown of what others have said: nothing that a terminal would obey, and not too much."""
    return printable(text[:_LONGEST])


def _crash(ending: Ending) -> str:
    if ending.signal:
        how = ending.signal
    else:
        how = "an end without an answer" + (f", exit code {ending.code}" if ending.code is not None else "")
    where = f", {ending.stage}" if ending.stage else ""
    words = f": {one_line(ending.last_words)}" if ending.last_words else ""
    return f"{how}{where}{words}"


def _left_over(ending: Ending) -> str:
    if not ending.stuck:
        return ""
    named = ", ".join(f"{number} (state {one_line(state)})" for number, state in ending.stuck)
    return f"{'process' if len(ending.stuck) == 1 else 'processes'} {named} cannot be ended"


def _number(answer: Mapping[str, Any], name: str) -> float | None:
    """None for what is no finite number of at least 0."""
    value = answer.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value < math.inf else None
