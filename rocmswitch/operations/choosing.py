"""Which stack a shell's environment and folder ask for, in the order of the hook, and whether it was entered."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rocmswitch.errors import Failed
from rocmswitch.model.pin import Pin, WrongPin, is_pinnable
from rocmswitch.model.variables import ACTIVE, CHOSEN, WHY
from rocmswitch.store.installed import Installed
from rocmswitch.store.pins import find_pin, read_pin

NO_STACK = "system"
"""As a name: no stack here."""
BY_USE, BY_DEFAULT, BY_STACK, BY_MODULE, BY_PIN = "use", "default", "stack", "module", "pin:"
"""What the hook, or a modulefile, says in ROCMSWITCH_WHY."""
BY_OFF = "off:"
"""Before the reason that the shell has left."""


class Pinned(NamedTuple):
    """The nearest pin file. `pin` is None where it is none, and `problem` then says why."""

    file: Path
    pin: Pin | None
    problem: str = ""


class Choice(NamedTuple):
    """The name that is asked for, empty for no stack, and by what: `reason` is as ROCMSWITCH_WHY says it.

    `entered` where a shell has set it up; else the variables that it needs are not there.
    """

    name: str
    reason: str
    entered: bool = False

    @property
    def why(self) -> str:
        """For people."""
        if self.reason.startswith(BY_OFF):
            return f"left by `use --off`: {Choice('', self.reason.removeprefix(BY_OFF)).why}"
        if self.reason.startswith(BY_PIN):
            return f"pinned by {self.reason.removeprefix(BY_PIN)}"
        words = {
            BY_STACK: f"{CHOSEN} says so",
            BY_DEFAULT: "the default of new shells",
            BY_MODULE: "a modulefile was loaded",
        }
        return words.get(self.reason, "`use` in this shell")


def choose(environment: Mapping[str, str], pinned: Pinned | None, installed: Installed) -> Choice | None:
    """ROCMSWITCH_STACK, then what the shell has entered, then the pin, then the default. None if nothing."""
    active, reason = environment.get(ACTIVE, ""), environment.get(WHY, "")
    stack = environment.get(CHOSEN, "")
    if is_pinnable(os.fsencode(stack)):
        return _named(stack, BY_STACK, active, installed)
    if active or reason:  # a reason alone: `use system`, or a pin that says so
        return Choice(active, reason or BY_USE, entered=True)
    if pinned and pinned.pin:
        return _named(pinned.pin.venv or pinned.pin.name, f"{BY_PIN}{pinned.file}", active, installed)
    default = installed.default()
    return Choice(default, BY_DEFAULT) if default else None


def nearest_pin(environment: Mapping[str, str]) -> Pinned | None:
    """The pin file that governs the folder that the shell is in."""
    file = find_pin(_folder(environment))
    if file is None:
        return None
    try:
        return Pinned(file, read_pin(file))
    except (WrongPin, Failed) as error:
        reason = f"{file} is not a valid pin" if isinstance(error, WrongPin) else error.message
        return Pinned(file, None, f"ignored: {reason}")


def ignored(environment: Mapping[str, str], pinned: Pinned | None) -> Iterator[str]:
    """What asks for a stack in a way that no shell follows. Shows nothing of its content."""
    stack = environment.get(CHOSEN, "")
    if stack and not is_pinnable(os.fsencode(stack)):
        yield f"ignored: {CHOSEN} is not the name of a stack"
    if pinned and pinned.problem:
        yield pinned.problem


def _named(name: str, reason: str, active: str, installed: Installed) -> Choice:
    """*name* may be a version; what a shell has entered is told by its whole name."""
    if name == NO_STACK:
        return Choice("", reason, entered=not active)
    entered = bool(active) and (name == active or installed.find(name).receipt.name == active)
    return Choice(name, reason, entered)


def _folder(environment: Mapping[str, str]) -> Path:
    """As the shell sees it: a folder that was entered through a symlink has other folders above it."""
    logical = Path(environment.get("PWD", ""))
    try:
        return logical if logical.is_absolute() and logical.samefile(".") else Path.cwd()
    except OSError:  # a folder that was removed, or may not be looked into
        return Path(os.sep) if not logical.is_absolute() else logical
