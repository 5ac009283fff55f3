"""The probe's processes in an environment: each operation in one of its own, with a deadline, ended for certain.

What runs there is rocmswitch/guest/probe.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import rocmswitch
from rocmswitch.model.ending import Ending
from rocmswitch.planning.endings import one_line
from rocmswitch.system.conversation import Conversation
from rocmswitch.system.descendants import descendants, end_all
from rocmswitch.system.temporary import temporary_folder

START = Path(rocmswitch.__file__).parent / "guest/probe/start.py"
PATIENCE = 300.0
"""Seconds for `import torch`: from a slow network file system it takes a minute."""
_ONE_MOMENT = 10.0
"""Seconds between an answer, or the end of a process, and our hearing of it."""


class CannotImport(Exception):
    """`import torch` fails; the message says how, in one line."""


class ProbeChild:
    """The environment of *python*, whose user's own packages count only where `has_user_packages` says so."""

    def __init__(self, python: Path, environment: Mapping[str, str], *, has_user_packages: bool = False) -> None:
        self._python, self._environment = python, environment
        self._flags = ("-E", "-B") if has_user_packages else ("-I", "-B")
        self._kept = contextlib.ExitStack()
        self._folder = self._kept.enter_context(temporary_folder())
        self._talk: Conversation | None = None
        self._ready: Mapping[str, Any] = {}

    def __enter__(self) -> ProbeChild:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()
        self._kept.close()

    def describe(self, patience: float = PATIENCE) -> dict[str, str]:
        """What torch says of itself. Raises CannotImport."""
        self._conversation(patience)
        told = self._ready.get("ready")
        found = {str(name): str(value) for name, value in told.items()} if isinstance(told, dict) else {}
        return {**found, "python": str(self._ready.get("python", ""))}

    def attempt(self, task: Mapping[str, object], deadline: float) -> Ending:
        """Do *task* in a process of its own, for at most *deadline* seconds. Raises CannotImport."""
        talk = self._conversation()
        talk.forget()
        talk.say(task)
        watch = _Watch(talk, self._server(talk), forks=bool(self._ready.get("can_fork")))
        ending = watch.until_the_end(deadline)
        if not watch.can_go_on:
            self._end([number for number, _ in ending.stuck])
        return ending

    def _conversation(self, patience: float = PATIENCE) -> Conversation:
        """With a process that has imported torch."""
        if self._talk is None:
            try:
                self._talk = Conversation(self._command, self._environment, self._folder)
            except OSError as error:
                raise CannotImport(f"`{self._python}` cannot be run: {error.strerror}") from error
            try:
                self._ready = _import(self._talk, patience)
            except CannotImport:
                self._end()
                raise
        return self._talk

    def _command(self, requests: int, answers: int) -> tuple[str | Path, ...]:
        may_fork = self._ready.get("can_fork", True)
        words = map(str, (requests, answers, os.getpid(), int(bool(may_fork))))
        return (self._python, *self._flags, START, *words)

    def _server(self, talk: Conversation) -> int:
        """The process that has imported torch: not the one that we have started where that is a script."""
        started, said = talk.process.pid, self._ready.get("process")
        ours = {one.number for one in descendants(started)}
        return said if isinstance(said, int) and said in ours else started

    def _end(self, stuck: Collection[int] = ()) -> None:
        """The next operation gets a new one. Nobody waits for what is *stuck*."""
        talk, self._talk = self._talk, None
        if talk is not None:
            # From below: what has lost its parent, and that one's adopter, would be nobody's.
            end_all(self._server(talk), but=stuck)
            talk.close()
            number = talk.process.pid
            end_all(number, {number}, but=stuck)
            talk.process.poll()


def _import(talk: Conversation, patience: float) -> Mapping[str, Any]:
    until = time.monotonic() + patience
    try:
        while (said := talk.hear(until)) is not None:
            if "ready" in said:
                return said
            if "detail" in said:
                raise CannotImport(one_line(str(said["detail"])))
    except EOFError as error:
        ended = Ending(code=talk.process.returncode, last_words=_last_line(talk.last_words()))
        how = f"it was ended by {ended.signal}" if ended.signal else f"it ended with exit code {ended.code}"
        raise CannotImport(": ".join(filter(None, (how, ended.last_words)))) from error
    raise CannotImport(f"it took longer than {patience:.0f} seconds")


class _Watch:
    """One operation, from its request to its end."""

    def __init__(self, talk: Conversation, server: int, *, forks: bool) -> None:
        self._talk, self._server, self.can_go_on = talk, server, forks
        self._process = 0
        self._stage = ""
        self._answer: Mapping[str, Any] | None = None
        self._code: int | None = None

    def until_the_end(self, deadline: float) -> Ending:
        """Afterwards `can_go_on` says whether the process that has forked it can be asked for the next one."""
        has_ended = self._listen(deadline)
        code = self._code if has_ended else None
        stuck = self._end()
        if stuck or (not has_ended and self.can_go_on and not self._listen(_ONE_MOMENT)):
            self.can_go_on = False
        is_late = not has_ended and self._answer is None
        return Ending(self._answer, code, self._stage, _last_line(self._talk.last_words()), is_late, stuck)

    def _listen(self, patience: float) -> bool:
        """Whether it has ended within *patience* seconds."""
        until = time.monotonic() + patience
        try:
            while (said := self._talk.hear(until)) is not None:
                if self._has_ended(said):
                    return True
        except EOFError:
            self._code, self.can_go_on = self._talk.process.returncode, False
            return True
        return False

    def _has_ended(self, said: Mapping[str, Any]) -> bool:
        number = said.get("process")
        if "began" in said and isinstance(number, int):
            self._process = number
        elif "ended" in said and said["ended"] == self._process:
            self._code = said["code"] if isinstance(said.get("code"), int) else None
            return True
        elif number == self._process and "stage" in said:
            self._stage = one_line(str(said["stage"]))
        elif number == self._process and self._answer is None:
            self._answer = said
        return False

    def _end(self) -> tuple[tuple[int, str], ...]:
        """Of the operation, and of all that it has started. Gives what cannot be ended."""
        sessions = {self._process} if self._process else set[int]()
        return tuple((one.number, one.state) for one in end_all(self._server, sessions))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else ""
