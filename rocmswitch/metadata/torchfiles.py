"""What an installed PyTorch says of itself in small text files, which are read and never run."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VALUE = re.compile(
    r"""^(?P<name>__version__|hip|cuda)(?:\s*:[^=\n]*)?\s*=\s*(?P<quote>['"])(?P<value>[^'"\n]*)(?P=quote)""",
    re.MULTILINE,
)
_TAG = re.compile(r"^Tag:[ \t]*(\S+)[ \t]*$", re.MULTILINE)
_TARGET = re.compile(r"gfx[0-9a-f]+")


@dataclass(frozen=True)
class TorchVersion:
    """`torch/version.py`. Empty is what is None there."""

    version: str = ""
    hip: str = ""
    cuda: str = ""


def parse_torch_version(text: str) -> TorchVersion:
    """What stands there as plain text; PyTorch's build writes it so (tools/generate_torch_version.py)."""
    said = {match["name"]: match["value"] for match in _VALUE.finditer(text)}
    return TorchVersion(said.get("__version__", ""), said.get("hip", ""), said.get("cuda", ""))


def parse_wheel_tags(text: str) -> tuple[str, ...]:
    """The tags in a `WHEEL` file (PyPA, Binary distribution format), in its order."""
    return tuple(_TAG.findall(text))


def targets_of_database(name: str) -> tuple[str, ...]:
    """The card in the name of one of MIOpen's tuning databases, `gfx1030_36.HIP.fdb.txt`; none for other files."""
    match = _TARGET.match(name)
    return (match[0],) if match and name.endswith((".db", ".kdb", ".txt", ".model", ".bz2")) else ()
