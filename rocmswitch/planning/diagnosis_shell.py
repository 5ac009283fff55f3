"""Rows about this shell, and about what the user's files do to every shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.leftover import Leftover
from rocmswitch.model.symptoms import Setting, ShellSymptoms, Symptoms
from rocmswitch.planning.activation import ACTIVE
from rocmswitch.planning.diagnosis_override import NO_VERSION, is_version, why_unneeded
from rocmswitch.planning.diagnosis_override import OVERRIDE as OVERRIDE
from rocmswitch.planning.diagnosis_path import unset as unset
from rocmswitch.planning.leftovers import line_id

_AT_LOGIN = (".profile", ".bash_profile", ".bash_login", ".zprofile", ".zlogin", ".xprofile", ".xsessionrc")
"""Files in a home that are read when a session begins, and not by each shell."""


def gone(symptoms: Symptoms) -> Iterator[Finding]:
    """What this shell is in was removed, perhaps from another shell."""
    variable, name = symptoms.shell.gone
    if variable:
        text = "run `rocmswitch use --off`" if variable == ACTIVE else f"run `{unset(variable, symptoms.shell)}`"
        what = f"this shell is in `{name}`, which is not installed"
        why = f"{variable} names it, and folders of it may be on PATH"
        yield Finding("gone", WARNING, what, variable, why, Remedy(text))


def foreign_paths(symptoms: Symptoms) -> Iterator[Finding]:
    """Another ROCm's libraries come before those that a stack brings along (pytorch/builder#1468)."""
    shell = symptoms.shell
    explained: set[tuple[str, str]] = set()
    for setting in (one for one in shell.settings if one.foreign):
        explained.update((setting.name, entry) for entry in setting.foreign)
        yield Finding(
            f"foreign-path:{setting.where}",
            WARNING,
            f"`{setting.file}` puts another ROCm into {setting.name} of every shell",
            setting.where,
            f"`{' '.join(setting.foreign)}` comes before what a stack brings along; entering a stack takes it out, "
            "but what is started otherwise loads it",
            _without_line(setting, symptoms),
        )
    for name in dict.fromkeys(name for name, _ in shell.foreign):
        entries = [entry for one, entry in shell.foreign if one == name]
        if all((name, entry) in explained for entry in entries) and not shell.active:
            continue
        yield Finding(
            f"foreign-path:{name}",
            FAULT if shell.active else WARNING,
            f"{name} leads to another ROCm in this shell",
            name,
            f"`{' '.join(entries)}` comes before what a stack brings along"
            + (f", and was added after `{shell.active.name}` was entered" if shell.active else ""),
            _without(name, shell),
        )


def global_variables(symptoms: Symptoms) -> Iterator[Finding]:
    """What belongs to one stack and card is set for all of them (field reports: ROCm/ROCm#887, MIOpen#3540)."""
    shell = symptoms.shell
    for setting in (one for one in shell.settings if not one.foreign and not one.name.startswith("LD_")):
        severity, why = _judged(setting, symptoms)
        yield Finding(
            f"global-variable:{setting.where}:{setting.name}",
            severity,
            f"`{setting.file}` sets {setting.name} for every stack and card",
            setting.where,
            f"`{setting.name}={setting.value}`: {why}",
            _without_line(setting, symptoms),
        )


def hook(symptoms: Symptoms) -> Iterator[Finding]:
    """Without it, pins and defaults are not followed, and `use` needs `eval`."""
    found = symptoms.shell.hook
    command = ("init", found.shell, "--install")
    remedy = Remedy(f"run `rocmswitch {' '.join(command)}`", command, automatic=True)
    if found.state == "absent":
        why = (
            "`.rocm-version` files and the default are not followed, and `rocmswitch use` cannot change this shell"
        )
        yield Finding("hook", NOTE, f"{found.shell} does not load rocmswitch's hook", found.rc, why, remedy)
    if found.state == "older":
        why = "it was written by another version of rocmswitch, and may not understand what this one writes"
        what = f"the hook that {found.shell} loads is not this version's"
        yield Finding("hook", WARNING, what, found.rc, why, remedy)


def _judged(setting: Setting, symptoms: Symptoms) -> tuple[str, str]:
    """How bad a global variable is, and why: by what the active stack sets itself."""
    active = symptoms.shell.active
    if setting.name == OVERRIDE and not is_version(setting.value):
        return WARNING, NO_VERSION
    if setting.name == OVERRIDE and (why := why_unneeded(setting.value, symptoms.card)):
        return WARNING, why
    if active is None:
        return WARNING, "a stack sets what it needs when it is entered, and this stays when it is left"
    wanted = dict(active.variables).get(setting.name)
    if wanted is None:
        return WARNING, f"`{active.name}` does not need it"
    if wanted == setting.value:
        return NOTE, f"`{active.name}` sets the same by itself, other stacks do not"
    return WARNING, f"it contradicts `{active.name}`, which sets `{wanted}`"


def _without_line(setting: Setting, symptoms: Symptoms) -> Remedy:
    """Files of the machine take a root's editor. A shell that has read the line exports it to the next."""
    if setting.file.startswith("/etc/") or setting.file.endswith("/environment"):
        return Remedy(f"delete line {setting.line} of `{setting.file}` as root, and log in again")
    if setting.file.endswith("/fish_variables"):
        return Remedy(f"run `set -eU {setting.name}` in fish")
    folder, _, name = setting.file.rpartition("/")
    at_login = name in _AT_LOGIN or folder.endswith("/environment.d")
    again = "log in again" if at_login else "open a new terminal"
    ours = next((one for one in symptoms.leftovers if _takes_out(one, setting)), None)
    command = ("doctor", "--fix", line_id(ours, setting.line)) if ours else ()
    text = f"delete line {setting.line} of `{setting.file}`, and {again}"
    return Remedy(text, command, automatic=ours is not None)


def _takes_out(one: Leftover, setting: Setting) -> bool:
    """Whether the line is among those that `--fix leftovers` takes out."""
    return one.path == setting.file and any(line.number == setting.line and line.is_apart for line in one.lines)


def _without(name: str, shell: ShellSymptoms) -> Remedy:
    if shell.active and name.startswith("LD_"):
        return Remedy(f"run `rocmswitch use {shell.active.name}`, which takes it out")
    kept = dict(shell.kept).get(name)
    if kept:
        command = f"set -gx {name} " if shell.hook.shell == "fish" else f"export {name}="
        return Remedy(f"run `{command}{shlex.quote(kept)}`")
    return Remedy(f"run `{unset(name, shell)}`")
