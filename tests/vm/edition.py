"""The two editions of one recovery, each from outside, on a mounted system, and from inside the guest.

finished = PYTHON.outside(root, "--package", str(deb))
booted = guest.boot(Boot(script=SHELL.inside(guest), append="module_blacklist=amdgpu"))
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from tests.vm.guest import Guest
from tests.vm.image import BOOKWORM, CACHE, TRIXIE

CHECKOUT = Path(__file__).parents[2]
_UV = Path(sys.executable).with_name("uv")
_GUEST_PYTHON = {BOOKWORM: "3.11", TRIXIE: "3.13"}
_LIMIT = 600
"""Seconds after which a command on the host is taken for one that hangs: it takes three."""


@dataclass(frozen=True)
class Finished:
    """What a command on the host has said."""

    status: int
    output: str

    def __str__(self) -> str:
        return f"exit {self.status}\n{self.output}"


class Python:
    """`rocmswitch recover`."""

    name = "recover"
    program = Path(sys.executable).with_name("rocmswitch")

    def outside(self, root: Path, *words: str) -> Finished:
        """What it does to the system mounted at *root*."""
        return run(str(self.program), "recover", "--root", str(root), *words)

    def inside(self, guest: Guest, *words: str, suite: str = BOOKWORM) -> str:
        """The line that a guest types; puts into its share what that needs."""
        return inside(guest, "recover", *words, suite=suite)


class Shell:
    """`recover.sh`, under the busybox of whoever runs it."""

    name = "recover.sh"

    def outside(self, root: Path, *words: str) -> Finished:
        return run("busybox", "sh", str(CHECKOUT / "scripts/recover.sh"), *words, str(root))

    def inside(self, guest: Guest, *words: str, suite: str = BOOKWORM) -> str:
        del suite
        shutil.copy(CHECKOUT / "scripts/recover.sh", guest.share)
        return " ".join(("busybox sh ./recover.sh", *words, "/"))


Edition = Python | Shell
PYTHON, SHELL = Python(), Shell()
BOTH: tuple[Edition, ...] = (PYTHON, SHELL)
APPLY = ("--apply", "--yes")


def run(*command: str) -> Finished:
    """A command of ours on the host, without a terminal."""
    finished = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_LIMIT,
        text=True,
        check=False,
    )
    return Finished(finished.returncode, finished.stdout)


def needs_inside(edition: Edition) -> tuple[pytest.MarkDecorator, ...]:
    """What a test needs that runs *edition* in the guest: for Python, what rocmswitch imports."""
    return (pytest.mark.network("pypi"),) if edition is PYTHON else ()


def inside(guest: Guest, *words: str, suite: str = BOOKWORM) -> str:
    """The line with which a guest runs any command of ours, on its own Python, from the share."""
    folder = guest.share / "rocmswitch"
    if not folder.exists():
        shutil.copytree(_dependencies(suite), folder)
        for name in ("rocmswitch", "manifests", "scripts"):
            shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return " ".join(
        ("TERM=dumb PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$PWD/rocmswitch python3 -m rocmswitch", *words)
    )


def _dependencies(suite: str) -> Path:
    """What rocmswitch imports, for the guest's Python: from the package index once, then from the cache."""
    python = _GUEST_PYTHON[suite]
    project = CHECKOUT / "pyproject.toml"
    final = CACHE / f"python{python}-{hashlib.sha256(project.read_bytes()).hexdigest()[:12]}"
    with FileLock(CACHE / f"python{python}.lock"):
        if not final.exists():
            making = CACHE / f"python{python}.new"
            shutil.rmtree(making, ignore_errors=True)
            what = (
                "--target",
                str(making),
                "-r",
                str(project),
                "--only-binary",
                ":all:",
                "--python-version",
                python,
            )
            finished = run(str(_UV), "pip", "install", *what, "--python-platform", "x86_64-manylinux_2_36")
            assert not finished.status, finished
            making.rename(final)
    return final
