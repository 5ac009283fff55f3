"""How a process of the probe came to its end, before it is judged."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ending:
    answer: Mapping[str, Any] | None = None
    """What the process says that the operation came to, unchecked."""
    code: int | None = None
    """Its exit code, negative for the signal that ended it; None where it had to be ended, or nobody knows."""
    stage: str = ""
    """What it was doing last, in its own words."""
    last_words: str = ""
    """The last line that it printed."""
    is_late: bool = False
    """The deadline passed without an answer."""
    stuck: tuple[tuple[int, str], ...] = ()
    """Processes that could not be ended, each with its state as proc(5) writes it."""

    @property
    def signal(self) -> str:
        """That ended it: `SIGSEGV`."""
        if self.code is None or self.code >= 0:
            return ""
        known = {int(one): one.name for one in signal.Signals}
        return known.get(-self.code, f"signal {-self.code}")
