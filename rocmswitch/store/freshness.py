"""Whether work that follows from a tree is done: told by times of files, for a command that must be quick.

A stale answer costs a second look, never a wrong one: what looks older than its source is made again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from rocmswitch.shell import fish, posix
from rocmswitch.store.installed import Installation
from rocmswitch.store.receipts import receipt_path

_BUNDLES = ("torch/lib", "_rocm_sdk_core/lib", "_rocm_sdk_libraries/lib")

DIALECTS = ("sh", "fish")
"""Suffixes of scripts. What bash, zsh and POSIX shells source is one."""
FUNCTIONS = {"sh": ("functions.sh", "cards.sh"), "fish": ("functions.fish",)}
"""The files that this program carries for each, one after the other: what scripts call."""
_DRIVER = "sys/module/amdgpu"


def scripts_are_written(one: Installation, below: Installation | None, carried: Path) -> bool:
    """Whether the scripts of *one* are younger than what they are rendered from, and nobody else may write them.

    That is the receipts of it and of the prefix *below* it, and the functions in *carried*, this program's folder.
    """
    scripts = [one.script(dialect) for dialect in DIALECTS]
    receipts = [receipt_path(tree.link) for tree in (one, below) if tree is not None]
    try:
        return (
            all(_is_private(folder) for folder in (one.layout.activations, one.layout.shell))
            and _oldest(scripts) >= _youngest(receipts)
            and all(_holds(one.layout.shell / f"functions.{dialect}", carried, dialect) for dialect in DIALECTS)
            and all(_begins(script, one.layout.shell / f"functions{script.suffix}") for script in scripts)
        )
    except OSError:
        return False


def look_is_due(one: Installation, root: Path = Path("/")) -> bool:
    """Whether *one* or the driver changed since it was last looked at which libraries it loads, if it ever was."""
    seen = one.layout.checks / f"{one.link.name}.json"
    sites = tuple(one.link.glob("lib/python*/site-packages"))
    changed = [
        root / _DRIVER,
        receipt_path(one.link),
        *sites,
        *(site / below for site in sites for below in _BUNDLES),
    ]
    try:
        return _oldest([seen]) < _youngest(path for path in changed if path.exists())
    except OSError:
        return True


def _holds(functions: Path, carried: Path, dialect: str) -> bool:
    return functions.read_bytes() == b"".join((carried / name).read_bytes() for name in FUNCTIONS[dialect])


def _begins(script: Path, functions: Path) -> bool:
    """Whether *script* asks for the functions as those of this version do: another one's may call other names."""
    render = fish.functions_from if script.suffix == ".fish" else posix.functions_from
    return script.read_text("utf-8", "surrogateescape").startswith(render(str(functions)))


def _is_private(folder: Path) -> bool:
    """As `store/private.py` wants it, which says in words what is wrong."""
    found = folder.stat()
    return found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) == 0 and found.st_uid in (0, os.geteuid())


def _youngest(paths: Iterable[Path]) -> int:
    return max(path.stat().st_mtime_ns for path in paths)


def _oldest(paths: Iterable[Path]) -> int:
    return min(path.stat().st_mtime_ns for path in paths)
