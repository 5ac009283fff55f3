"""Which rows the live diagnosis can yield, read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import rocmswitch

PLANNING = Path(rocmswitch.__file__).parent / "planning"
_FILES = ("diagnosis*.py", "leftovers.py")


@cache
def rows_of_diagnosis() -> tuple[re.Pattern[str], ...]:
    """Each as an expression: what is filled in may be anything."""
    files = [file for pattern in _FILES for file in PLANNING.glob(pattern)]
    literals = {text for file in files for text in _literals(ast.parse(file.read_text()))}
    faults = {f"driver-{text}" for text in _literals(ast.parse((PLANNING / "modules.py").read_text()))}
    return tuple(re.compile(text) for text in sorted(literals | faults))


def is_row(row: str) -> bool:
    """Whether the diagnosis can yield *row*; one that ends in `-` is the beginning of several."""
    known = rows_of_diagnosis()
    return any(one.pattern.startswith(row) if row.endswith("-") else one.fullmatch(row) for one in known)


def _literals(tree: ast.AST) -> Iterator[str]:
    """What may be an id, up to its subject."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            text = "".join(str(one.value) if isinstance(one, ast.Constant) else "[a-z0-9-]+" for one in node.values)
        else:
            continue
        text = text.partition(":")[0]
        if re.fullmatch(r"[a-z0-9-]+(?:\[a-z0-9-\]\+)?", text):
            yield text
