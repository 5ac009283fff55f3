"""What the installed trees take on the disk: `list --size`."""

from __future__ import annotations

from collections.abc import Sequence

from rocmswitch.cli import output
from rocmswitch.cli.listing import Tree
from rocmswitch.operations.sizes import Sizes
from rocmswitch.system.usage import Usage


def show(sizes: Sizes, trees: Sequence[Tree]) -> None:
    """A line for each, then what is kept, then all of it; as data."""
    rows = [(one.link.name, _in_words(sizes.usages[one.link], one.layout.scope)) for one in trees]
    rows += [(one.tree.name, f"{_in_words(one.usage)} · kept for `rocmswitch undo`") for one in sizes.kept]
    output.definitions((*rows, ("in all", output.size(sizes.total))))


def as_json(sizes: Sizes, rows: Sequence[dict[str, object]]) -> dict[str, object]:
    """For programs: *rows* as `list` gives them, each with its bytes."""
    usages = {str(path): one for path, one in sizes.usages.items()}
    return {
        "trees": [{**row, **_bytes(usages[str(row["path"])])} for row in rows],
        "kept": [{"name": one.name, "path": str(one.tree), **_bytes(one.usage)} for one in sizes.kept],
        "bytes": sizes.total,
    }


def _in_words(usage: Usage, scope: str = "") -> str:
    parts = [f"{output.size(usage.freed)} of its own"]
    if usage.shared:
        parts.append(f"{output.size(usage.shared)} shared with other trees or the cache")
    return " · ".join((*parts, *(["for all users"] if scope == "system" else [])))


def _bytes(usage: Usage) -> dict[str, int]:
    return {"own_bytes": usage.freed, "shared_bytes": usage.shared}
