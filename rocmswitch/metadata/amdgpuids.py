"""libdrm's table of AMD's cards, `amdgpu.ids`: in a line a device, a revision and a name, with commas between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_ROW = re.compile(r"\s*([0-9A-Fa-f]{4})\s*,\s*([0-9A-Fa-f]{2})\s*,\s*(\S.*?)\s*")
_LONGEST = 120
"""Characters of a name that are taken; real ones have 50."""


def parse_amdgpu_ids(lines: Iterable[str]) -> Mapping[tuple[int, int], str]:
    """The name by device and revision, the first of several as libdrm takes it. Other lines are passed over."""
    found: dict[tuple[int, int], str] = {}
    for line in lines:
        row = _ROW.fullmatch(line.rstrip("\n"))
        if row and row[3].isprintable():
            found.setdefault((int(row[1], 16), int(row[2], 16)), row[3][:_LONGEST])
    return found
