"""Which stack is active, why, and what hides it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from rocmswitch.errors import NotFound
from rocmswitch.model.variables import LEFT
from rocmswitch.operations.choosing import BY_OFF, BY_PIN, BY_STACK, Choice, Pinned, choose, ignored, nearest_pin
from rocmswitch.operations.contradictions import Situation, contradictions
from rocmswitch.store.installed import Installation, Installed

_TOOLS = ("hipcc", "rocminfo", "rocm-smi", "python")
"""What people call by their bare names."""


class Current(NamedTuple):
    """What is active, or None. `choice` says by what, and `notes` what speaks against it, each with the way out.

    `hidden` pairs a tool of it with the program that is found instead; that is empty where PATH leads to none.
    What an alias or a shell function hides cannot be seen from another process.
    """

    installation: Installation | None
    choice: Choice | None = None
    hidden: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def look(environment: Mapping[str, str], installed: Installed) -> Current:
    """What *environment* and the folder say is active.

    Raises NotFound where that was removed, and what finding it raises.
    """
    pinned = nearest_pin(environment)
    problem = tuple(ignored(environment, pinned))
    choice = choose(environment, pinned, installed)
    if choice is None or not choice.name:
        return Current(None, choice, notes=problem)
    if choice.reason == environment.get(LEFT) and not choice.entered:
        return Current(None, Choice("", f"{BY_OFF}{choice.reason}"), notes=problem)
    one = _installed(choice, installed)
    if one is None:
        lost = f"{_asked(choice)}, which is not installed; run `rocmswitch use {_words(choice, pinned)}`"
        return Current(None, None, notes=(*problem, lost))
    notes = (*problem, *contradictions(Situation(one, choice, pinned, environment, installed)))
    return Current(one, choice, _hidden(one, environment, installed), notes)


def active(environment: Mapping[str, str], installed: Installed) -> Installation:
    """The active installation. Raises NotFound where nothing is active."""
    found = look(environment, installed).installation
    if found is None:
        raise NotFound("no stack is active here", hint="run `rocmswitch list`")
    return found


def _installed(choice: Choice, installed: Installed) -> Installation | None:
    """None where only a pin or the default asks for what is not there: that harms nothing."""
    if choice.entered:
        found = installed.exactly(choice.name)
        if found is None and choice.reason != BY_STACK:
            raise NotFound(
                f"`{choice.name}` is active in this shell, but it was removed", hint="run `rocmswitch use --off`"
            )
        return found or installed.find(choice.name)
    try:
        return installed.find(choice.name)
    except NotFound:
        if choice.reason == BY_STACK:
            raise
        return None


def _asked(choice: Choice) -> str:
    if choice.reason.startswith(BY_PIN):
        return f"{choice.reason.removeprefix(BY_PIN)} asks for `{choice.name}`"
    return f"the default of new shells is `{choice.name}`"


def _words(choice: Choice, pinned: Pinned | None) -> str:
    """What makes it: an environment that a pin names is of the stack that it names, too."""
    pin = pinned.pin if pinned and choice.reason.startswith(BY_PIN) else None
    return f"{pin.name} --venv {pin.venv}" if pin and pin.venv else choice.name


def _hidden(one: Installation, environment: Mapping[str, str], installed: Installed) -> tuple[tuple[str, str], ...]:
    """Tools of *one* for which the search path finds another program, or none at all."""
    if installed.lack(one):
        return ()
    folders = environment.get("PATH", "").split(":")
    ours = dict(installed.activation(one).paths).get("PATH", ())
    hidden = []
    for tool in _TOOLS:
        mine = _first(tool, ours)
        found = _first(tool, folders)
        if mine and found != mine:
            hidden.append((mine, found))
    return tuple(hidden)


def _first(tool: str, folders: tuple[str, ...] | list[str]) -> str:
    paths = (f"{folder}/{tool}" for folder in folders if folder)
    return next((path for path in paths if os.access(path, os.X_OK) and not os.path.isdir(path)), "")  # noqa: PTH112
