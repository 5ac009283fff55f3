"""A manifest as YAML of the strict kind: every text quoted where YAML would read it as something else."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from rocmswitch.model.printable import printable

WIDTH = 116


class _Plain(yaml.SafeDumper):
    """No references to what was said before: manifests have no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_sequence(
        self, tag: str, sequence: Iterable[Any], flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        """Texts with blanks each on a line of its own: in a row they would be broken in the middle."""
        items = list(sequence)
        if any(isinstance(one, str) and " " in one for one in items):
            flow_style = False
        return super().represent_sequence(tag, items, flow_style)


def write_manifest(stack: Mapping[str, Any], comments: Iterable[str]) -> str:
    """The text of *stack*, in its order, below *comments*, each of which begins on a line of its own."""
    lines = [line for one in comments for line in _comment(one)]
    text = yaml.dump(
        dict(stack), Dumper=_Plain, sort_keys=False, default_flow_style=None, width=WIDTH, allow_unicode=True
    )
    return "".join(f"{line}\n" for line in lines) + text


def _comment(text: str) -> list[str]:
    """Wrapped; what others wrote into a repository cannot end it."""
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent="# ",
        subsequent_indent="#   ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or ["#"]
