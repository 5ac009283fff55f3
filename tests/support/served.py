"""What a server gives, as long as it is entered."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from tests.support.server import Server

Entered = TypeVar("Entered", bound="Served")


class Served:
    """Its `server` runs while this is entered."""

    server: Server

    def __enter__(self: Entered) -> Entered:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)
