"""Whether work that follows from a tree is done: told by times of files, for a command that must be quick.

A stale answer costs a second look, never a wrong one: what looks older than its source is made again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rocmswitch.store.installed import Installation
from rocmswitch.store.receipts import receipt_path

_BUNDLES = ("torch/lib", "_rocm_sdk_core/lib", "_rocm_sdk_libraries/lib")

_DRIVER = "sys/module/amdgpu"


def scripts_are_written(one: Installation, below: Installation | None, functions: Path) -> bool:
    """Whether the scripts of *one* are younger than what they are rendered from.

    That is its receipt, that of the prefix *below* it, and *functions*, this program's own file of shell functions.
    """
    scripts = [one.script(dialect) for dialect in ("sh", "fish")]
    receipts = [receipt_path(tree.link) for tree in (one, below) if tree is not None]
    copy = one.layout.shell / functions.name
    try:
        return _oldest(scripts) >= _youngest(receipts) and copy.read_bytes() == functions.read_bytes()
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


def _youngest(paths: Iterable[Path]) -> int:
    return max(path.stat().st_mtime_ns for path in paths)


def _oldest(paths: Iterable[Path]) -> int:
    return min(path.stat().st_mtime_ns for path in paths)
