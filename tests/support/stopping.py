"""The real program, stopped just after one of its system calls, so that something can happen in between.

with stopped_after(line, call, "deploy", …) as go_on:
    swap()
    outcome = go_on()
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.commandline import PATIENCE, CommandLine, Outcome
from tests.support.tracelines import Call
from tests.support.tracing import command, injecting


@contextlib.contextmanager
def stopped_after(line: CommandLine, call: Call, *words: str) -> Iterator[Callable[[], Outcome]]:
    """In the block `rocmswitch WORDS` stands still, *call* being made; what is given lets it go on to its end."""
    with tempfile.TemporaryDirectory() as scratch:
        tracer = subprocess.Popen(
            command(injecting(line, call, "signal=SIGSTOP:when={}", Path(scratch)), words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=line.variables(),
            cwd=line.home,
            start_new_session=True,
        )

        def go_on() -> Outcome:
            os.kill(stopped, signal.SIGCONT)
            out, err = tracer.communicate(timeout=PATIENCE)
            return Outcome(tracer.returncode, out, err)

        try:
            stopped = _stopped(Path(scratch), tracer)
            yield go_on
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(tracer.pid, signal.SIGKILL)
            tracer.wait(PATIENCE)


def _stopped(folder: Path, tracer: subprocess.Popen[str]) -> int:
    """The number of the process that has been stopped, when it is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for path in folder.iterdir():
            if "--- stopped by SIGSTOP ---" in path.read_text():
                return int(path.suffix[1:])
        assert tracer.poll() is None, tracer.communicate()
        time.sleep(0.002)
    raise AssertionError("it did not come to that call")
