"""What a prompt, a folder with a pin, a new shell, `use` and a second environment cost, beside other tools.

Sides are measured in rounds, in another order each time, often in the very same shell; what is printed are medians,
with the fastest and the slowest round. Processes are counted by strace in a run of their own. What limits say is
checked; exit code 1 where one is missed. What cannot be measured here says why, and does not count.
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import home as homes
from benchmarks.home import PROGRAM, Home
from benchmarks.measure import run
from benchmarks.peers import Change, Ground, Tool, found_tools
from benchmarks.prompt import Field, cycles, prompts, starts
from benchmarks.rounds import Check, Row, ratio_check, shuffled, spread
from benchmarks.secondvenv import FIRST, NotMade, Pair, not_made, second_environments
from benchmarks.shellrun import SHELLS
from rocmswitch.model.receipt import Receipt

TOOLS = Path(".home/bench")
USE_LIMIT = 2.0
IMPORTED = re.compile(r'"[^"]*/torch/(__pycache__/)?__init__\.[^"]*"')
"""What is opened when torch is imported, and by nothing else."""


@dataclass(frozen=True)
class Bench:
    """One run."""

    folder: Path
    projects: Path
    rounds: int

    @functools.cached_property
    def home(self) -> Home:
        return Home(self.folder / "home")

    @functools.cached_property
    def change(self) -> Change:
        return self.home.furnish()

    @functools.cached_property
    def environment(self) -> Receipt | NotMade:
        """One with PyTorch, made by the program itself, which may need the network."""
        return self.pair.make_first()

    @functools.cached_property
    def pair(self) -> Pair:
        return Pair.prepared(self.home)

    @functools.cached_property
    def field(self) -> Field:
        ground = Ground(TOOLS.absolute(), self.folder, self.projects)
        venv = self.folder / "plain"
        run([sys.executable, "-m", "venv", "--without-pip", venv], os.environ)
        bare = ground.account("nothing", dict.fromkeys(SHELLS, ""))
        others = tuple(found_tools(ground, self.change))
        return Field(ground, self.change, self.rounds, bare, venv, self._ours(ground), others)

    def _ours(self, ground: Ground) -> tuple[Tool, ...]:
        account = ground.account("rocmswitch", dict.fromkeys(SHELLS, ""), **self.home.variables)
        self.home.install_hooks(account)
        pins = {"environment": f"{homes.STACK}\n{homes.VENV}\n", "stack": f"{homes.STACK}\n"}
        sets = {"environment": tuple(self.change.variables), "stack": ("ROCM_PATH", "ROCMSWITCH_ACTIVE")}
        for name, pin in pins.items():
            (ground.project(name) / ".rocm-version").write_text(pin)
        return tuple(
            Tool(f"rocmswitch, {name}", account, *ground.moves(name), sets[name])
            for name in ("environment", "stack")
        )


def switching(bench: Bench, measure: Callable[[Field, str], Iterator[Row]]) -> Iterator[Row]:
    for shell in SHELLS:
        if shutil.which(shell) is None:
            yield Row(measure.__name__, shell, f"not measured: apt install {shell}")
        else:
            yield from measure(bench.field, shell)


def entering(bench: Bench) -> Iterator[Row]:
    """`use` where everything is there, with a hook that waits for what it says."""
    targets = {"a stack": homes.STACK} if bench.change else {}
    if isinstance(bench.environment, NotMade):
        yield Row("use an environment", "rocmswitch use", f"not run: {bench.environment.reason}")
    else:
        targets["an environment"] = FIRST
    for what, target in targets.items():
        yield from _beside_click(bench, f"use {what}", [str(PROGRAM), "use", target])


def _beside_click(bench: Bench, what: str, command: list[str]) -> Iterator[Row]:
    environment = {**bench.home.environment, "ROCMSWITCH_HOOK": "bash", "ROCMSWITCH_HOOK_FD": "1"}
    said = run(command, environment).decode()
    if "activations" not in said:
        sys.exit(f"error: `{' '.join(command)}` gave the hook {said!r}")
    importing = [sys.executable, "-c", "import click"]
    sides = {"use": command, "import click": importing}
    measured = shuffled(
        3 * bench.rounds, {name: functools.partial(_seconds, words, environment) for name, words in sides.items()}
    )
    ratio = ratio_check(measured["use"].wall, measured["import click"].wall, USE_LIMIT)
    torch = _imports_of_torch(command, environment)
    checks = (ratio, Check(torch, 0, "0 imports of torch")) if torch is not None else (ratio,)
    yield Row(what, "rocmswitch use", spread(measured["use"]), f"{ratio.value:.2f} × import click", checks)
    yield Row(what, "python -c 'import click'", spread(measured["import click"]), sys.executable)


def _imports_of_torch(command: list[str], environment: dict[str, str]) -> int | None:
    """How often any process of *command* opened torch's own module, as strace saw it; None where there is none."""
    tracer = shutil.which("strace")
    if tracer is None:
        return None
    with tempfile.NamedTemporaryFile(prefix="strace-") as log:
        run([tracer, "-f", "-qq", "-s", "4096", "-e", "trace=open,openat", "-o", log.name, *command], environment)
        return len(IMPORTED.findall(Path(log.name).read_text(errors="replace")))


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    run(command, environment)
    return time.perf_counter() - begun


def seconds_venv(bench: Bench) -> Iterator[Row]:
    if isinstance(bench.environment, NotMade):
        return not_made(bench.environment)
    return second_environments(bench.pair, bench.environment, bench.rounds)


SECTIONS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "prompt": lambda bench: switching(bench, prompts),
    "cycle": lambda bench: switching(bench, cycles),
    "start": lambda bench: switching(bench, starts),
    "use": entering,
    "second": seconds_venv,
}


def main() -> None:
    options = _options()
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.2f} at the start, {sys.executable}, {options.rounds} rounds")
    print("medians (fastest to slowest round); processes are counted by strace, untimed")
    TOOLS.mkdir(parents=True, exist_ok=True)
    missed: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="run-", dir=options.folder or TOOLS.absolute()) as folder,
        tempfile.TemporaryDirectory() as near,
    ):
        try:
            bench = Bench(Path(folder), Path(near) / "src", options.rounds)
            for name in options.only or SECTIONS:
                for row in SECTIONS[name](bench):
                    print(row, flush=True)
                    missed += [f"{row.what}, {row.side}"] if row.missed else []
        finally:
            _make_removable(Path(folder))
    if missed:
        sys.exit(f"missed: {'; '.join(missed)}")


def _make_removable(folder: Path) -> None:
    """Trees are read-only."""
    for current, _, _ in os.walk(folder):
        Path(current).chmod(0o755)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench use", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=SECTIONS, default=[], help=" ".join(SECTIONS))
    parser.add_argument("--folder", type=Path, help="where to work; on the disk to be measured, not a tmpfs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
