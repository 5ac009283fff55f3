"""Talking with a program: lines of JSON through two pipes of its own, and the end of what it prints."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rocmswitch.system.process import Pipes, Started, start

_GLANCE = 0.2
"""Seconds after which it is looked whether the program still runs: a process that it has left behind may hold the
pipes open for ever."""
_PIECE = 64 * 1024
_PIECES = 64
_LONGEST = 1024 * 1024
"""Bytes of an answer. A longer one is none."""

Command = Callable[[int, int], Sequence[str | Path]]
"""The command, from the descriptors in which it finds requests and writes answers."""


class Conversation:
    """A program that is asked things. What it answers that is no object in JSON is passed over."""

    def __init__(self, command: Command, environment: Mapping[str, str], folder: Path) -> None:
        """Start it. Raises OSError where it cannot be run."""
        asked, self._requests = os.pipe()
        self._answers, told = os.pipe()
        self._output, printed = os.pipe()
        self._ours = [self._requests, self._answers, self._output]
        try:
            pipes = Pipes(printed, (asked, told))
            self.process: Started = start(command(asked, told), pipes, environment=environment, folder=folder)
        except BaseException:
            self.close()
            raise
        finally:
            for number in (asked, told, printed):
                os.close(number)
        self._open = {self._answers, self._output}
        self._unread, self._printed = b"", b""
        self._messages = deque[dict[str, Any]]()

    def say(self, message: Mapping[str, object]) -> None:
        """Nothing happens where it has ended: hear() will tell."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._requests, json.dumps(message).encode("ascii") + b"\n")

    def hear(self, until: float) -> dict[str, Any] | None:
        """The next answer; None where there is none *until* then (time.monotonic). Raises EOFError at its end."""
        while not self._messages:
            has_ended, remaining = self.process.poll() is not None, until - time.monotonic()
            has_read = self._read(0 if has_ended else max(0.0, min(_GLANCE, remaining)))
            if has_ended and not has_read:
                raise EOFError
            if remaining <= 0 and not self._messages:  # also of one that prints without end
                return None
        return self._messages.popleft()

    def forget(self) -> None:
        """What was said and printed before is of no interest any more."""
        self._drain()
        self._messages.clear()
        self._printed = b""

    def last_words(self) -> str:
        """The end of what was printed, as a text of several lines."""
        self._drain()
        return self._printed.decode("utf-8", "replace")

    def close(self) -> None:
        """Says that no more will be asked."""
        while self._ours:
            os.close(self._ours.pop())

    def _drain(self) -> None:
        """What is there by now; a program that prints without end is not listened to for ever."""
        for _ in range(_PIECES):
            if not self._read(0):
                return

    def _read(self, patience: float) -> bool:
        """Whether something came within *patience* seconds."""
        if not self._open:
            time.sleep(patience)
        with selectors.DefaultSelector() as selector:
            for number in self._open:
                selector.register(number, selectors.EVENT_READ)
            ready = [key.fd for key, _ in selector.select(patience)] if self._open else []
        return sum(self._take(number, os.read(number, _PIECE)) for number in ready) > 0

    def _take(self, number: int, piece: bytes) -> bool:
        if not piece:
            self._open.discard(number)
        elif number == self._output:
            self._printed = (self._printed + piece)[-_PIECE:]
        else:
            *lines, self._unread = (self._unread + piece).split(b"\n")
            self._unread = self._unread[-_LONGEST:]
            self._messages += [one for line in lines if (one := _message(line)) is not None]
        return bool(piece)


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
