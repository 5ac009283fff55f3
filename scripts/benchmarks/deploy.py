"""What putting a patched library of 1.4 GB in place costs, and bringing the old one back, beside cp and sha256sum.

The library is a small real one with random bytes after it, in an environment beside a saved state on one disk. Each
round is a deployment, a restoration and the same by hand, in another order, with all files in memory; older writes
have reached the disk before each. What limits say is checked; exit code 1 where one is missed. Sharing blocks is
measured on a btrfs of its own, where root and mkfs.btrfs are there; cp is told not to share them.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.home import PROGRAM
from benchmarks.measure import Command, Series, cost_of, peak_memory, run
from benchmarks.rounds import Check, Row, ratio_check, shuffled, spread
from tests.support.elflibraries import Library, linked

WORK = Path(".home/bench")
MEGABYTE = 10**6
GOES_AS = "torch/lib/libMIOpen.so"
WRITTEN_LIMIT, MEMORY_LIMIT = 1.02, 60 * MEGABYTE
RESTORE_LIMIT, DEPLOY_LIMIT, REFLINK_LIMIT = 1.2, 1.3, 0.9
BY_HAND = 'cp $3 -p "$2" "$2.original" && sync "$2.original" && cp $3 "$1" "$2" && sync "$2"'
"""What guides say, and what makes it last."""


@dataclass(frozen=True)
class Field:
    """A folder on the disk to be measured, with an environment and a patched library."""

    folder: Path

    @property
    def venv(self) -> Path:
        return self.folder / "venv"

    @property
    def old(self) -> Path:
        return next(self.venv.glob("lib/python*/site-packages")) / GOES_AS

    @property
    def new(self) -> Path:
        return self.folder / "build/libMIOpen.so"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "ROCMSWITCH_HOME": str(self.folder / "rocmswitch"), "NO_COLOR": "1"}

    @property
    def deploying(self) -> Command:
        return (PROGRAM, "deploy", self.new, "--into", self.venv, "--as", GOES_AS, "--yes")

    @property
    def restoring(self) -> Command:
        return (PROGRAM, "restore", self.venv, "--yes")

    def furnish(self, size: int) -> None:
        run((sys.executable, "-m", "venv", "--without-pip", self.venv), os.environ)
        packages = next(self.venv.glob("lib/python*/site-packages"))
        for number, path in enumerate((packages / GOES_AS, self.new)):
            path.parent.mkdir(parents=True)
            small = linked(Library("libMIOpen.so", "libMIOpen.so.1", "miopenCreate", value=number))
            with path.open("wb") as file:
                file.write(small)
                for _ in range(size // MEGABYTE):
                    file.write(os.urandom(MEGABYTE))

    def deploy(self) -> None:
        run(self.deploying, self.environment)

    def forget(self) -> None:
        """Every deployment is a first one: what earlier ones know of the old file saves a reading of it."""
        shutil.rmtree(self.folder / "rocmswitch", ignore_errors=True)

    def deploy_anew(self) -> None:
        self.forget()
        self.deploy()

    def restore(self) -> None:
        run(self.restoring, self.environment)

    def hash(self) -> None:
        run(("sha256sum", self.old), self.environment)

    def copy(self, *options: str) -> None:
        run(("sh", "-c", BY_HAND, "sh", self.new, self.old, *options), self.environment)

    def uncopy(self) -> None:
        """The old file again, as it was before copying."""
        self.old.with_name(f"{self.old.name}.original").replace(self.old)


def in_place(field: Field, rounds: int, limit: float, *options: str) -> Iterator[Row]:
    """Deploying and restoring beside doing the same by hand; *options* are those of cp."""
    nothing = functools.partial(run, ("true",), field.environment)
    sides: dict[str, Callable[[], float]] = {
        "deploy": lambda: _seconds(field.forget, field.deploy, field.restore),
        "cp": lambda: _seconds(nothing, functools.partial(field.copy, *options), field.uncopy),
        "restore": lambda: _seconds(field.deploy_anew, field.restore, nothing),
        "sha256sum": lambda: _seconds(nothing, field.hash, nothing),
    }
    for side in sides.values():
        side()  # every file has been read once then, and every page of the program
    measured = shuffled(rounds, sides)
    by_hand = f"cp {' '.join((*options, 'twice'))}, synced"
    yield from _beside("deploy", by_hand, measured["deploy"], measured["cp"], limit)
    yield from _beside("restore", "sha256sum", measured["restore"], measured["sha256sum"], RESTORE_LIMIT)


def _beside(what: str, other: str, ours: Series, theirs: Series, limit: float) -> Iterator[Row]:
    ratio = ratio_check(ours.wall, theirs.wall, limit)
    yield Row(what, f"rocmswitch {what}", spread(ours), f"{ratio.value:.2f} × {other}", (ratio,))
    yield Row(what, other, spread(theirs))


def _seconds(first: Callable[[], object], work: Callable[[], object], undo: Callable[[], object]) -> float:
    first()
    seconds = cost_of(work).wall
    undo()
    return seconds


def bytes_written(field: Field) -> Iterator[Row]:
    """By the program and its children: what the kernel counts as theirs, proc(5)."""
    size = field.new.stat().st_size
    field.forget()
    for what, command in (("deploy", field.deploying), ("restore", field.restoring)):
        written = _written_by(command, field.environment)
        check = Check(written / size, WRITTEN_LIMIT, f"{WRITTEN_LIMIT:g} × the file")
        yield Row(
            "bytes written", f"rocmswitch {what}", f"{written / MEGABYTE:.1f} MB", f"{check.value:.3f}", (check,)
        )


def _written_by(command: Command, environment: dict[str, str]) -> int:
    words = [str(word) for word in command]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    # It is counted until somebody has waited for it, children that it waited for included.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    counted = dict(line.split(": ") for line in Path(f"/proc/{process.pid}/io").read_text().splitlines())
    _, said = process.communicate()
    if process.returncode:
        sys.exit(f"error: `{' '.join(words)}` failed ({process.returncode})\n{said.decode(errors='replace')}")
    return int(counted["write_bytes"])


def memory(field: Field) -> Iterator[Row]:
    field.forget()
    for what, command in (("deploy", field.deploying), ("restore", field.restoring)):
        peak = peak_memory(command, field.environment)
        check = Check(peak, MEMORY_LIMIT, f"{MEMORY_LIMIT // MEGABYTE} MB")
        yield Row("peak memory", f"rocmswitch {what}", f"{peak / MEGABYTE:.1f} MB", "", (check,))


def shared_blocks(folder: Path, size: int, rounds: int) -> Iterator[Row]:
    what = "deploy, reflinks"
    if os.geteuid() != 0:
        yield Row(what, "rocmswitch deploy", "not measured: only root may mount a file system")
    elif shutil.which("mkfs.btrfs") is None:
        yield Row(what, "rocmswitch deploy", "not measured: apt install btrfs-progs")
    else:
        with _btrfs(folder, 8 * size) as mounted:
            field = Field(mounted)
            field.furnish(size)
            for row in in_place(field, rounds, REFLINK_LIMIT, "--reflink=never"):
                yield Row(f"{row.what}, reflinks", row.side, row.figure, row.more, row.checks)


@contextlib.contextmanager
def _btrfs(folder: Path, size: int) -> Iterator[Path]:
    image, mounted = folder / "image", folder / "btrfs"
    with image.open("wb") as file:
        file.truncate(size)
    mounted.mkdir()
    run(("mkfs.btrfs", "-q", image), os.environ)
    run(("mount", "-o", "loop", image, mounted), os.environ)
    try:
        yield mounted
    finally:
        run(("umount", mounted), os.environ)
        image.unlink()


def measured(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    size = options.megabytes * MEGABYTE
    field = Field(folder / "plain")
    field.folder.mkdir()
    field.furnish(size)
    yield from in_place(field, options.rounds, DEPLOY_LIMIT)
    yield from bytes_written(field)
    yield from memory(field)
    shutil.rmtree(field.folder)
    yield from shared_blocks(folder, size, options.rounds)


def main() -> None:
    options = _options()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f} at the start, {options.megabytes} MB")
    print(f"medians (fastest to slowest) of {options.rounds} rounds")
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="deploy-", dir=options.folder or WORK.absolute()) as folder:
        missed = []
        for row in measured(options, Path(folder)):
            print(row, flush=True)
            missed += [f"{row.what}, {row.side}"] if row.missed else []
    if missed:
        sys.exit(f"missed: {'; '.join(missed)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench deploy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=1400, help="size of the library")
    parser.add_argument("--folder", type=Path, help="where to work; on the disk to be measured, not a tmpfs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
