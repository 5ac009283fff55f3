"""The downloaded archives: which of them installed stacks were made from."""

from __future__ import annotations

from rocmswitch.store.installed import Installed


def wanted(installed: Installed) -> frozenset[str]:
    """SHA-256 of every archive that `repair` would need again."""
    trees = (*installed.prefixes(), *installed.venvs())
    return frozenset(package.sha256 for one in trees for package in one.receipt.packages)
