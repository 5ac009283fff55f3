"""The only place that runs programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn


@dataclass(frozen=True)
class Finished:
    """What a program left behind. Output is bytes: only its reader knows the encoding."""

    code: int
    stdout: bytes
    stderr: bytes


def run(
    command: Sequence[str | Path],
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout: float | None = None,
) -> Finished:
    """Run *command* to its end, without a shell. `timeout` is in seconds.

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
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def replace_this_process(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Become *command*: its exit code, signals and terminal are then our caller's business with it."""
    os.execvpe(command[0], list(command), dict(environment))
