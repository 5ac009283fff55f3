"""Write the rows of NAMES in rocmswitch/planning/cardtable.py from a newer table of libdrm.

.venv/bin/python scripts/card_names.py /usr/share/libdrm/amdgpu.ids
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rocmswitch.metadata.amdgpuids import parse_amdgpu_ids
from rocmswitch.planning.cardnames import families

_WIDTH = 112


def rows(names: Mapping[tuple[int, int], str], devices: Iterable[int]) -> Iterator[str]:
    """For each of *devices* its revisions by name; a name with many takes several rows."""
    for device in devices:
        by_name: dict[str, list[str]] = {}
        for (found, revision), name in names.items():
            if found == device:
                by_name.setdefault(name.removeprefix("AMD "), []).append(f"{revision:02x}")
        for name, revisions in by_name.items():
            for some in textwrap.wrap(" ".join(sorted(revisions)), _WIDTH - len(name) - 8):
                yield f"{device:04x} {some} | {name}"


if __name__ == "__main__":
    with Path(sys.argv[1]).open(encoding="utf-8") as table:
        known = parse_amdgpu_ids(table)
    for row in rows(known, (device for family in families() for device in sorted(family.devices))):
        print(row)
