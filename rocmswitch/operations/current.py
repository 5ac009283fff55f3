"""Which stack is active, why, and what hides it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from rocmswitch.errors import NotFound
from rocmswitch.store.installed import Installation, Installed

CHOSEN = "ROCMSWITCH_STACK"
ACTIVE = "ROCMSWITCH_ACTIVE"


@dataclass(frozen=True)
class Current:
    """The active installation. `hidden` pairs a tool of it with the program that is found instead.

    That is empty where PATH leads to none.
    """

    installation: Installation
    why: str
    hidden: tuple[tuple[str, str], ...] = ()


def look(environment: Mapping[str, str], installed: Installed) -> Current | None:
    """What *environment* says is active: ROCMSWITCH_STACK before a `use` in this shell. None if nothing."""
    for variable, why in ((CHOSEN, f"{CHOSEN} says so"), (ACTIVE, "`use` in this shell")):
        if environment.get(variable):
            one = installed.find(environment[variable])
            return Current(one, why, _hidden(one, environment, installed))
    return None


def active(environment: Mapping[str, str], installed: Installed) -> Installation:
    """The active installation. Raises NotFound where nothing is active."""
    found = look(environment, installed)
    if found is None:
        raise NotFound("no stack is active here", hint="run `rocmswitch list`")
    return found.installation


def _hidden(one: Installation, environment: Mapping[str, str], installed: Installed) -> tuple[tuple[str, str], ...]:
    """Tools of *one* for which the search path finds another program, or none at all."""
    folders = environment.get("PATH", "").split(":")
    ours = dict(installed.activation(one).paths).get("PATH", ())
    hidden = []
    for tool in ("hipcc", "rocminfo", "rocm-smi", "python"):
        mine = _first(tool, ours)
        found = _first(tool, folders)
        if mine and found != mine:
            hidden.append((mine, found))
    return tuple(hidden)


def _first(tool: str, folders: tuple[str, ...] | list[str]) -> str:
    paths = (f"{folder}/{tool}" for folder in folders if folder)
    return next((path for path in paths if os.access(path, os.X_OK) and not os.path.isdir(path)), "")  # noqa: PTH112
