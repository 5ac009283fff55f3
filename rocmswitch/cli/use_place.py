"""Where an environment is to be: under a name, or at a path, where a symlink stands for it."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.errors import MachineLacks, Refused, UsageMistake
from rocmswitch.model.grammar import is_name
from rocmswitch.planning.naming import other_meaning
from rocmswitch.store.installed import Installed
from rocmswitch.store.private import may_write
from rocmswitch.system.disk import disk_errors

_LONGEST = 40
"""Characters of a name that is made from a folder's, or offered."""


@dataclass(frozen=True)
class Place:
    """An environment's name, and the path of the symlink that stands for it, where one was asked for."""

    name: str
    link: Path | None = None


def place(text: str, folder: Path) -> Place:
    """A name; or a path, relative to *folder*, for which a name is made that no other path has.

    Raises UsageMistake for what is neither.
    """
    if "/" in text or text.startswith("."):
        link = Path(os.path.normpath(folder / text))
        return Place(_name_of(link), link)
    if not is_name(text):
        raise UsageMistake(
            f"`{text[:80]}` cannot be the name of an environment: two or more small letters, digits and `._-`",
            hint=f"run the same command with `--venv {_offered(text)}`",
        )
    meaning = other_meaning(text)
    if meaning:
        raise UsageMistake(
            f"`{text[:80]}` means {meaning} wherever a name is given, so an environment needs another one",
            hint=f"run the same command with `--venv {_offered(text)}`",
        )
    return Place(text)


def check_link(link: Path, venvs: Path, target: str) -> None:
    """Raise where no symlink can be at *link*, before an environment of *target* is made.

    Refused where something that is not ours lies there, or no folder above; MachineLacks where it may not be
    written.
    """
    there = next(one for one in (link.parent, *link.parent.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise Refused(
            f"`{there}` is no folder, so nothing can be in it",
            hint="run the same command with another `--venv PATH`",
        )
    ours = link.is_symlink() and link.readlink().parent == venvs
    if not ours and os.path.lexists(link):
        raise Refused(f"`{link}` is there already, and rocmswitch did not make it", hint=_way_round(link, target))
    if not may_write(link.parent):
        raise MachineLacks(
            f"`{link.parent}` may not be written by this user, and a link to the environment is to be there",
            hint=f"run `rocmswitch use {shlex.quote(target)} --venv NAME`, which needs no link",
        )


def set_link(link: Path, installed: Installed, name: str) -> None:
    """Let the path stand for the environment."""
    one = installed.venv(name)
    if one is not None and not (link.is_symlink() and Path(link.readlink()) == one.link):
        with disk_errors(link):
            machine.disk().make_directories(link.parent)
            machine.disk().replace_symlink(link, str(one.link))
        output.say(f"{link} leads to {name}")


def _way_round(link: Path, target: str) -> str:
    """A project's folder is to have the environment in it; another environment, or a file, can make way."""
    if link.is_dir() and not (link / "pyvenv.cfg").exists():
        inside = shlex.join((target, "--venv", str(link / ".venv")))
        return f"run `rocmswitch use {inside}`, which puts it inside"
    path = str(link)
    return f"run `{shlex.join(('mv', path, f'{path}.away'))}`, then the same command"


def _offered(text: str) -> str:
    """A name like *text*."""
    word = _word(text)
    free = (one for one in (word, f"{word}-venv") if is_name(one) and not other_meaning(one))
    return next(free, "my-venv")


def _name_of(link: Path) -> str:
    """`<folder>-<6 hex>`: of the project's folder where the link itself is hidden, as `.venv` is."""
    folder = link.parent if link.name.startswith(".") else link
    return f"{_word(folder.name) or 'venv'}-{hashlib.sha256(os.fsencode(link)).hexdigest()[:6]}"


def _word(text: str) -> str:
    """What of *text* a name can have."""
    return re.sub(r"[^a-z0-9._-]+|\.{2,}", "-", text.lower()).strip("._-")[:_LONGEST].strip("._-")
