"""What a person pays at prompts where nothing changed, into a project and out of it, and when a shell starts."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measure import Series
from benchmarks.peers import Change, Ground, Missing, Tool
from benchmarks.rounds import Check, Row, added, ratio_check, readable, shuffled, spread
from benchmarks.shellrun import (
    PROMPT,
    Account,
    Shell,
    Started,
    environment_after,
    opened,
    run_quietly,
    started_by,
    started_in_all,
)

PROMPT_LIMIT, CYCLE_LIMIT = 20e-6, 1.5
PROMISED = ("bash", "zsh")
"""Where the limits of time hold. In fish they are shown: two `cd` alone take longer there than one of them."""

CALLS, FEW_CALLS = 10_000, 50
CYCLES, FEW_CYCLES = 100, 5
NOTHING = "(no hook)"
ITS_OWN, PLAIN = "its own activate, deactivate", "plain activate, deactivate"
BY_HAND = "cd, plain activate, deactivate, cd"
Measured = Mapping[str, Series]


@dataclass(frozen=True)
class Field:
    """What is compared. `ours` are ways to be switched by us, the first of them the one at prompts and starts."""

    ground: Ground
    change: Change
    rounds: int
    bare: Account
    venv: Path
    ours: tuple[Tool, ...]
    others: tuple[Tool | Missing, ...]

    @property
    def present(self) -> tuple[Tool, ...]:
        return tuple(one for one in self.others if isinstance(one, Tool))

    @property
    def nothing(self) -> Tool:
        return Tool(NOTHING, self.bare, *self.ground.moves("nothing"))


def prompts(field: Field, shell: str) -> Iterator[Row]:
    """Inside a project, where the prompt appears again and nothing has changed."""
    what = f"prompt, {shell}"
    tools = (field.ours[0], field.nothing, *(one for one in field.present if one.hook))
    with contextlib.ExitStack() as stack:
        sides: dict[str, Callable[[], float]] = {}
        for tool in tools:
            one = stack.enter_context(_checked(field, shell, tool))
            one.do(tool.enter)
            times = CALLS if tool in (field.ours[0], field.nothing) else FEW_CALLS
            sides[tool.name] = partial(one.seconds, PROMPT, times)
        measured = shuffled(field.rounds, sides)
    for tool in tools:
        started = _starts(field, shell, tool, PROMPT, 1000 if tool in tools[:2] else 10)
        ours = tool is field.ours[0]
        limits = [Check(measured[tool.name].wall, PROMPT_LIMIT, readable(PROMPT_LIMIT))]
        yield _row(what, tool, measured, field.ours[0].name, started, limits if ours and shell in PROMISED else [])
    yield from _left_out(what, field, at_prompt=True)


def cycles(field: Field, shell: str) -> Iterator[Row]:
    """Into a pinned project and out of it, beside going there, sourcing `activate`, `deactivate` and going back.

    The limit is for a project with an environment and the script of a plain `python -m venv`, which starts no
    process before Python 3.13. The same without the way there, and the script of the pinned environment itself,
    which uv wrote, are shown too; so is a stack without an environment, which sets more variables.
    """
    what = f"in and out, {shell}"
    tools = (*field.ours, field.nothing, *field.present)
    with contextlib.ExitStack() as stack:
        sides: dict[str, Callable[[], float]] = {}
        for tool in tools:
            one = stack.enter_context(_checked(field, shell, tool))
            times = FEW_CYCLES if tool in field.present else CYCLES
            sides[tool.name] = partial(one.seconds, f"{tool.enter}; {tool.leave}", times)
            if tool.name == NOTHING:
                there = f"{tool.enter}; {_activating(field.venv / 'bin', shell)}; {tool.leave}"
                sides[BY_HAND] = partial(one.seconds, there, CYCLES)
            if tool is field.ours[0]:
                sides[ITS_OWN] = partial(one.seconds, _activating(field.change.folder, shell), CYCLES)
                sides[PLAIN] = partial(one.seconds, _activating(field.venv / "bin", shell), CYCLES)
        measured = shuffled(3 * field.rounds, sides)
    for tool in tools:
        started = _starts(field, shell, tool, f"{tool.enter}; {tool.leave}", 20 if tool in field.ours else 5)
        limits = [ratio_check(measured[tool.name].wall, measured[BY_HAND].wall, CYCLE_LIMIT)]
        promised = tool is field.ours[0] and shell in PROMISED
        yield _row(what, tool, measured, BY_HAND, started, limits if promised else [])
    yield Row(what, BY_HAND, spread(measured[BY_HAND]), f"Python {sys.version.split()[0]}")
    ours = measured[field.ours[0].name].wall / measured[PLAIN].wall
    yield Row(what, PLAIN, spread(measured[PLAIN]), f"ours is {ours:.2f} × this")
    ours = measured[field.ours[0].name].wall / measured[ITS_OWN].wall
    yield Row(what, ITS_OWN, spread(measured[ITS_OWN]), f"written by uv; ours is {ours:.2f} × this")
    yield from _left_out(what, field)


def starts(field: Field, shell: str) -> Iterator[Row]:
    """A shell that reads its rc file and ends, outside of every project."""
    what = f"start, {shell}"
    tools = (field.nothing, field.ours[0], *field.present)
    measured = shuffled(3 * field.rounds, {tool.name: partial(_start, field, shell, tool) for tool in tools})
    bare = _start_counted(field, shell, field.nothing)
    for tool in tools:
        counted = _start_counted(field, shell, tool)
        started = counted - bare if counted and bare else None
        longer = added(measured[tool.name], measured[NOTHING])
        more = "" if tool.name == NOTHING else f"{readable(longer)} more; {started or 'not counted: no strace'}"
        checks = _no_process(started) if tool is field.ours[0] else ()
        yield Row(what, tool.name, spread(measured[tool.name]), more, tuple(checks))
    yield from _left_out(what, field)


@contextlib.contextmanager
def _checked(field: Field, shell: str, tool: Tool) -> Iterator[Shell]:
    """A shell of *tool* that really enters and leaves: else nothing would be measured."""
    with opened(shell, tool.account, field.ground.outside) as one:
        if tool.name != NOTHING:
            file = field.ground.folder / "seen"
            inside = environment_after(one, tool.enter, file)
            outside = environment_after(one, tool.leave, file)
            names = [name for name in tool.sets if name not in inside or name in outside]
            if names:
                sys.exit(f"error: in {shell}, {tool.name} does not switch {', '.join(names)}")
        yield one


def _row(
    what: str, tool: Tool, measured: Measured, beside: str, started: Started | None, limits: Sequence[Check]
) -> Row:
    ratio = measured[tool.name].wall / measured[beside].wall
    more = f"{started or 'not counted: no strace'}; {ratio:.3g} × {beside}"
    checks = (*limits, *_no_process(started)) if limits or tool.name.startswith("rocmswitch") else ()
    return Row(what, tool.name, spread(measured[tool.name]), more if tool.name != beside else str(started), checks)


def _no_process(started: Started | None) -> tuple[Check, ...]:
    return (Check(started.forks + started.execs, 0, "0 processes"),) if started else ()


def _starts(field: Field, shell: str, tool: Tool, code: str, times: int) -> Started | None:
    enter = tool.enter if code == PROMPT else ":"
    return started_by(shell, tool.account, field.ground.outside, (enter, code), times)


def _start(field: Field, shell: str, tool: Tool) -> float:
    begun = time.perf_counter()
    run_quietly([*tool.account.command(shell), "-c", "exit 0"], tool.account.environment, field.ground.outside)
    return time.perf_counter() - begun


def _start_counted(field: Field, shell: str, tool: Tool) -> Started | None:
    return started_in_all(tool.account, [*tool.account.command(shell), "-c", "exit 0"], field.ground.outside)


def _activating(folder: Path, shell: str) -> str:
    script = shlex.quote(str(folder / ("activate.fish" if shell == "fish" else "activate")))
    return f"{'source' if shell == 'fish' else '.'} {script}; deactivate"


def _left_out(what: str, field: Field, *, at_prompt: bool = False) -> Iterator[Row]:
    for one in field.others:
        if isinstance(one, Missing):
            yield Row(what, one.name, f"not measured: {one.reason}")
        elif at_prompt and not one.hook:
            yield Row(what, one.name, "has no hook at prompts")


def shell_is_missing(shell: str) -> bool:
    return shutil.which(shell) is None
