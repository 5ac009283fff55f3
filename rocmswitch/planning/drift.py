"""What became of recorded changes: which are in force, and whether what they put still stands there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rocmswitch.model.deployment import ABSENT, FILE, LINK, FileState, Generation, Seen, Step

_IN_FORCE = "in force"
TAKEN_BACK = "taken back"
COVERED = "covered"
"""A later change in force has put something else at the same paths."""
REPLACED = "replaced"
"""Something else has put another file there: a reinstall of torch."""
GONE = "gone"
MADE_ANEW = "made anew"
"""The environment is another one of the same name, or what was removed is installed again."""
PRUNED = "pruned"
DAMAGED = "damaged backup"
INTERRUPTED = "interrupted"
UNREADABLE = "unreadable"

BACK = ("undo", "restore")
"""Verbs that take others back, and that nobody calls a change of their own."""
DEPLOYED = ("deploy", "adopt")
CLEARED = "leftovers"
"""A start-up file without some of its lines: that its owner goes on writing to it is no drift."""

Spot = tuple[str, str]
"""A root and a path below it."""


@dataclass(frozen=True)
class Ground:
    """What stands at one path now. `state` is what that holds, as far as it is known.

    Where the content is unknown to every record, or was not read, its `sha256` is empty; `is_told` is false
    only where it would have had to be read to know.
    """

    seen: Seen = Seen()
    state: FileState = FileState()
    is_told: bool = True
    is_reached: bool = True
    """The folder is there, and no link leads to it."""


@dataclass(frozen=True)
class Facts:
    """What was seen of the disk, for judging."""

    ground: Mapping[Spot, Ground] = field(default_factory=dict)
    places: Mapping[int, str] = field(default_factory=dict)
    """By number, where the place is not what it was: `gone`; `anew`, when its name means another environment;
    `moved`, when another folder lies at its path, which may hold the same files.
    """
    pruned: Collection[int] = ()
    damaged: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By number, the paths of which what was saved is missing or not what it was."""


@dataclass(frozen=True)
class Outlook:
    """One generation, and what became of it. `files` are the paths that its state is about."""

    generation: Generation
    state: str
    by: int = 0
    """The generation that has taken it back, or covers it."""
    files: tuple[str, ...] = ()
    remedies: tuple[tuple[str, ...], ...] = ()
    """Commands, any of which ends the state: the words after `rocmswitch`."""
    detail: str = ""
    """What stands there instead, in words, where that is known."""

    @property
    def told(self) -> str:
        """The state in words: `taken back by 5`."""
        return f"{self.state} by {self.by}" if self.by else self.state


def spot(step: Step) -> Spot:
    return step.root, step.path


def taken_back(generations: Iterable[Generation]) -> dict[int, int]:
    """By number, the generation that has taken it back, where that one is in force itself."""
    back: dict[int, int] = {}
    for one in sorted(generations, key=lambda one: one.number, reverse=True):
        if one.number not in back and not one.interrupted:
            for number in (one.intent.reverts, *one.intent.restores):
                if 0 < number < one.number:
                    back.setdefault(number, one.number)
    return back


def latest(generations: Iterable[Generation]) -> dict[Spot, tuple[Generation, Step]]:
    """By path, the last step that has changed it, whatever became of that: it says what should stand there."""
    return {spot(step): (one, step) for one in generations for step in one.steps}


def uppermost(generations: Sequence[Generation]) -> dict[Spot, tuple[Generation, Step]]:
    """By path, the last change in force that does not only take others back, and was not broken off."""
    return latest(one for one in in_force(generations) if one.intent.verb not in BACK)


def in_force(generations: Sequence[Generation]) -> tuple[Generation, ...]:
    """Those that nothing has taken back, oldest first; what was broken off is none of them."""
    back = taken_back(generations)
    return tuple(one for one in generations if one.number not in back and not one.interrupted)


def is_as_placed(seen: Seen, placed: Seen) -> bool:
    """Whether lstat says that nobody has written there. A new name of the file changes its st_ctime alone."""
    if seen.kind != placed.kind or seen.kind == ABSENT:
        return seen.kind == placed.kind
    if seen.kind == LINK:
        return seen.target == placed.target
    return (seen.device, seen.inode, seen.size, seen.modified) == (
        *(placed.device, placed.inode, placed.size),
        placed.modified,
    )


