"""The downloaded archives: which of them installed stacks were made from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Failed, VerificationFailed
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations.keeping import kept_trees
from rocmswitch.store.cache import Cache
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.receipts import read_receipt
from rocmswitch.store.trees import Trees
from rocmswitch.system.usage import usage


@dataclass(frozen=True)
class Held:
    """What a scope's cache holds; all but `files` are bytes."""

    files: int
    """Archives, those that are still arriving among them."""
    bytes: int
    """Of the archives."""
    needed: int
    """Of those that something there was made from."""
    unreferenced: int
    """Of all others."""
    indexes: int
    wheels: int
    """That only uv's own folder holds."""
    shared_wheels: int
    """Of those that environments have, too: they would stay."""


def held(cache: Cache, wanted: Collection[str], layout: Layout) -> Held:
    """Look at the cache. *wanted* are the hashes (hex) of the archives that something there was made from."""
    files = cache.files()
    total = sum(one.size for one in files)
    needed = sum(one.size for one in files if not one.partial and one.name in wanted)
    indexes, wheels = usage([layout.indexes]).freed, usage([layout.uv])
    return Held(len(files), total, needed, total - needed, indexes, wheels.freed, wheels.shared)


def wanted(installed: Installed, kept: Iterable[Receipt] = ()) -> frozenset[str]:
    """SHA-256 of every archive that `repair` would need again, also after what was removed is brought back."""
    receipts = (*(one.receipt for one in (*installed.prefixes(), *installed.venvs())), *kept)
    return frozenset(package.sha256 for one in receipts for package in one.packages)


def kept(trees: Iterable[Trees], ledger: Ledger) -> tuple[Receipt, ...]:
    """What was removed, or has lost its name to another, and can be brought back."""
    chosen = kept_trees(ledger)
    found = ((one, name) for one in trees for name in one.superseded() if chosen is None or name in chosen)
    return tuple(receipt for one, name in found for receipt in _readable(one, name))


def _readable(trees: Trees, name: str) -> Iterator[Receipt]:
    """Its receipt; none where that is damaged: there is nothing then that could be repaired."""
    try:
        yield read_receipt(trees.path(name))
    except (VerificationFailed, Failed):
        return
