"""What docs/json.md says that programs get, beside what they get."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.commandline import CommandLine

DOCUMENT = Path(__file__).parents[2] / "docs/json.md"
OPEN = "environment"
"""What is below is named by whoever sets it."""


def documented(section: str) -> set[str]:
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    cells = (row.split("|")[1] for row in text.splitlines() if row.startswith("| `"))
    return {key for cell in cells for key in re.findall("`([^`]+)`", cell)}


def keys(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and not path.endswith(OPEN):
        for name, one in value.items():
            shown = "TARGET" if re.fullmatch("gfx[0-9a-f]+", name) else name
            yield from keys(one, f"{path}.{shown}".removeprefix("."))
    elif isinstance(value, list):
        yield from [key for one in value for key in keys(one, f"{path}[]")]
    else:
        yield path


def told(line: CommandLine, *words: str) -> set[str]:
    return set(keys(json.loads(line.run(*words, "--json").out)))