def told_by_lstat(seen: Seen, known: Iterable[tuple[Seen, FileState]]) -> FileState | None:
    """What stands there, told without reading it. None where only its content tells.

    *known* is what the records of that path have put there, and saved.
    """
    if seen.kind == ABSENT:
        return FileState()
    if seen.kind == LINK:
        return FileState(LINK, target=seen.target)
    states = [state for placed, state in known if placed.kind == FILE and is_as_placed(seen, placed)]
    if states:
        return states[-1]
    if any(state.kind == FILE and state.size == seen.size for _, state in known):
        return None
    return FileState(FILE, size=seen.size)


def judge(generations: Sequence[Generation], facts: Facts) -> tuple[Outlook, ...]:
    """What became of each, oldest first.

    A removal that was let go covers nothing: it cannot be taken back to see again what stood there before it.
    """
    standing = [one for one in generations if one.intent.verb != "remove" or one.number not in facts.pruned]
    back, upper = taken_back(generations), uppermost(standing)
    return tuple(_judged(one, back, upper, facts) for one in generations)


def _judged(
    one: Generation, back: Mapping[int, int], upper: Mapping[Spot, tuple[Generation, Step]], facts: Facts
) -> Outlook:
    number = one.number
    if number in back:
        return Outlook(one, TAKEN_BACK, back[number])
    if number in facts.pruned:
        return Outlook(one, PRUNED)
    if one.interrupted:
        if not one.steps:
            return Outlook(one, INTERRUPTED, remedies=(_forget(number),), detail="its journal could not be read")
        ways = (("undo", str(number)),) if _can_return(one, facts) else ()
        return Outlook(one, INTERRUPTED, files=_paths(one.steps), remedies=(*ways, _forget(number)))
    if number in facts.damaged:
        return Outlook(one, DAMAGED, files=facts.damaged[number], remedies=(_forget(number),))
    if one.intent.verb in BACK:
        return Outlook(one, _IN_FORCE)
    mine = [step for step in one.steps if upper[spot(step)][0].number == number]
    if one.steps and not mine:
        return Outlook(one, COVERED, max(upper[spot(step)][0].number for step in one.steps))
    return _drifted(one, mine, facts) or Outlook(one, _IN_FORCE)


def _drifted(one: Generation, mine: Sequence[Step], facts: Facts) -> Outlook | None:
    lost = [step for step in mine if _is_lost(step, facts.ground.get(spot(step), Ground()))]
    place = facts.places.get(one.number, "")
    if place == "gone":
        return Outlook(one, GONE, files=_paths(mine), remedies=(_forget(one.number),))
    if place == "anew":
        return Outlook(one, MADE_ANEW, files=_paths(mine), remedies=_ways(one))
    if not lost or one.intent.verb == CLEARED:
        return None
    if place == "moved":
        return Outlook(one, MADE_ANEW, files=_paths(lost), remedies=_ways(one))
    if one.intent.verb == "default" and all(facts.ground[spot(step)].seen.kind == ABSENT for step in lost):
        return Outlook(one, GONE, files=_paths(lost))
    if one.intent.verb not in DEPLOYED:
        return Outlook(one, MADE_ANEW, files=_paths(lost), remedies=(_forget(one.number),))
    found = [(step, facts.ground.get(spot(step), Ground())) for step in lost]
    if all(ground.seen.kind == ABSENT for _, ground in found):
        return Outlook(one, GONE, files=_paths(lost), remedies=_ways(one))
    is_back = all(ground.state.holds_the_same(step.before) for step, ground in found)
    detail = "what stood there before is back" if is_back else "what stood there before has changed, too"
    return Outlook(one, REPLACED, files=_paths(lost), remedies=_ways(one), detail=detail)


def _can_return(one: Generation, facts: Facts) -> bool:
    """Whether nothing stands there that is neither saved nor was put: `undo` overwrites no such thing."""
    found = [(step, facts.ground.get(spot(step), Ground())) for step in one.steps]
    return all(
        not ground.is_told
        or ground.state.kind == ABSENT
        or any(ground.state.holds_the_same(known) for known in (step.before, step.after))
        for step, ground in found
    )


def _is_lost(step: Step, ground: Ground) -> bool:
    return ground.is_told and not ground.state.holds_the_same(step.after)


def _paths(steps: Iterable[Step]) -> tuple[str, ...]:
    return tuple(step.path for step in steps)


def _ways(one: Generation) -> tuple[tuple[str, ...], ...]:
    """Only files can be put there once more: a tree of its own is made anew by the command that made it."""
    if one.intent.verb in DEPLOYED and all(step.after.kind == FILE for step in one.steps):
        return ("deploy", "--again", str(one.number)), _forget(one.number)
    return (_forget(one.number),)


def _forget(number: int) -> tuple[str, ...]:
    return "backup", "prune", str(number)
