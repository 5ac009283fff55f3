"""`list --available`: a line for each stack, below the name of who builds it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.errors import RocmswitchError
from rocmswitch.host.facts import read_host
from rocmswitch.host.gpu import first_target
from rocmswitch.metadata.lock import parse_lock
from rocmswitch.planning.available import OTHERS, Offered, offer
from rocmswitch.planning.naming import by_version
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.installed import Installed

RECOMMENDED = "*"


def show_available(scopes: Scopes, *, as_json: bool) -> None:
    """Every manifest, by vendor and version, the newest and nobody known last. A mistake hides no other."""
    catalog, host = machine.catalog(scopes), read_host()
    manifests, mistakes = catalog.read_all()
    for mistake in mistakes:
        output.say(f"warning: {mistake.message}")
    there = {one.receipt.name for one in Installed(scopes.searched).prefixes()}
    best = _recommended(scopes)
    found = []
    for one in manifests:
        lock = catalog.lock(one.stack.name) if one.shipped else None
        parsed = parse_lock(lock, f"{one.stack.name}.lock") if lock is not None else None
        found.append((one, offer(one.stack, parsed, host)))
    found.sort(key=lambda pair: (pair[1].vendor == OTHERS, by_version(pair[0].stack.name)))
    if as_json:
        output.write_json([_as_json(one, offered, there, best) for one, offered in found])
        return
    _show(found, there, best)


def _show(found: Iterable[tuple[Manifest, Offered]], there: set[str], best: str) -> None:
    first = True
    for vendor, group in groupby(found, key=lambda pair: pair[1].vendor):
        output.write(vendor if first else f"\n{vendor}")
        output.definitions(
            (f"{RECOMMENDED if one.stack.name == best else ' '} {one.stack.name}", _line(one, offered, there))
            for one, offered in group
        )
        first = False
    if best:
        output.say(f"{RECOMMENDED} is what `rocmswitch recommend` has first for this machine")


def _line(one: Manifest, offered: Offered, there: set[str]) -> str:
    size = offered.size
    parts = [
        one.stack.summary,
        " ".join(offered.kinds),
        f"{output.size(size.download)}, {output.size(size.installed)} on disk" if size else "",
        "installed" if one.stack.name in there else "",
        f"not for this machine: {offered.lacks}" if offered.lacks else "",
        "" if one.shipped else f"your own: {one.file}",
    ]
    return " · ".join(filter(None, parts))


def _as_json(one: Manifest, offered: Offered, there: set[str], best: str) -> dict[str, object]:
    return {
        "name": one.stack.name,
        "summary": one.stack.summary,
        "released": one.stack.released,
        "vendor": offered.vendor,
        "sources": list(offered.kinds),
        "download_size": offered.size.download if offered.size else None,
        "installed_size": offered.size.installed if offered.size else None,
        "suits": not offered.lacks,
        "lacks": offered.lacks,
        "recommended": one.stack.name == best,
        "installed": one.stack.name in there,
        "shipped": one.shipped,
        "file": str(one.file),
    }


def _recommended(scopes: Scopes) -> str:
    """The stack that `recommended` means; empty where there is no card, or nothing is known to run on it."""
    from rocmswitch.operations.entering import GPU, SYSROOT

    root = Path(os.environ.get(SYSROOT) or "/")
    target = os.environ.get(GPU) or first_target(root)
    if not target:
        return ""
    from rocmswitch.cli.recommended import ask
    from rocmswitch.operations.recommend import Wish
    from rocmswitch.planning.recommend import first_of

    try:
        return first_of(ask(scopes, Wish(root=root)).recommendations, target).stack
    except RocmswitchError:
        # Which is nobody's question here: `recommend` says why there is none.
        return ""
