"""Whole stacks: the 2 GB of ROCm 7.2.4 beside apt-get and dpkg-deb, for one card, and a bundle without a network.

Sides are measured in turn. What limits say is checked; exit code 1 where one is missed. Takes 12 GB of disk and,
for the big stack, five minutes a round.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.apt import Apt
from benchmarks.install import PROGRAM, host_mirror, remove
from benchmarks.kernelfiles import GPU, File, files_of
from benchmarks.measure import Cost, cost_of, finished, interleaved, run
from benchmarks.rounds import Check, Row, ratio_check, readable, spread

BIG, BIG_SET = "debian-7.2.4", "libraries"
SUITES = ("sid", "experimental")
BUNDLED, BUNDLED_SET = "debian-5.2.3", "compiler"
LATE = ("--allow-expired",)
"""For a mirror whose sid is older than its signers allow."""
INSTALL_LIMIT, BUNDLE_LIMIT, MEMORY_LIMIT = 0.95, 1.1, 250e6
"""Ratios, and bytes."""


@dataclass(frozen=True)
class Bench:
    """One run: where everything of it lies."""

    folder: Path
    mirror: str
    rounds: int

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @functools.cached_property
    def apt(self) -> Apt:
        """With the archives of the big stack's packages, as planned on this machine today."""
        apt = Apt(self.folder / "apt", self.mirror, SUITES, late=True)
        apt.prepare()
        apt.update()
        return apt

    @functools.cached_property
    def packages(self) -> tuple[str, ...]:
        self.forget_trees()
        plan = json.loads(self.rocmswitch("install", BIG, "--set", BIG_SET, *LATE, "--dry-run", "--json"))
        print(f"{len(plan['packages'])} packages, {_size(plan['download_size'])} to download", end=", ")
        print(f"{_size(plan['installed_size'])} on disk", flush=True)
        return tuple(f"{one['name']}={one['version']}" for one in plan["packages"])

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("ROCMSWITCH_", "VIRTUAL_"))
        }
        return {**kept, "ROCMSWITCH_HOME": str(self.home), "PYTHONPATH": ""}

    def rocmswitch(self, *words: str) -> bytes:
        return run([PROGRAM, *words], self.environment)

    def install(self, *more: str) -> list[str]:
        """The command that installs the big stack from nothing."""
        return [str(PROGRAM), "install", BIG, "--set", BIG_SET, "--mirror", self.mirror, *LATE, "--yes", *more]

    def forget_trees(self) -> None:
        for name in ("prefixes", "activations"):
            remove(self.home / "data" / name)

    def tree(self, name: str) -> Path:
        return (self.home / "data/prefixes" / name).resolve()


def installing(bench: Bench) -> Iterator[Row]:
    """From nothing, beside apt-get download, dpkg-deb -x one by one, and sync; apt has its index already."""
    packages, apt, peaks = bench.packages, bench.apt, []

    def ours() -> Cost:
        remove(bench.home)
        return cost_of(lambda: peaks.append(peak_of(bench.install(), bench.environment)))

    def download_and_unpack() -> None:
        apt.download(packages)
        apt.unpack()

    def by_hand() -> Cost:
        shutil.rmtree(apt.folder / "debs")
        (apt.folder / "debs").mkdir()
        apt.remove_tree()
        return cost_of(download_and_unpack)

    left, right = interleaved(bench.rounds, ("rocmswitch install", ours), ("apt-get, dpkg-deb -x", by_hand))
    apt.remove_tree()
    ratio = ratio_check(left.wall, right.wall, INSTALL_LIMIT)
    cpu = f"{ratio.value:.2f} × the other; CPU {left.cpu:.1f} s beside {right.cpu:.1f} s"
    yield Row(f"{BIG}, {BIG_SET}", left.name, spread(left), cpu, (ratio,))
    yield Row(f"{BIG}, {BIG_SET}", right.name, spread(right))
    memory = Check(max(peaks), MEMORY_LIMIT, _size(MEMORY_LIMIT))
    yield Row("memory at the peak", left.name, _size(max(peaks)), "largest resident size of the process", (memory,))


