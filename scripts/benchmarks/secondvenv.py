"""A second environment of the same stack, with the PyTorch for processors, beside `python -m venv` and pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import localwheel
from benchmarks.home import PROGRAM, Home
from benchmarks.measure import run
from benchmarks.rounds import Check, Row, ratio_check, shuffled, spread
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.installed import Installed

STACK, TORCH = "rocm-7.2.4", "2.13.0"
TIME_LIMIT, DISK_LIMIT = 0.1, 0.05
FIRST, SECOND = "first", "second"


@dataclass(frozen=True)
class NotMade:
    """Why there is no environment."""

    reason: str


@dataclass(frozen=True)
class Pair:
    """The environments of one home, and pip's beside them.

    `offered` where the wheel comes from this machine's own folder, through an index here.
    """

    home: Home
    offered: bool = False

    @classmethod
    def prepared(cls, home: Home) -> Pair:
        wheel = localwheel.found_wheel(f"{TORCH}+cpu")
        if wheel is None:
            return cls(home)
        index = localwheel.serve(wheel, home.folder / "index")
        localwheel.let(home.layout, STACK, f"{TORCH}+cpu", index)
        return cls(home, offered=True)

    @property
    def plain(self) -> Path:
        return self.home.folder / "plain"

    @property
    def wheels(self) -> Path:
        """The very files that rocmswitch installed, for pip to find: warmer than any cache of its own."""
        return self.home.folder / "wheels"

    def command(self, name: str) -> list[str]:
        which = [] if self.offered else ["--torch", TORCH, "--cpu"]
        return [str(PROGRAM), "use", STACK, *which, "--venv", name, "--yes"]

    def make_first(self) -> Receipt | NotMade:
        """Downloads what is missing, once."""
        done = subprocess.run(
            self.command(FIRST), env=self.home.environment, capture_output=True, text=True, check=False
        )
        found = Installed((self.home.layout,)).venv(FIRST) if done.returncode == 0 else None
        if found is None:
            said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
            return NotMade(next((line for line in said if line.startswith(("error: ", "Error: "))), said[-1]))
        return found.receipt

    def offer(self, receipt: Receipt) -> None:
        """Let pip have the wheels of *receipt*."""
        self.wheels.mkdir(exist_ok=True)
        for one in receipt.packages:
            target = self.wheels / Path(one.filename).name
            if not target.exists():
                os.link(self.home.layout.archives / one.sha256, target)

    def make_second(self) -> float:
        if Installed((self.home.layout,)).venv(SECOND):
            run([PROGRAM, "remove", SECOND, "--yes"], self.home.environment)
        return _seconds([self.command(SECOND)], self.home)

    def make_plain(self, receipt: Receipt) -> float:
        if self.plain.exists():
            shutil.rmtree(self.plain)
        wanted = [f"{one.name}=={one.version}" for one in receipt.packages if one.name not in ("pip", "setuptools")]
        installing = [
            str(self.plain / "bin/python"),
            "-m",
            "pip",
            "--isolated",
            "--disable-pip-version-check",
            "-q",
        ]
        links = ["install", "--no-index", "--find-links", str(self.wheels)]
        return _seconds(
            [[receipt.python, "-m", "venv", str(self.plain)], [*installing, *links, *wanted]], self.home
        )


def second_environments(pair: Pair, receipt: Receipt, rounds: int) -> Iterator[Row]:
    """Time and disk. The first environment is there, its wheels are in the cache; pip has them in a folder."""
    pair.offer(receipt)
    what, theirs = "second environment", "python -m venv, pip install"
    measured = shuffled(rounds, {"use": pair.make_second, theirs: lambda: pair.make_plain(receipt)})
    ours = measured["use"].wall
    check = ratio_check(ours, measured[theirs].wall, TIME_LIMIT)
    packages = f"{len(receipt.packages)} packages, {receipt.torch}"
    yield Row(what, "rocmswitch use", spread(measured["use"]), f"{check.value:.3f} × pip; {packages}", (check,))
    yield Row(what, theirs, spread(measured[theirs]), f"{receipt.python}, --find-links")
    yield _disk(pair)


def _disk(pair: Pair) -> Row:
    first, second = ((pair.home.layout.venvs / name).resolve() for name in (FIRST, SECOND))
    plain = disk_of(pair.plain)
    own = disk_of(first, second) - disk_of(first)
    share = Check(own / plain, DISK_LIMIT, f"{DISK_LIMIT:.0%}")
    figures = f"{own / 1e6:.1f} MB more, pip {plain / 1e6:.0f} MB"
    return Row("second environment, disk", "rocmswitch use", figures, f"{share.value:.2%} of pip's", (share,))


def disk_of(*folders: Path) -> int:
    """Bytes on the disk of all together: what is linked twice counts once, and .pyc files not at all."""
    seen: dict[tuple[int, int], int] = {}
    for folder in folders:
        for current, below, names in os.walk(folder):
            below[:] = [name for name in below if name != "__pycache__"]
            for path in (Path(current), *(Path(current, name) for name in names if not name.endswith(".pyc"))):
                found = path.lstat()
                seen[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(seen.values())


def not_made(why: NotMade) -> Iterator[Row]:
    yield Row("second environment", "rocmswitch use", f"not run: {why.reason}")


def _seconds(commands: Sequence[Sequence[str]], home: Home) -> float:
    begun = time.perf_counter()
    for command in commands:
        run(command, home.environment)
    return time.perf_counter() - begun
