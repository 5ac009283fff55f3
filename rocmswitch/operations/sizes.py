"""What each tree takes on the disk, and what is there only for the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.store.installed import Damaged, Installation
from rocmswitch.store.layout import Layout
from rocmswitch.store.receipts import TREES, stack_of, unnamed_trees
from rocmswitch.system.usage import Usage, shares


@dataclass(frozen=True)
class Kept:
    """A whole tree that no name means any more: what it was before, or was removed, and can be brought back."""

    tree: Path
    usage: Usage

    @property
    def name(self) -> str:
        return stack_of(self.tree.name)


@dataclass(frozen=True)
class Sizes:
    """By its link, what each tree takes; what is kept; and all of it together, each file once. Bytes."""

    usages: dict[Path, Usage]
    kept: tuple[Kept, ...] = ()
    total: int = 0


def measure(found: Sequence[Installation | Damaged], layouts: Sequence[Layout]) -> Sizes:
    """Look at every file of *found*, and of the trees in *layouts* that have lost their names. Reads none."""
    links = [one.link for one in found]
    places = [folder for layout in layouts for folder in (layout.prefixes, layout.venvs)]
    kept = [folder / TREES / tree for folder in places for tree in unnamed_trees(folder)]
    taken = shares([*(link.resolve() for link in links), *kept])
    told = dict(zip((*links, *kept), taken.each, strict=True))
    return Sizes({link: told[link] for link in links}, tuple(Kept(tree, told[tree]) for tree in kept), taken.total)
