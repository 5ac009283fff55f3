"""recover.sh, which needs no Python and travels with every snapshot."""

from __future__ import annotations

from pathlib import Path

from rocmswitch.errors import Failed


def rescue_script() -> bytes:
    """The script as it came with rocmswitch: in the package, or among the scripts of a checkout. Raises Failed."""
    package = Path(__file__).resolve().parents[1]
    for file in (package / "recover.sh", package.parent / "scripts/recover.sh"):
        if file.is_file():
            return file.read_bytes()
    raise Failed(f"recover.sh, which belongs to rocmswitch, is not in {package}", hint="install rocmswitch again")
