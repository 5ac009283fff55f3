"""The real program, run as a person runs it: another process, an account of its own, exit code and both streams.

line = CommandLine(tmp_path)
assert line.run("list").code == 0
assert line.at_terminal("install", "debian-5.2.3", answers="n\\n").code == 5
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rocmswitch.store.layout import Layout
from tests.support import preloaded
from tests.support.links import cache_unchanged

PATIENCE = 120.0
"""Seconds after which a run counts as hanging."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. At a terminal both streams are what appeared on the screen."""

    code: int
    out: str
    err: str = ""

    @property
    def error(self) -> str:
        """The one `error:` line, without that word; empty where there is none."""
        found = [line.removeprefix("error: ") for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(found) <= 1, self.err
        return found[0] if found else ""

    @property
    def hint(self) -> str:
        """The one `hint:` line, without that word."""
        found = [line.removeprefix("hint: ") for line in self.err.splitlines() if line.startswith("hint: ")]
        assert len(found) <= 1, self.err
        return found[0] if found else ""


@dataclass(frozen=True)
class CommandLine:
    """A person with an empty account below *folder*, and rocmswitch in it."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables besides those that every account has."""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def layout(self) -> Layout:
        return Layout.under(self.folder / "rocmswitch")

    def run(self, *words: str, stdin: str = "", **environment: str) -> Outcome:
        """Run `rocmswitch WORDS` without a terminal. Whatever it is, it writes through no link of uv's cache."""
        folder, variables = self._made(self.home), self.variables(**environment)
        with cache_unchanged(self.layout.cache / "uv"):
            done = preloaded.run(words, folder, variables, stdin=stdin, patience=PATIENCE)
            done = done or subprocess.run(
                [sys.executable, "-m", "rocmswitch", *words],
                input=stdin,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                env=variables,
                cwd=folder,
                check=False,
            )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def succeed(self, *words: str, **environment: str) -> str:
        """The same where it must go well. Gives what it writes to stdout."""
        outcome = self.run(*words, **environment)
        assert outcome.code == 0, outcome
        return outcome.out

    def at_terminal(self, *words: str, answers: str | Callable[[], str] = "", **environment: str) -> Outcome:
        """Run it on a terminal of 100 columns; *answers* are typed when it asks, a function being called first."""
        if shutil.which("setsid") is None:
            pytest.skip("no setsid here: install util-linux")
        screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 40, 100, 0, 0))
        process = subprocess.Popen(
            # setsid makes it the terminal that Ctrl-C comes from.
            ["setsid", "--ctty", sys.executable, "-m", "rocmswitch", *words],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=self.variables(**{"TERM": "xterm", "COLUMNS": "100", **environment}),
            cwd=self._made(self.home),
        )
        os.close(terminal)
        shown = ""
        for text in _appearing(screen, process):
            shown += text
            if answers and "[Y/n]: " in shown:
                # The last thing that Python writes before it reads; a Ctrl-C between the two would be lost.
                time.sleep(0.1)
                os.write(screen, (answers if isinstance(answers, str) else answers()).encode())
                answers = ""
        os.close(screen)
        return Outcome(process.wait(PATIENCE), _plain(shown), _plain(shown))

    def variables(self, **more: str) -> dict[str, str]:
        """The whole environment of a run."""
        return {
            "HOME": str(self.home),
            "ROCMSWITCH_HOME": str(self.folder / "rocmswitch"),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "no_proxy": "127.0.0.1",
            **self.environment,
            **more,
        }

    def add_manifest(self, name: str, content: bytes) -> Path:
        """Put a manifest of the user's own in its place."""
        path = self._made(self.layout.manifests) / f"{name}.yaml"
        path.write_bytes(content)
        return path

    def tell(self, outcome: Outcome) -> Outcome:
        """*outcome* with what differs from run to run, folders above all, by names that stay."""
        return Outcome(outcome.code, self._named(outcome.out), self._named(outcome.err))

    def _named(self, text: str) -> str:
        text = text.replace(str(self.folder / "rocmswitch"), "ROOT").replace(str(self.home), "HOME")
        text = re.sub(r"http://127\.0\.0\.1:\d+", "MIRROR", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)", "TIME", text)
        text = re.sub(r"[0-9.]+ .?B free in", "SIZE free in", text)
        text = re.sub(r"\b[0-9A-F]{40}\b", "FINGERPRINT", text)
        return re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)

    def _made(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _appearing(screen: int, process: subprocess.Popen[bytes]) -> Iterator[str]:
    """What appears, until the program is gone. Ends the program that hangs."""
    end = time.monotonic() + PATIENCE
    while True:
        ready, _, _ = select.select([screen], [], [], 0.1)
        if ready:
            try:
                content = os.read(screen, 65536)
            except OSError:  # EIO: nobody has the terminal open any more
                return
            if not content:
                return
            yield content.decode(errors="replace")
        elif process.poll() is not None:
            return
        elif time.monotonic() > end:
            process.kill()
            raise AssertionError("the program hangs")


def _plain(text: str) -> str:
    """Without the terminal's control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r\n", "\n")
