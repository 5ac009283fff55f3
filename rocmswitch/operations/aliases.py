"""Symlinks for shorter names beside the scripts: `6.2.sh` enters what `6.2` means here.

What they mean is decided anew only when something was installed, removed or offered since: the decision is
kept beside the functions, with what it was made of.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from rocmswitch.store.catalog import Catalog, shipped_manifests
from rocmswitch.store.layout import Layout


def record(layout: Layout) -> Path:
    """Where the decision is kept."""
    return layout.shell / "aliases.json"


def decide(layout: Layout, gone: Collection[str] = ()) -> tuple[dict[str, str], bytes]:
    """Each shorter name with what it means when the names *gone* are, and what `record` should hold."""
    basis = _basis(layout, gone)
    content = _read(record(layout))
    try:
        known = json.loads(content)
        if {key: known[key] for key in basis} == basis:
            return dict(known["aliases"]), content
    except (ValueError, KeyError, TypeError, RecursionError):  # cut off, or not there yet
        pass
    from rocmswitch.planning.aliases import plan_aliases

    taken = (*basis["environments"], *basis["installed"])
    aliases = plan_aliases(basis["installed"], basis["available"], taken)
    return aliases, json.dumps({**basis, "aliases": aliases}, indent=1, sort_keys=True).encode()


def _basis(layout: Layout, gone: Collection[str]) -> dict[str, list[str]]:
    own = (layout.manifests, Layout.system().manifests)
    return {
        "installed": [name for name in _links(layout.prefixes) if name not in gone],
        "environments": [name for name in _links(layout.venvs) if name not in gone],
        "available": list(Catalog(shipped_manifests(), own).names()),
    }


def _links(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_symlink() and not path.name.startswith("."))


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
