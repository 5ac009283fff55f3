"""How long the stages of a piece of work took."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class Stages:
    """Seconds of wall time by stage, in the order in which they ended."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start
