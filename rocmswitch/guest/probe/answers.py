"""What the probe's processes tell: lines of JSON through a pipe of their own, since libraries print to stdout."""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LONGEST = 400
"""Characters of a message: a line stays below PIPE_BUF, so that no other is written into it, pipe(7)."""
_NOT_IMPLEMENTED = "not implemented for '"
"""What torch says of a type of number that it has no code for."""


class Absent(Exception):
    """This torch has no such function."""


class Answers:
    def __init__(self, number: int) -> None:
        self._number = number

    def tell(self, **message: Any) -> None:
        line = json.dumps(dict(message, process=os.getpid())) + "\n"
        os.write(self._number, line.encode("ascii"))

    def tell_and_end(self, **message: Any) -> None:
        """Abruptly on purpose: what frameworks do when they are taken down may hang."""
        self.tell(**message)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    def report_what_is_raised(self) -> None:
        """From here on an exception that nobody catches is this process's answer, and its end."""

        def hook(kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
            self.tell_and_end(**describe(kind, error))

        sys.excepthook = hook


def describe(kind: type[BaseException], error: BaseException) -> dict[str, str]:
    """An exception as an answer: `error`, or `skipped` where torch says that it does not have this."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0] if lines else ""
    if kind is Absent or (issubclass(kind, RuntimeError) and _NOT_IMPLEMENTED in said):
        return {"result": "skipped", "detail": said[:_LONGEST]}
    return {"result": "error", "detail": f"{kind.__name__}: {said}"[:_LONGEST].rstrip(": ")}


def end_with(caller: int) -> None:
    """To be killed when the process ends that has made this one: prctl(2).

    That is *caller*, or one below it that ends with it: an environment's Python may be a script around another.
    """
    _prctl(_PR_SET_PDEATHSIG, 9)
    above = os.getppid()
    while above not in (0, caller):
        above = _parent(above)
    if not above:  # it has ended already
        os._exit(1)


def adopt_orphans() -> None:
    """Whatever is started below this process stays below it, so that it can be found and ended."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _parent(process: int) -> int:
    """Of a process: proc(5). 0 where it is gone, or has none."""
    try:
        return int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)
