"""The downloaded archives: which of them installed stacks were made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Failed, VerificationFailed
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations.keeping import kept_trees
from rocmswitch.store.installed import Installed
from rocmswitch.store.receipts import read_receipt
from rocmswitch.store.trees import Trees


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
