"""What works in an environment on this machine: every operation alone in a process, and what it came to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from shlex import quote

from rocmswitch import __version__
from rocmswitch.errors import Failed, MachineLacks, NotFound, RocmswitchError, UsageMistake
from rocmswitch.host.probechild import CannotImport, ProbeChild
from rocmswitch.model.deployment import Site
from rocmswitch.model.probe import Operation, Outcome, Report, Surroundings
from rocmswitch.operations.entering import SYSROOT, environment_inside
from rocmswitch.operations.sites import find_site
from rocmswitch.operations.surroundings import surroundings_of
from rocmswitch.planning.endings import judge
from rocmswitch.planning.probing import select, trial_of
from rocmswitch.store.installed import Installation, Installed

CUDA, CPU = "cuda", "cpu"
DEADLINE = 60.0
"""Seconds of one operation. The first convolution of a process may have to be compiled."""
_MISSING = "ModuleNotFoundError: No module named 'torch'"

Told = Callable[[Outcome | Operation], None]


@dataclass(frozen=True)
class Wanted:
    """What is to be tried, and how. No words mean everything."""

    words: tuple[str, ...] = ()
    quick: bool = False
    device: str = ""
    """`cuda`, which ROCm is called too, or `cpu`; empty is what the environment's torch was built for."""
    deadline: float = DEADLINE


@dataclass(frozen=True)
class Plan:
    """What will be tried. `variables` is the whole environment of the processes."""

    environment: Path
    """The environment's Python."""
    venv: str
    """Its name, or its path."""
    stack: str
    """Empty for an environment that is not ours."""
    operations: tuple[Operation, ...]
    device: str
    deadline: float
    variables: Mapping[str, str]
    root: Path = Path("/")
    """Where the machine's /sys is."""
    has_user_packages: bool = False


def plan(word: str, installed: Installed, environment: Mapping[str, str], wanted: Wanted) -> Plan:
    """Decide what to try in the environment *word*, as `deploy --into` names it. Runs nothing of torch.

    Raises NotFound for what is no environment with a Python, and UsageMistake for an operation or a deadline
    that is none.
    """
    if not wanted.deadline > 0:  # also what is no number, nan
        raise UsageMistake(f"a deadline is a number of seconds, and not {wanted.deadline:g}")
    operations = select(wanted.words, quick=wanted.quick)
    site = find_site(word, installed, environment)
    if not site.python:
        raise NotFound(f"`{word}` has no Python in which torch could be tried", hint="run `rocmswitch list`")
    one = _ours(site, installed)
    variables = environment_inside(one, environment, installed) if one else dict(environment)
    return Plan(
        *(Path(site.python), site.place.name, site.stack, operations, wanted.device, wanted.deadline, variables),
        root=Path(environment.get(SYSROOT) or "/"),
        has_user_packages=site.place.kind == "user",
    )


def execute(plan: Plan, told: Told) -> Report:
    """Try it all, one after the other. *told* hears each operation when it begins, and what it came to.

    Ctrl-C ends what runs and gives a report of what was found by then, which is_partial; before there is anything,
    KeyboardInterrupt goes on. Raises NotFound where there is no torch, Failed where it cannot be imported and
    MachineLacks where it sees no card.
    """
    outcomes: list[Outcome] = []
    with ProbeChild(plan.environment, plan.variables, has_user_packages=plan.has_user_packages) as child:
        try:
            seen = _look(plan, child)
            for operation in plan.operations:
                told(operation)
                outcomes.append(_try(operation, seen.device, plan, child))
                told(outcomes[-1])
        except KeyboardInterrupt:
            if not outcomes:
                raise
        except CannotImport as error:
            raise _no_torch(plan, str(error)) from error
    return _report(plan, seen, outcomes)


def _report(plan: Plan, seen: Surroundings, outcomes: list[Outcome]) -> Report:
    created = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    count = len(plan.operations)
    return Report(created, __version__, plan.deadline, seen, tuple(outcomes), planned=count)


def _look(plan: Plan, child: ProbeChild) -> Surroundings:
    """Where it will run. A card that hangs when asked for its name is no reason to end: the report shows it."""
    torch = child.describe()
    can_see_cards = bool(torch.get("hip") or torch.get("cuda"))
    device = plan.device or (CUDA if can_see_cards else CPU)
    if device == CUDA and not can_see_cards:
        raise _no_card(plan, "was built for processors alone")
    answer = child.attempt({"name": "surroundings", "recipe": "surroundings", "device": device}, plan.deadline)
    said = answer.answer or {}
    if said.get("absent"):
        raise _no_card(plan, "sees no card")
    told = {**torch, **{str(name): str(value) for name, value in said.items()}}
    return surroundings_of((plan.venv, plan.stack), device, told, plan.variables, plan.root)


def _no_torch(plan: Plan, why: str) -> RocmswitchError:
    if why == _MISSING:
        return NotFound(f"there is no PyTorch in `{plan.venv}`")
    hint = f"run `rocmswitch doctor {quote(plan.venv)}`"
    return Failed(f"`import torch` fails in `{plan.venv}`: {why}", hint=hint)


def _no_card(plan: Plan, why: str) -> MachineLacks:
    return MachineLacks(
        f"the torch in `{plan.venv}` {why}",
        hint=f"run `rocmswitch doctor {quote(plan.venv)}`, or `rocmswitch probe {quote(plan.venv)} --device cpu`",
    )


def _try(operation: Operation, device: str, plan: Plan, child: ProbeChild) -> Outcome:
    ending = child.attempt(trial_of(operation).as_task(device), plan.deadline)
    return judge(operation, ending, plan.deadline)


def _ours(site: Site, installed: Installed) -> Installation | None:
    if site.place.kind != "venv":
        return None
    return next((one for one in installed.venvs() if os.fspath(one.link) == site.place.folder), None)
