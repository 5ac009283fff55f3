"""The facts that `doctor` judges: of the shell and of our folders here, of trees and the card in `examining`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from rocmswitch.errors import NotFound, RocmswitchError, UsageMistake
from rocmswitch.host.devices import is_anothers, writable_by_others
from rocmswitch.host.foreign import foreign_entries, without_foreign
from rocmswitch.host.rcfiles import read_settings
from rocmswitch.model.symptoms import Active, Hook, PlaceSymptoms, ShellSymptoms, Tools
from rocmswitch.model.variables import ACTIVE, CHOSEN
from rocmswitch.operations.choosing import NO_STACK, Pinned, choose, nearest_pin
from rocmswitch.operations.entering import on_this_card
from rocmswitch.operations.examining import Surgery
from rocmswitch.operations.hooks import hook_path, hook_text
from rocmswitch.planning.diagnosis_override import OVERRIDE
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.layout import Layout

PROGRAM = "rocmswitch"
_TOOLS = ("hipcc", "rocminfo", "hipconfig")
_TREES = ("/opt/rocm",)
"""Where AMD's packages put a link to the newest of them."""
_RC_FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": "fish/config.fish"}


def survey_shell(here: Surgery) -> ShellSymptoms:
    """The shell that this command was started from, and the files that every shell reads."""
    environment = here.environment
    program = own_program()
    return ShellSymptoms(
        settings=read_settings(environment, here.root),
        foreign=foreign_entries(environment),
        kept=without_foreign(environment),
        override=environment.get(OVERRIDE, ""),
        active=_active(here),
        gone=_gone(here),
        hook=_hook(environment, here.own),
        program=program,
        on_path=_resolved(shutil.which(PROGRAM, path=environment.get("PATH", ""))) if program else "",
        tools=_tools(here),
    )


def survey_places(here: Surgery) -> PlaceSymptoms:
    """Our folders, and the pin that governs the folder that this command was started in."""
    own = here.own
    folders = {
        folder: "0" if one.scope == "system" else str(os.getuid())
        for one in here.layouts
        for folder in (one.data, one.activations, one.shell, one.prefixes, one.venvs)
    }
    separate = own.cache if _device(own.cache) != _device(own.data) else None
    pinned = nearest_pin(here.environment)
    return PlaceSymptoms(
        writable=tuple(str(one) for one in folders if writable_by_others(one)),
        strange=tuple((str(one), wanted) for one, wanted in folders.items() if is_anothers(one)),
        cache=str(separate) if separate else "",
        data=str(own.data),
        pin=str(pinned.file) if pinned else "",
        wrong_pin=pinned is not None and pinned.pin is None,
        missing=_missing(pinned, here.installed),
    )


def active(here: Surgery) -> Installation | None:
    """What is active in this shell, by whatever means; None where that is nothing, or gone."""
    try:
        choice = choose(here.environment, nearest_pin(here.environment), here.installed)
        return here.installed.find(choice.name) if choice and choice.name else None
    except RocmswitchError:
        return None


def own_program() -> str:
    """The file that started this process, if it is called as shells call it; empty for `python -m rocmswitch`."""
    started = Path(sys.argv[0])
    return _resolved(str(started)) if started.name == PROGRAM else ""


def _active(here: Surgery) -> Active | None:
    one = active(here)
    if one is None:
        return None
    try:
        inside = on_this_card(here.installed.activation(one), here.environment, one.receipt.profile)
    except RocmswitchError:
        return Active(one.receipt.name, one.receipt.stack)
    return Active(one.receipt.name, one.receipt.stack, inside.variables)


def _tools(here: Surgery) -> Tools:
    """Only where a shell has entered a stack is anything of it to be expected on PATH."""
    entries = here.environment.get("PATH", "").split(":")
    one = active(here) if here.environment.get(ACTIVE) else None
    if one is None:
        rocm = next((name for name in _TREES if _has_tools(here.root / name.lstrip("/") / "bin")), "")
        reached = any(_has_tools(here.root / entry.lstrip("/")) for entry in entries if entry)
        return Tools(unreached="" if reached else rocm)
    try:
        wanted = dict(here.installed.activation(one).paths).get("PATH", ())
    except RocmswitchError:
        return Tools()
    missing = tuple(folder for folder in wanted if folder not in entries)
    before = entries[: min((entries.index(folder) for folder in wanted if folder in entries), default=0)]
    hidden_by = next((entry for entry in before if entry and _has_tools(Path(entry))), "")
    return Tools(missing, hidden_by)


def _has_tools(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _TOOLS)


def _gone(here: Surgery) -> tuple[str, str]:
    """The variable that names what is not installed, and the name."""
    for variable in (CHOSEN, ACTIVE):
        name = here.environment.get(variable, "")
        if name and name != NO_STACK:
            return ("", "") if _is_installed(name, here.installed) else (variable, name)
    return "", ""


def _hook(environment: Mapping[str, str], own: Layout) -> Hook:
    """Of the shell that the user logs in with: whether its start-up file loads the hook, and which."""
    shell = Path(environment.get("SHELL", "")).name
    if shell not in _RC_FILES:
        return Hook()
    home = Path(environment.get("HOME") or "/")
    folders = {
        "bash": home,
        "zsh": Path(environment.get("ZDOTDIR") or home),
        "fish": Path(environment.get("XDG_CONFIG_HOME") or home / ".config"),
    }
    rc = folders[shell] / _RC_FILES[shell]
    installed = hook_path(own, shell)
    asked, file = f"{PROGRAM} init", f"/{installed.name}"
    lines = [line for line in _text(rc).splitlines() if not line.lstrip().startswith("#")]
    if not any(asked in line or (PROGRAM in line and file in line) for line in lines):
        return Hook(shell, str(rc), "absent")
    # `eval "$(rocmswitch init bash)"` asks the program itself, and a file for all users is root's affair.
    older = any(str(installed) in line for line in lines) and _text(installed) != hook_text(shell, own)
    return Hook(shell, str(rc), "older" if older else "current")


def _missing(pinned: Pinned | None, installed: Installed) -> tuple[str, ...]:
    """The words of the pin, where what shells enter by it is not installed: the environment, if it names one."""
    if pinned is None or pinned.pin is None or pinned.pin.name == NO_STACK:
        return ()
    words = (pinned.pin.name, *([pinned.pin.venv] if pinned.pin.venv else []))
    return () if _is_installed(words[-1], installed) else words


def _is_installed(word: str, installed: Installed) -> bool:
    """Also where it is damaged, which is a finding of its own."""
    try:
        installed.find(word)
    except (NotFound, UsageMistake):
        return False
    except RocmswitchError:
        return True
    return True


def _device(folder: Path) -> int:
    """The file system of *folder*, or of the first folder above that is there."""
    existing: Iterable[Path] = (one for one in (folder, *folder.parents) if one.exists())
    return next((one.stat().st_dev for one in existing), 0)


def _resolved(path: str | None) -> str:
    return os.path.realpath(path) if path else ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace") if path.is_file() else ""
    except OSError:
        return ""
