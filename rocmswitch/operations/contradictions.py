"""What speaks against the stack that is active: each as a sentence with the way out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rocmswitch.errors import RocmswitchError
from rocmswitch.host.foreign import foreign_entries
from rocmswitch.model.pin import Pin
from rocmswitch.model.variables import CHOSEN
from rocmswitch.operations.choosing import BY_PIN, BY_STACK, NO_STACK, Choice, Pinned
from rocmswitch.store.installed import Installation, Installed

_SHELLS = ("bash", "zsh", "fish")


class Situation(NamedTuple):
    """What is active, by what, and everything around it that may say otherwise."""

    one: Installation
    choice: Choice
    pinned: Pinned | None
    environment: Mapping[str, str]
    installed: Installed

    @property
    def again(self) -> str:
        return f"run `rocmswitch use {self.one.receipt.name}`"


def contradictions(now: Situation) -> Iterator[str]:
    """All of them, what matters most first."""
    if not now.choice.entered:
        yield f"`{now.one.receipt.name}` is not entered in this shell: {now.again}, or {_hook(now.environment)}"
    lack = now.installed.lack(now.one)
    if lack:
        yield f"{lack.message}; {lack.hint}"
    if now.pinned and now.pinned.pin:
        yield from _of_the_pin(now, now.pinned, now.pinned.pin)
    for variable, entry in foreign_entries(now.environment):
        yield f"{variable} has `{entry}` of another ROCm, which programs load first; {now.again}"
    yield from _of_another_environment(now)


def _of_the_pin(now: Situation, pinned: Pinned, pin: Pin) -> Iterator[str]:
    venv = now.installed.venv(pin.venv) if pin.venv else None
    if venv and not _means(pin.name, venv.receipt.stack, now.installed):
        yield f"{pinned.file} asks for `{pin.name}`, but its environment `{pin.venv}` is of `{venv.receipt.stack}`"
    reason = now.choice.reason
    if reason == f"{BY_PIN}{pinned.file}" or _agrees(now, pin):
        return
    if reason == BY_STACK:
        why = f"{CHOSEN} comes before it, `unset {CHOSEN}` lets it decide"
    elif reason.startswith(BY_PIN):
        why = f"{reason.removeprefix(BY_PIN)} was the nearest when this shell looked"
    else:
        why = f"{now.choice.why} came before it, `rocmswitch use --off` lets it decide"
    yield f"{pinned.file} asks for `{pin.venv or pin.name}`: {why}"


def _agrees(now: Situation, pin: Pin) -> bool:
    """Whether what is active is what the pin means: its environment, or anything of its stack."""
    if pin.name == NO_STACK:
        return False
    if pin.venv:
        return now.one.receipt.name == pin.venv
    return _means(pin.name, now.one.receipt.stack, now.installed)


def _means(text: str, stack: str, installed: Installed) -> bool:
    """Whether *text*, a version or a name of a stack or an environment, leads to *stack*."""
    if text == stack:
        return True
    from rocmswitch.planning.naming import resolve_name  # packaging, which most calls do not need

    try:
        return resolve_name(text, (stack,)) == stack
    except RocmswitchError:
        one = installed.exactly(text)
        return one is not None and one.receipt.stack == stack


def _of_another_environment(now: Situation) -> Iterator[str]:
    """pip and uv work in the environment that VIRTUAL_ENV names, whatever PATH says."""
    folder = now.environment.get("VIRTUAL_ENV", "")
    place = os.path.realpath(folder)
    if not folder or place == os.path.realpath(now.one.link):
        return
    if now.one.receipt.kind == "venv":
        yield f"VIRTUAL_ENV is `{folder}`, another environment; {now.again}"
        return
    other = next((venv for venv in now.installed.venvs() if os.path.realpath(venv.link) == place), None)
    if other and other.receipt.stack != now.one.receipt.stack:
        yield f"VIRTUAL_ENV is `{folder}`, an environment of `{other.receipt.stack}`"


def _hook(environment: Mapping[str, str]) -> str:
    """How the hook is loaded in the shell that the user prefers. Whether it is, no other process can see."""
    shell = Path(environment.get("SHELL", "")).name
    if shell == "fish":
        return "load the hook where it is not: `rocmswitch init fish | source`"
    return f'load the hook where it is not: `eval "$(rocmswitch init {shell if shell in _SHELLS else "bash"})"`'
