"""What is let go of, and what nothing can bring back afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from rocmswitch.model.deployment import FILE, Generation
from rocmswitch.planning.drift import BACK, COVERED, GONE, MADE_ANEW, REPLACED, TAKEN_BACK, Outlook, Spot, spot

_OVER = (TAKEN_BACK, REPLACED, GONE, MADE_ANEW)
"""States in which nothing that was saved stands in for what is in use."""
_FINAL = ("remove", *BACK)
"""Verbs whose saved files and trees nobody uses, though they are in force."""


@dataclass(frozen=True)
class Lost:
    """What cannot be brought back afterwards; `size` is its bytes."""

    what: str
    size: int = 0


@dataclass(frozen=True)
class Loss:
    """A generation that gives up what it saved. Its record stays. `trees` go with it."""

    number: int
    verb: str
    place: str
    created: str
    state: str
    lost: tuple[Lost, ...] = ()
    trees: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrunePlan:
    """`orphans` are trees that no name means and no generation leads to; `newest` is the plan's precondition."""

    losses: tuple[Loss, ...] = ()
    orphans: tuple[str, ...] = ()
    freed: int = 0
    shared: int = 0
    """Bytes that stay, because something else uses the same files."""
    newest: int = 0

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(one.number for one in self.losses)

    @property
    def trees(self) -> tuple[str, ...]:
        return (*dict.fromkeys(tree for one in self.losses for tree in one.trees), *self.orphans)

    def as_json(self) -> dict[str, object]:
        """What `backup prune --dry-run --json` prints."""
        changes = [asdict(one) for one in self.losses]
        return {"changes": changes, "trees": list(self.orphans), "freed": self.freed, "shared": self.shared}


def chosen(
    outlooks: Sequence[Outlook], leading: Mapping[int, Collection[str]], holding: Collection[int]
) -> set[int]:
    """The numbers of those that nothing in use depends on.

    *holding* are those that hold files, *leading* says to which unnamed trees each leads.
    """
    return {
        one.generation.number
        for one in _over(outlooks)
        if (one.generation.number in holding or leading.get(one.generation.number))
    }


def companions(
    numbers: Collection[int], outlooks: Sequence[Outlook], leading: Mapping[int, Collection[str]]
) -> set[int]:
    """Those that are over and lead to a tree of *numbers* too: while they do, it stays."""
    trees = {tree for number in numbers for tree in leading.get(number, ())}
    return {
        one.generation.number
        for one in _over(outlooks)
        if trees.intersection(leading.get(one.generation.number, ()))
    }


def lost_files(one: Generation, elsewhere: Collection[str], held: Mapping[str, int]) -> tuple[Lost, ...]:
    """What of *one*'s files is nowhere else: not among the hashes *elsewhere*.

    *held* are the names of the files that it still holds, with their sizes.
    """
    found: dict[str, Lost] = {}
    for step in one.steps:
        before, after = step.before, step.after
        if step.saved in held and before.kind == FILE:
            found.setdefault(before.sha256, Lost(f"`{step.path}` as it was before", before.size))
        if step.kept in held and after.kind == FILE:
            found.setdefault(after.sha256, Lost(f"`{step.path}` as it was put", after.size))
    return tuple(lost for sha256, lost in found.items() if sha256 not in elsewhere)


def hashes(generations: Iterable[Generation]) -> set[str]:
    """Of what they have saved and kept."""
    return {
        state.sha256
        for one in generations
        for step in one.steps
        for name, state in ((step.saved, step.before), (step.kept, step.after))
        if name and state.kind == FILE
    }


def _over(outlooks: Sequence[Outlook]) -> list[Outlook]:
    """Those that nobody uses any more; what was removed takes along what had been done to it before."""
    removed: dict[Spot, int] = {}
    for one in outlooks:
        if one.generation.intent.verb == "remove" and one.state != TAKEN_BACK and not one.generation.interrupted:
            removed |= {spot(step): one.generation.number for step in one.generation.steps}
    return [one for one in outlooks if _is_over(one) or _was_removed(one, removed)]


def _was_removed(one: Outlook, removed: Mapping[Spot, int]) -> bool:
    steps, number = one.generation.steps, one.generation.number
    return one.state == COVERED and any(removed.get(spot(step), 0) > number for step in steps)


def _is_over(one: Outlook) -> bool:
    verb = one.generation.intent.verb
    return one.state in _OVER or (verb in _FINAL and not one.generation.interrupted)
