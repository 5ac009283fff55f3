"""An environment without what entering a stack has put into it: what `rocmswitch_off` does, on a mapping.

The undo state is exported and the same in every shell's dialect and here, so that whatever was entered anywhere
can be left anywhere: `_ROCMSWITCH_DONE` lists the steps, the last first (`set:NAME add:NAME `), and for each NAME
`_ROCMSWITCH_OLD_NAME` is `was:VALUE`, or `own:VALUE` of what only the shell itself knew (not there: nothing), and
`_ROCMSWITCH_NEW_NAME` what was set (not there: it was unset), or the folders added. Two steps stand for what most
have: `who:ROCMSWITCH` for the two variables that say who is active, `env:VIRTUAL_ENV` for all of an environment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rocmswitch.model.activation import ResolvedActivation

STACK = "ROCMSWITCH_STACK"
ACTIVE, WHY = "ROCMSWITCH_ACTIVE", "ROCMSWITCH_WHY"
DONE = "_ROCMSWITCH_DONE"
_OLD, _NEW = "_ROCMSWITCH_OLD_", "_ROCMSWITCH_NEW_"
_ADD, _SET, _WHO, _ENVIRONMENT = "add", "set", "who", "env"
_MODULE = "module"
"""Why, where Environment Modules have put theirs in the place of ours meanwhile."""
_STEP = re.compile(r"(?P<kind>[a-z]+):(?P<name>[A-Za-z_][A-Za-z0-9_]*)")


def left(environment: Mapping[str, str]) -> dict[str, str]:
    """*environment* as it was before a stack was entered. What was changed since then stays as it is."""
    before = dict(environment)
    for step in before.pop(DONE, "").split():
        found = _STEP.fullmatch(step)
        if found and found["kind"] == _WHO:
            _be_nobody(before)
        elif found and found["kind"] == _ENVIRONMENT:
            _take_back_environment(before)
        elif found:
            _take_back(before, found["kind"], found["name"])
    return before


def entered(
    environment: Mapping[str, str],
    activation: ResolvedActivation,
    is_foreign: Callable[[str], bool] = lambda _: False,
) -> dict[str, str]:
    """*environment* inside of what *activation* enters, and of nothing else; `left` takes it back.

    Whoever says what to enter overrides ROCMSWITCH_STACK, which a shell inside would follow.
    """
    before = left(environment)
    before.pop(STACK, None)
    chosen = replace(activation, variables=(*activation.variables, (WHY, "use")))
    inside = chosen.applied_to(before, is_foreign)
    return {**inside, **_undo(before, inside, dict(activation.paths))}


def _undo(
    before: Mapping[str, str], inside: Mapping[str, str], paths: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    names = sorted(name for name in {*before, *inside} if before.get(name) != inside.get(name))
    undo, steps = {}, []
    if ACTIVE not in before and WHY not in before:
        names = [name for name in names if name not in (ACTIVE, WHY)]
        steps.append(f"{_WHO}:ROCMSWITCH")
    for name in names:
        folders, old = ":".join(paths.get(name, ())), before.get(name)
        added = folders and inside.get(name) == (f"{folders}:{old}" if old else folders)
        steps.append(f"{_ADD if added else _SET}:{name}")
        if old is not None:
            undo[_OLD + name] = f"was:{old}"
        if name in inside:
            undo[_NEW + name] = folders if added else inside[name]
    return {DONE: "".join(f"{step} " for step in steps), **undo} if steps else {}


def _be_nobody(environment: dict[str, str]) -> None:
    if environment.get(WHY) != _MODULE:
        environment.pop(ACTIVE, None)
        environment.pop(WHY, None)


def _take_back_environment(environment: dict[str, str]) -> None:
    folder = environment.get(f"{_NEW}VIRTUAL_ENV", "")
    environment[f"{_NEW}UV_CONSTRAINT"] = f"{folder}/constraints.txt"
    environment |= {f"{_NEW}PATH": f"{folder}/bin", f"{_OLD}PATH": "was:"}
    for kind, name in ((_ADD, "PATH"), (_SET, "UV_CONSTRAINT"), (_SET, "VIRTUAL_ENV")):
        _take_back(environment, kind, name)


def _take_back(environment: dict[str, str], kind: str, name: str) -> None:
    old, ours = environment.pop(_OLD + name, "unset"), environment.pop(_NEW + name, None)
    was = old[len("was:") :] if old.startswith(("was:", "own:")) else ""
    now = environment.get(name)
    if now == (f"{ours}:{was}" if kind == _ADD and was else ours):
        restored = was if old.startswith("was:") else None
    elif kind == _ADD and now is not None:
        restored = _without(now, (ours or "").split(":")) or (None if old == "unset" else "")
    else:
        restored = now
    if restored is None:
        environment.pop(name, None)
    else:
        environment[name] = restored


def _without(value: str, folders: Sequence[str]) -> str:
    """A path variable without each of *folders*, wherever they stand in it now."""
    kept = value.split(":")
    for folder in folders:
        if folder in kept:
            kept.remove(folder)
    return ":".join(kept)
