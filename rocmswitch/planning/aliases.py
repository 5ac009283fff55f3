"""Shorter names for what is installed, so that a shell finds the script of `6.2` without deciding what it means."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.planning.naming import resolve_installed


def plan_aliases(installed: Collection[str], available: Collection[str], taken: Collection[str]) -> dict[str, str]:
    """Each shorter name with the one of *installed* that it means, as commands understand it.

    *available* are the names of manifests, which decide whose version a bare one is. What is ambiguous, or means
    something that is not installed, has none; nor have names that are *taken*.
    """
    candidates = sorted({short for name in installed for short in _shorter(name)} - {*installed, *taken})
    meant = {short: _meaning(short, installed, available) for short in candidates}
    return {short: name for short, name in meant.items() if name in installed}


def _meaning(short: str, installed: Collection[str], available: Collection[str]) -> str:
    try:
        return resolve_installed(short, installed, available)
    except (NotFound, UsageMistake):  # several vendors have it
        return ""


def _shorter(name: str) -> Iterator[str]:
    """`rocm-6.2.4`: 6.2.4, rocm-6.2, 6.2, rocm-6, 6."""
    vendor, _, version = name.rpartition("-")
    parts = version.split(".")
    for count in range(len(parts), 0, -1):
        beginning = ".".join(parts[:count])
        yield beginning
        yield f"{vendor}-{beginning}"
