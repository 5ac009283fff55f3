"""How this program came here, and so how it goes."""

from __future__ import annotations

import shlex
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import rocmswitch


def removal(prefix: Path, python: str) -> str:
    """The line that removes rocmswitch from the environment at *prefix*, whose program is *python*.

    `uv tool` and pipx mark environments of theirs; else the installer has left its name: PEP 376.
    """
    if (prefix / "uv-receipt.toml").is_file():
        return "uv tool uninstall rocmswitch"
    if (prefix / "pipx_metadata.json").is_file():
        return "pipx uninstall rocmswitch"
    try:
        installer = (distribution("rocmswitch").read_text("INSTALLER") or "").strip()
    except PackageNotFoundError:
        return f"rm -r {shlex.quote(str(Path(rocmswitch.__file__).parent))}"
    if installer == "uv":
        return f"uv pip uninstall --python {shlex.quote(python)} rocmswitch"
    return f"{shlex.quote(python)} -m pip uninstall rocmswitch"
