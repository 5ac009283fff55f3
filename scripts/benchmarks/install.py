"""`rocmswitch install` beside apt-get and dpkg-deb, and the commands that are typed all day beside `import click`.

Each comparison runs its two sides in turn, N rounds; what is printed are medians and their ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.apt import Apt
from benchmarks.measure import Comparison, Cost, Series, cost_of, finished, interleaved, peak_memory, run
from benchmarks.throttle import slow_line
from benchmarks.trees import halves_of, hash_by_two, many_stacks

STACK, SET, SUITE = "debian-5.2.3", "compiler", "bookworm"
PYTHON = Path(sys.executable)
PROGRAM = PYTHON.with_name("rocmswitch")
MANIFESTS = Path("manifests")
QUICK_ROUNDS = 15
MEMORY_LIMIT = 200_000_000


@dataclass(frozen=True)
class Bench:
    """Where everything of one run lies. `packages` are NAME=VERSION, as planned on this machine today."""

    folder: Path
    mirror: str
    rounds: int
    packages: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self, proxy: str = "") -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("ROCMSWITCH_", "VIRTUAL_"))
        }
        if proxy:
            kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
            kept |= {"http_proxy": proxy, "https_proxy": proxy}
        return {**kept, "ROCMSWITCH_HOME": str(self.home), "PYTHONPATH": ""}

    def apt(self, proxy: str = "") -> Apt:
        return Apt(self.folder / "apt", self.mirror, (SUITE,), proxy)

    def install(self, *more: str, proxy: str = "") -> bytes:
        return run([*self.installing, *more], self.environment(proxy))

    @property
    def installing(self) -> list[str]:
        return [str(PROGRAM), "install", STACK, "--set", SET, "--mirror", self.mirror]

    def forget_tree(self) -> None:
        """Keeps the cache, and what was seen of the index."""
        for name in ("prefixes", "activations"):
            remove(self.home / "data" / name)


def with_empty_cache(bench: Bench, what: str, limit: float, proxy: str = "") -> Comparison:
    apt = bench.apt(proxy)

    def ours() -> Cost:
        remove(bench.home)
        return cost_of(lambda: bench.install("--yes", proxy=proxy))

    def whole_way() -> None:
        apt.update()
        apt.download(bench.packages)
        apt.unpack()

    def by_hand() -> Cost:
        apt.prepare()
        return cost_of(whole_way)

    return Comparison(what, *interleaved(bench.rounds, ("install", ours), ("apt + dpkg-deb", by_hand)), limit)


def with_full_cache(bench: Bench) -> Comparison:
    apt = bench.apt()

    def ours() -> Cost:
        bench.forget_tree()
        return cost_of(lambda: bench.install("--yes"))

    def by_hand() -> Cost:
        apt.remove_tree()
        return cost_of(apt.unpack)

    sides = interleaved(bench.rounds, ("install", ours), ("dpkg-deb -x, sync", by_hand))
    return Comparison("install, archives cached", *sides, 1.2)


def planning(bench: Bench) -> Comparison:
    sets = yaml.safe_load((MANIFESTS / f"{STACK}.yaml").read_text())["rocm"]["sets"]
    names = [root.split(" ")[0] for key in ("runtime", SET) for root in sets[key]]
    bench.forget_tree()
    sides = interleaved(
        QUICK_ROUNDS,
        ("--dry-run", lambda: cost_of(lambda: bench.install("--dry-run", "--json"))),
        ("apt-get -s", lambda: cost_of(lambda: bench.apt().simulate(names))),
    )
    return Comparison("plan, index cached", *sides, 0.8)


def small_commands(bench: Bench) -> Iterator[Comparison]:
    bench.install("--yes")
    environment = {**bench.environment(), "ROCMSWITCH_STACK": STACK}
    for words, limit in (
        (("--help",), 1.6),
        (("current",), 1.6),
        (("env", STACK), 1.6),
        (("which", "hipcc"), 1.6),
    ):
        yield _beside_click(words, environment, limit)
    with many_stacks(bench.home, 20) as home:
        yield _beside_click(("list",), {**environment, "ROCMSWITCH_HOME": str(home)}, 1.8, "list, 20 stacks")


def verify(bench: Bench) -> Iterator[Comparison]:
    """The whole command, its start included: on the tree of the other sections, then on one of four sets."""
    bench.install("--yes")
    yield _verify(bench)
    run([PROGRAM, "install", STACK, "--set", "developer", "--yes"], bench.environment())
    yield _verify(bench)
    bench.forget_tree()


def _verify(bench: Bench) -> Comparison:
    halves = halves_of((bench.home / "data/prefixes" / STACK).resolve())
    size = sum(Path(path).stat().st_size for half in halves for path in half)
    sides = interleaved(
        QUICK_ROUNDS,
        ("verify", lambda: cost_of(lambda: run([PROGRAM, "verify", STACK], bench.environment()))),
        ("2 × file_digest", lambda: cost_of(lambda: hash_by_two(halves, PYTHON))),
    )
    return Comparison(f"verify, {size / 1e6:,.0f} MB", *sides, 1 / 0.9)


def _beside_click(words: tuple[str, ...], environment: dict[str, str], limit: float, what: str = "") -> Comparison:
    run([PROGRAM, *words], environment)
    sides = interleaved(
        QUICK_ROUNDS,
        (words[0], lambda: cost_of(lambda: run([PROGRAM, *words], environment))),
        ("import click", lambda: cost_of(lambda: run([PYTHON, "-c", "import click"], environment))),
    )
    return Comparison(what or " ".join(words), *sides, limit)


def floor(bench: Bench) -> float:
    """Seconds that decompressing the same archives takes when all cores do nothing else."""
    return cost_of(bench.apt().read_all).cpu / (os.cpu_count() or 1)


def memory(bench: Bench) -> int:
    """Bytes that all processes of an installation hold at their peak."""
    remove(bench.home)
    return peak_memory([*bench.installing, "--yes"], bench.environment())


def stages(bench: Bench) -> list[tuple[str, float]]:
    """Seconds of each stage of one installation, as the program itself timed them."""
    environment = {**bench.environment(), "ROCMSWITCH_TIMINGS": "1"}
    said = finished([*bench.installing, "--yes"], environment).stderr.decode()
    timings = next(json.loads(line) for line in said.splitlines() if line.startswith("{"))
    return sorted(timings.items(), key=lambda item: -item[1])


def remove(folder: Path) -> None:
    """Trees are read-only, so folders get their write permission back first."""
    for current, _, _ in os.walk(folder):
        Path(current).chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def _row(one: Comparison) -> str:
    verdict = "" if one.limit is None else f"<= {one.limit:.2f} {'holds' if one.holds else 'MISSED'}"
    left, right = _cell(one.ours), _cell(one.theirs)
    return f"{one.what:<26} {left:<30} {one.theirs.name:<18} {right:<30} {one.ratio:5.2f}  {verdict}"


def _cell(series: Series) -> str:
    return f"{series.wall:7.3f} s ({series.spread}; {series.cpu:.2f} CPU)"


def main() -> None:
    options = _options()
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"{cores} cores, load {load:.2f} at the start, {sys.executable}, {options.rounds} rounds")
    print("medians in seconds (fastest-slowest; CPU time of all processes)")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        missed = _measure(_bench(Path(folder), options), options.only, options.limit * 1e6)
        remove(Path(folder) / "home")
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


def _measure(bench: Bench, only: list[str], rate: float) -> list[str]:
    """Runs each section, shows what it finds at once, and returns which comparisons missed their limit."""
    _fill(bench)
    sections: dict[str, Callable[[], Iterable[Comparison]]] = {
        "empty": lambda: [with_empty_cache(bench, "install, nothing cached", 0.9)],
        "cached": lambda: [with_full_cache(bench)],
        "slow": lambda: [_behind_a_slow_line(bench, rate)],
        "plan": lambda: [planning(bench)],
        "verify": lambda: verify(bench),
        "commands": lambda: small_commands(bench),
        "stages": lambda: _show_stages(bench),
        "memory": lambda: _show_memory(bench),
    }
    missed = []
    for name in only or sections:
        for one in sections[name]():
            print(_row(one), flush=True)
            missed += [] if one.holds else [one.what]
    return missed


def _behind_a_slow_line(bench: Bench, rate: float) -> Comparison:
    kept = bench.folder / "kept"
    with slow_line(1e9, kept) as proxy:
        with_empty_cache(Bench(bench.folder, bench.mirror, 1, bench.packages), "", 9, proxy)
    with slow_line(rate, kept) as proxy:
        return with_empty_cache(bench, f"install, {rate / 1e6:.0f} MB/s", 0.75, proxy)


def _fill(bench: Bench) -> None:
    """Both sides have their archives, so that every section can be run alone."""
    bench.install("--yes")
    apt = bench.apt()
    apt.prepare()
    apt.update()
    apt.download(bench.packages)


def _show_stages(bench: Bench) -> Iterable[Comparison]:
    print(f"floor: {floor(bench):.3f} s (decompressing alone, CPU time / cores)")
    forget: dict[str, Callable[[], None]] = {
        "cached": bench.forget_tree,
        "nothing cached": lambda: remove(bench.home),
    }
    for state, prepare in forget.items():
        prepare()
        for name, seconds in stages(bench):
            print(f"stage, {state}: {name:<20} {seconds:.3f} s")
    return ()


def _show_memory(bench: Bench) -> Iterable[Comparison]:
    peak = memory(bench)
    verdict = "holds" if peak <= MEMORY_LIMIT else "MISSED"
    print(f"memory of all our processes at the peak: {peak / 1e6:.0f} MB  <= {MEMORY_LIMIT / 1e6:.0f} {verdict}")
    return ()


def _bench(folder: Path, options: argparse.Namespace) -> Bench:
    bench = Bench(folder, options.mirror or host_mirror(), options.rounds)
    bench.forget_tree()
    plan = json.loads(bench.install("--dry-run", "--json"))
    packages = tuple(f"{one['name']}={one['version']}" for one in plan["packages"])
    sizes = [f"{plan[key] / 1e6:.1f} MB" for key in ("download_size", "installed_size")]
    print(f"{len(packages)} packages, {sizes[0]} to download, {sizes[1]} on disk")
    return Bench(folder, bench.mirror, options.rounds, packages)


def host_mirror() -> str:
    from rocmswitch.host.apt import host_mirror
    from rocmswitch.host.facts import read_host

    return (host_mirror(Path("/"), "debian", read_host()) or "http://ftp.debian.org/debian").rstrip("/")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench install", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", default=[], help="empty cached slow plan verify commands …"
    )
    parser.add_argument("--limit", type=float, default=10, help="the slow line, MB/s")
    parser.add_argument("--mirror", help="instead of the one that this machine's apt uses")
    parser.add_argument(
        "--folder", type=Path, help="where to work; must be on the disk to be measured, not a tmpfs"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
