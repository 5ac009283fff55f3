"""The editions of the recovery: `rocmswitch recover`, and recover.sh under every shell that has to run it.

for edition in EDITIONS:
    finished = edition.recover(root, "--apply", "--yes")
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/recover.sh"
PROGRAM = Path(sys.executable).with_name("rocmswitch")
APPLY = ("--apply", "--yes")


@dataclass(frozen=True)
class Finished:
    """What a recovery has said."""

    status: int
    output: str
    errors: str = ""

    def __str__(self) -> str:
        return f"exit {self.status}\n{self.output}{self.errors}"

    def mentions(self, *words: str) -> bool:
        """Whether it says each of *words*, however it is written."""
        said = f"{self.output} {self.errors}".lower().replace("`", "")
        return all(word.lower() in said for word in words)


@dataclass(frozen=True)
class Edition:
    """`shell` is the command that reads recover.sh; empty for the Python edition."""

    name: str
    shell: tuple[str, ...] = ()

    def command(self, root: Path, *words: str) -> tuple[str, ...]:
        if self.shell:
            return (*self.shell, str(SCRIPT), *words, str(root))
        return (str(PROGRAM), "recover", "--root", str(root), *words)

    def recover(self, root: Path, *words: str) -> Finished:
        """Run it on the system below *root*, without a terminal; skips where this machine lacks it."""
        self.require()
        done = subprocess.run(
            self.command(root, *words), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def require(self) -> None:
        if self.shell and shutil.which(self.shell[0]) is None:
            pytest.skip(f"there is no `{self.shell[0]}` here")
        if not self.shell and importlib.util.find_spec("rocmswitch.cli.recover") is None:
            pytest.skip("this rocmswitch has no `recover`")


PYTHON = Edition("recover")
SHELLS = (
    Edition("busybox", ("busybox", "sh")),
    Edition("dash", ("dash",)),
    Edition("bash", ("bash", "--posix")),
)
EDITIONS = (PYTHON, *SHELLS)
