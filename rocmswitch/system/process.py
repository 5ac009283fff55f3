"""The only place that runs programs."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

_PR_SET_PDEATHSIG = 1

Started = subprocess.Popen[bytes]
"""A program that runs."""


@dataclass(frozen=True)
class Finished:
    """What a program left behind. Output is bytes: only its reader knows the encoding."""

    code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Pipes:
    """Descriptors for a program that is started: where both its streams go, and what it inherits besides."""

    output: int
    inherited: tuple[int, ...] = ()


def run(
    command: Sequence[str | Path],
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout: float | None = None,
    ends_with_us: bool = False,
    inherited: tuple[int, ...] = (),
) -> Finished:
    """Run *command* to its end, without a shell. `timeout` is in seconds, `inherited` are descriptors it gets.

    With `ends_with_us` the kernel kills it when this process is killed: it would go on writing into what the
    next command makes anew. Only for the main thread, whose end counts.
    Raises FileNotFoundError where there is no such program, and subprocess.TimeoutExpired.
    """
    done = subprocess.run(
        [str(word) for word in command],
        input=stdin,
        env=None if environment is None else dict(environment),
        cwd=folder,
        timeout=timeout,
        capture_output=True,
        check=False,
        preexec_fn=_end_with(os.getpid()) if ends_with_us else None,
        pass_fds=inherited,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def _end_with(parent: int) -> Callable[[], None]:
    """For the child, before it becomes another program: to be killed when *parent* ends, prctl(2)."""
    import ctypes

    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended already
            os._exit(1)

    return ask


def replace_this_process(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Become *command*: its exit code, signals and terminal are then our caller's business with it."""
    os.execvpe(command[0], list(command), dict(environment))


def start(command: Sequence[str | Path], pipes: Pipes, *, environment: Mapping[str, str], folder: Path) -> Started:
    """Start *command* in a session of its own, with nothing to read; it is killed when this process is.

    Only for the main thread, whose end counts. Raises OSError.
    """
    return subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=pipes.output,
        stderr=pipes.output,
        pass_fds=pipes.inherited,
        env=dict(environment),
        cwd=folder,
        start_new_session=True,
        preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509  # it makes two calls of the kernel's, and takes no lock
    )