def one_card(bench: Bench) -> Iterator[Row]:
    """With --gpu, each file of each package against a list that was made by reading the packages here."""
    packages, apt = bench.packages, bench.apt
    if not any((apt.folder / "debs").glob("*.deb")):
        apt.download(packages)
    run(bench.install("--gpu", GPU), bench.environment)
    tree = bench.tree(BIG)
    wrong_kept, wrong_left, several, left = [], [], [], []
    for deb in sorted((apt.folder / "debs").glob("*.deb")):
        for one in files_of(deb):
            is_there = _is_there(tree, one)
            wrong_kept += [one] if is_there and one.is_foreign else []
            wrong_left += [one] if not is_there and not one.is_foreign else []
            several += [one] if one.is_for_several else []
            left += [] if is_there else [one]
    size = sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    bench.forget_trees()
    yield Row(f"--gpu {GPU}", "left out", _count(left), f"{_size(size)} on disk")
    yield Row(f"--gpu {GPU}", "for several others, kept", _count(several), "named for none of them")
    yield _judged("kept", wrong_kept, "for another GPU alone")
    yield _judged("left out", wrong_left, f"that {GPU} or everybody needs")


def _is_there(tree: Path, file: File) -> bool:
    return any(os.path.lexists(place / file.path) for place in (tree, tree / "base"))


def _judged(side: str, wrong: list[File], what: str) -> Row:
    named = "; ".join(f"{one.package}: {one.path}" for one in wrong[:3])
    return Row(f"--gpu {GPU}", side, f"{len(wrong)} files {what}", named, (Check(len(wrong), 0, "0"),))


def bundled(bench: Bench) -> Iterator[Row]:
    """A bundle where there is no network, beside an installation whose archives are in the cache."""
    isolated = ["unshare", "--net"] if os.getuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*isolated, "true"], capture_output=True, check=False).returncode:
        yield Row("bundle", "without a network", "not measured: this account may not cut the network off")
        return
    bundle = bench.folder / "bundle.tar"
    bench.rocmswitch("bundle", "create", BUNDLED, "--set", BUNDLED_SET, "-o", str(bundle), "--yes")
    bench.rocmswitch("install", BUNDLED, "--set", BUNDLED_SET, "--yes")
    away = {**bench.environment, "ROCMSWITCH_HOME": str(bench.folder / "away")}

    def from_bundle() -> Cost:
        remove(bench.folder / "away")
        return cost_of(lambda: run([*isolated, PROGRAM, "bundle", "install", bundle, "--yes"], away))

    def warm() -> Cost:
        bench.forget_trees()
        return cost_of(lambda: bench.rocmswitch("install", BUNDLED, "--set", BUNDLED_SET, "--yes"))

    rounds = max(5, bench.rounds)
    left, right = interleaved(rounds, ("bundle, unshare --net", from_bundle), ("install, archives cached", warm))
    ratio = ratio_check(left.wall, right.wall, BUNDLE_LIMIT)
    said = f"{ratio.value:.2f} × the other; bundle of {_size(bundle.stat().st_size)}"
    yield Row(BUNDLED, left.name, spread(left), said, (ratio,))
    yield Row(BUNDLED, right.name, spread(right))
    remove(bench.folder / "away")
    bundle.unlink()


def stages(bench: Bench) -> Iterator[Row]:
    """Where the time of the big installation goes, as the program itself says."""
    remove(bench.home)
    said = finished(bench.install(), {**bench.environment, "ROCMSWITCH_TIMINGS": "1"}).stderr.decode()
    timings = next(json.loads(line) for line in said.splitlines() if line.startswith("{"))
    bench.forget_trees()
    for name, seconds in timings.items():
        yield Row("stage", name, readable(seconds))


def peak_of(command: list[str], environment: dict[str, str]) -> int:
    """Bytes of the largest resident size that the process of *command* had; ends the measurement where it fails."""
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    said = process.stderr.read() if process.stderr else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: `{' '.join(command)}` failed ({process.returncode})\n{said}")
    return int(used.ru_maxrss * 1024)


SECTIONS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "install": installing,
    "gpu": one_card,
    "bundle": bundled,
    "stages": stages,
}


def main() -> None:
    options = _options()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f} at the start, {options.rounds} rounds; medians")
    missed = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        bench = Bench(Path(folder), options.mirror or host_mirror(), options.rounds)
        for name in options.only or [one for one in SECTIONS if one != "stages"]:
            for row in SECTIONS[name](bench):
                print(row, flush=True)
                missed += [f"{row.what}, {row.side}"] if row.missed else []
        remove(bench.home)
    if missed:
        sys.exit(f"missed: {'; '.join(missed)}")


def _count(files: list[File]) -> str:
    return f"{len(files)} files, {_size(sum(one.size for one in files))}"


def _size(count: float) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench stacks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=[])
    parser.add_argument("--mirror", help="instead of the one that this machine's apt uses")
    parser.add_argument("--folder", type=Path, help="where to work; on the disk to be measured, not a tmpfs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
