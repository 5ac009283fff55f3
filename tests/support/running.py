"""The real program in other processes: slow, so that it can be interrupted, and as an ordinary user."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.commandline import CommandLine, Outcome
from tests.support.disk import remove_folder

SOMEBODY = 54_321
"""The number of a user who need not exist."""

HANG_AFTER_SIGNAL = 20.0
"""Seconds. Fewer than those after which a silent server is given up, which would end a hang as well."""

SLOW_DISK = """
import os, re, signal, sys, time
from rocmswitch.cli import main
from rocmswitch.system.disk import Disk

def about_to(self, change):
    global slow
    said = f"{change.kind} {change.path} {change.target}"
    is_first = not slow
    slow = slow or pattern.search(said)
    if slow:
        marks.write(f"{said}\\n")
        if is_first and halts:
            os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(0.02)

Disk.about_to = about_to
slow, marks, pattern = None, open(sys.argv[1], "w", buffering=1), re.compile(sys.argv[2])
halts = sys.argv[3] == "True"
sys.argv[:4] = ["rocmswitch"]
main.main()
"""
"""The program on a disk that, from a certain change on, takes its time for each, or that stops it there first."""


@dataclass
class Running:
    """The real program in a process and a session of its own."""

    process: subprocess.Popen[bytes]
    marks: Path

    @classmethod
    def start(cls, line: CommandLine, *words: str, slow_from: str = "$.", halts: bool = False) -> Running:
        """Start `rocmswitch WORDS`. The disk is slow from the change on that *slow_from* (a pattern) describes.

        Where it *halts*, the process stands still before that change until `while_halted` has ended.
        """
        descriptor, name = tempfile.mkstemp(prefix="marks-", dir=line.folder)
        os.close(descriptor)
        marks = Path(name)
        command = [sys.executable, "-c", SLOW_DISK, str(marks), slow_from, str(halts), *words]
        process = subprocess.Popen(
            command,
            env=line.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process, marks)

    def wait_until(self, happened: Callable[[], object], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "it did not come to that"
            time.sleep(0.002)

    def wait_until_slow(self) -> None:
        self.wait_until(lambda: self.marks.stat().st_size)

    @contextlib.contextmanager
    def while_halted(self) -> Iterator[None]:
        """What is done meanwhile was so before the change that it halts at, however slow this machine is."""
        self.wait_until(lambda: _state_and_session(Path("/proc", str(self.process.pid)))[0] == "T")
        yield
        self.process.send_signal(signal.SIGCONT)

    def said_until(self, words: str) -> str:
        """What it says up to the line with *words*; that is no longer among what it says to its end."""
        assert self.process.stderr is not None
        said = ""
        for line in iter(self.process.stderr.readline, b""):
            said += line.decode()
            if words in said:
                return said
        raise AssertionError(said)

    def end(self, number: int) -> Ended:
        """Send the signal *number* to it alone, and wait."""
        self.process.send_signal(number)
        return self.finish(HANG_AFTER_SIGNAL)

    def finish(self, hang: float = 60.0) -> Ended:
        """Wait for its end; after *hang* seconds it hangs."""
        out, err = self.process.communicate(timeout=hang)
        return Ended(self.process.returncode, out.decode(), err.decode(), self.session())

    def freeze(self, *words: str) -> bool:
        """Stop the processes of its session that have all *words* in their command line: they do nothing more,
        and end only by being killed. Whether there is one.
        """
        chosen = [process for process, line in self._processes().items() if all(word in line for word in words)]
        for process in chosen:
            os.kill(process, signal.SIGSTOP)
        return any(_state_and_session(Path("/proc", str(process)))[0] == "T" for process in chosen)

    def wait_until_alone(self, hang: float = 30.0) -> None:
        """What it started has ended too; after *hang* seconds it is killed, and the test has failed."""
        deadline = time.monotonic() + hang
        while left := self.session():
            if time.monotonic() > deadline:
                os.killpg(self.process.pid, signal.SIGKILL)
                raise AssertionError(f"left behind: {left}")
            time.sleep(0.01)

    def session(self) -> tuple[str, ...]:
        """The command lines of what still runs in its session."""
        return tuple(self._processes().values())

    def _processes(self) -> dict[int, str]:
        """The command line of each process that still runs in its session."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    state, session = _state_and_session(folder)
                    if session == self.process.pid and state not in "ZX":
                        found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        return found


def _state_and_session(folder: Path) -> tuple[str, int]:
    """Of the process whose folder in /proc this is: proc(5)."""
    after_name = (folder / "stat").read_text().rpartition(")")[2].split()
    return after_name[0], int(after_name[3])


@dataclass(frozen=True)
class Ended:
    """How the program ended. `left` are command lines of processes that it left behind."""

    code: int
    out: str
    err: str
    left: tuple[str, ...]


@dataclass(frozen=True)
class OrdinaryUser:
    """Somebody whom file modes bind, with a home of their own; root is bound by none."""

    line: CommandLine
    prefix: tuple[str, ...]

    @classmethod
    @contextlib.contextmanager
    def made(cls) -> Iterator[OrdinaryUser]:
        """Skips where root cannot become another user who can run this Python."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            yield cls(CommandLine(folder), _becoming(folder))
            for path in folder.iterdir():
                remove_folder(path)

    def own(self) -> None:
        """All that root has prepared is theirs."""
        if f"--reuid={SOMEBODY}" in self.prefix:
            for path in (self.line.folder, *self.line.folder.rglob("*")):
                os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)

    def run(self, *words: str, **environment: str) -> Outcome:
        self.line.home.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [*self.prefix, sys.executable, "-m", "rocmswitch", *words],
            env=self.line.variables(**environment),
            cwd=self.line.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


def _becoming(folder: Path) -> tuple[str, ...]:
    """What goes before a command for modes to bind it; nothing where they do anyway.

    Where nobody else can read this Python, because it lies in root's home, it is root without any capability.
    """
    import pytest

    if os.geteuid() != 0:
        return ()
    folder.chmod(0o755)
    another = (f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups")
    powerless = ("--bounding-set=-all", "--inh-caps=-all")
    for how in (another, powerless) if shutil.which("setpriv") else ():
        # Twice: setpriv's own exec may still reach what the user may not.
        python = (
            f"import subprocess, rocmswitch.cli.install; subprocess.run([{sys.executable!r}, '-c', ''], check=True)"
        )
        tried = ["setpriv", *how, sys.executable, "-c", python]
        if not subprocess.run(tried, cwd=folder, capture_output=True, check=False).returncode:
            return ("setpriv", *how)
    return pytest.skip("runs as root, and setpriv (util-linux) cannot make an ordinary user of it here")
