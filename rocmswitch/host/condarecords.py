"""What conda's packages say of their own files: `conda-meta/NAME.json`, one for each installed package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rocmswitch.host.records import Recorded
from rocmswitch.host.sites import CONDA
from rocmswitch.system.reading import open_regular

_LARGEST = 64 * 1024 * 1024
"""Bytes. That of a package with 20 000 files has 8 MB."""


def recorded_by_conda(environment: Path, path: str) -> Recorded | None:
    """What a package had at *path* below *environment* when it was installed; None where none says.

    A list that is garbled or huge says nothing. Raises OSError where they cannot be listed.
    """
    for file in sorted((environment / CONDA).glob("*.json")):
        found = _entry(_package(file, path), path)
        if found is not None:
            return found
    return None


def _package(file: Path, path: str) -> Any:
    """What is in *file*, read only where it names *path*."""
    try:
        with open_regular(file) as opened:
            content = opened.read(_LARGEST)
        return json.loads(content) if json.dumps(path).encode() in content else None
    except (OSError, ValueError, RecursionError):
        # Somebody else's damage: for the caller, nobody states a hash.
        return None


def _entry(package: Any, path: str) -> Recorded | None:
    try:
        entries = (one for one in package["paths_data"]["paths"] if one["_path"] == path)
        found = next(entries, None)
        # What was changed for the environment's own path has another hash in it.
        sha256 = found and (found.get("sha256_in_prefix") or found.get("sha256"))
        if not sha256:
            return None
        return Recorded(str(package["name"]), str(package["version"]), str(sha256), 0)
    except (KeyError, TypeError, AttributeError):
        return None
