"""The way back from recorded changes: what has to stand at each path, and whether it may be put there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from rocmswitch.errors import NotFound, Refused
from rocmswitch.model.deployment import (
    ABSENT,
    LINK,
    Content,
    FileState,
    Generation,
    Intent,
    NewLink,
    NoFile,
    Place,
    Replacement,
    SavedFile,
    Step,
)
from rocmswitch.planning.drift import DEPLOYED, Ground, Spot, in_force, latest, spot, taken_back


@dataclass(frozen=True)
class Return:
    """One path: what it is now, and what it will be, brought back from what a generation has saved."""

    root: str
    path: str
    now: FileState
    then: FileState
    generation: int

    @property
    def where(self) -> str:
        return whole(self.root, self.path)


@dataclass(frozen=True)
class WayBack:
    """A plan. Carried out, it is one generation more; `expected` is the newest when it was made."""

    intent: Intent
    expected: int
    returns: tuple[Return, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    done: tuple[str, ...] = ()
    """Paths where what should stand there stands already."""
    notes: tuple[str, ...] = ()

    @property
    def takes_back(self) -> tuple[int, ...]:
        """The generations, the oldest first."""
        return (self.intent.reverts,) if self.intent.reverts else self.intent.restores

    def as_json(self) -> dict[str, object]:
        return {
            "verb": self.intent.verb,
            "place": self.intent.place.as_json(),
            "takes_back": list(self.takes_back),
            "files": [asdict(one) for one in self.returns],
            "done": list(self.done),
            "notes": list(self.notes),
        }


def choose(generations: Sequence[Generation], number: int | None, pruned: Collection[int] = ()) -> Generation:
    """The generation to take back: *number*, else the newest in force that does not undo another.

    What was let go, *pruned*, is chosen only by its number: it may be that it saved nothing. Raises NotFound where
    there is none, and Refused where it was taken back, cannot be told, or where a later one in force has changed
    the same path. One that was let go is not in the way: it can never be undone first; nor is another removal of
    the same name, which has left nothing there either.
    """
    back = taken_back(generations)
    if number is None:
        found = [one for one in in_force(generations) if one.intent.verb != "undo" and one.number not in pruned]
        if not found:
            raise NotFound("there is nothing to undo")
        return _checked(found[-1], generations, pruned)
    chosen = next((one for one in generations if one.number == number), None)
    if chosen is None:
        raise NotFound(f"there is no generation {number}")
    if number in back:
        raise Refused(
            f"generation {number} was taken back by {back[number]} already",
            hint=f"run `rocmswitch undo {back[number]}` to have it again",
        )
    if chosen.interrupted and not chosen.steps:
        raise Refused(
            f"what generation {number} has changed cannot be told: its journal could not be read",
            hint=f"run `rocmswitch history {number}` for what it may be",
        )
    return _checked(chosen, generations, pruned)


def plan_undo(
    chosen: Generation,
    generations: Sequence[Generation],
    ground: Mapping[Spot, Ground],
    pruned: Collection[int] = (),
) -> WayBack:
    """Put at each path of *chosen* what stood there before it. Raises Refused where something else stands there.

    What is gone meanwhile is put back too: nobody loses anything by that. What a later change has put that was
    let go, *pruned*, may be replaced.
    """
    newest = latest(generations)
    later = [one for one in in_force(generations) if one.number > chosen.number and one.number in pruned]
    ours = [step for one in (chosen, *later) for step in one.steps]
    returns, replacements, done = [], [], []
    for step in chosen.steps:
        found = ground[spot(step)]
        if found.state.holds_the_same(step.before):
            done.append(whole(*spot(step)))
            continue
        put = [one.after for one in ours if spot(one) == spot(step)]
        if not any(found.state.holds_the_same(one) for one in put) and not _is_free(found):
            raise _drifted(chosen, step, found)
        _check_reached(found, step)
        returns.append(Return(step.root, step.path, found.state, step.before, chosen.number))
        replacements.append(_replacement(step, chosen, found, newest[spot(step)][1]))
    intent = Intent("undo", chosen.intent.place, reverts=chosen.number)
    return WayBack(intent, _newest(generations), tuple(returns), tuple(replacements), tuple(done))


@dataclass(frozen=True)
class Wanted:
    """What a restore is asked for: all paths of a place, with what the records of its packages say of them."""

    place: Place
    spots: tuple[Spot, ...]
    own: Mapping[Spot, str]
    """The SHA-256 that the package of a path names, where that was asked."""


def plan_restore(wanted: Wanted, generations: Sequence[Generation], ground: Mapping[Spot, Ground]) -> WayBack:
    """Put at each path what stood there before the first deployment in force. Raises Refused as `plan_undo`.

    What any generation has put or saved there may be replaced: it can be had again.
    """
    newest = latest(generations)
    returns, replacements, done, notes, numbers = [], [], [], [], set()
    for place in wanted.spots:
        path, found = f"{place[0]}/{place[1]}", ground[place]
        numbers |= {one.number for one, _ in deployments(generations, place)}
        first, step = original(generations, place, wanted.own.get(place, ""))
        if found.state.holds_the_same(step.before):
            done.append(path)
        elif not found.is_reached:
            notes.append(f"`{path}` is gone with its folder: nothing is put there")
        elif not _is_known(found, place, generations) and not _is_free(found):
            raise Refused(
                f"`{path}` is neither what was deployed nor what was saved",
                hint="run `rocmswitch history` for what was, and how to let it go",
            )
        else:
            returns.append(Return(*place, found.state, step.before, first.number))
            replacements.append(_replacement(step, first, found, newest[place][1]))
    intent = Intent("restore", wanted.place, restores=tuple(sorted(numbers)))
    return WayBack(intent, _newest(generations), tuple(returns), tuple(replacements), tuple(done), tuple(notes))


def deployments(generations: Sequence[Generation], place: Spot) -> tuple[tuple[Generation, Step], ...]:
    """The deployments in force that have changed the path, oldest first."""
    return tuple(
        (one, step)
        for one in in_force(generations)
        if one.intent.verb in DEPLOYED
        for step in one.steps
        if spot(step) == place
    )


def is_broken(generations: Sequence[Generation], place: Spot) -> bool:
    """Whether something else has put another file there between two deployments: a reinstall of torch."""
    steps = [step for _, step in deployments(generations, place)]
    return any(not one.after.holds_the_same(other.before) for one, other in pairwise(steps))


def original(generations: Sequence[Generation], place: Spot, own: str) -> tuple[Generation, Step]:
    """The deployment whose `before` is what the path held by itself.

    The first, as a rule. Where something else came between, what came then counts: torch was reinstalled, perhaps
    in another version, or without the file; except where *own*, the hash that the package names, tells which is the
    package's.
    """
    found = deployments(generations, place)
    theirs = [pair for pair in found if own and pair[1].before.sha256 == own]
    if theirs:
        return theirs[-1]
    first = found[-1]
    for earlier in reversed(found[:-1]):
        if not _follows(first[1], earlier[1]):
            break
        first = earlier
    return first


def _follows(later: Step, earlier: Step) -> bool:
    """Whether nothing else came between: what was put still stood there, or it was gone and was put once more."""
    is_again = later.before.kind == ABSENT and later.after.holds_the_same(earlier.after)
    return is_again or earlier.after.holds_the_same(later.before)


def _recorded_states(generations: Iterable[Generation], places: Collection[Spot]) -> dict[Spot, list[FileState]]:
    """By path, everything that generations have found and put there."""
    states: dict[Spot, list[FileState]] = {place: [] for place in places}
    for one in generations:
        for step in one.steps:
            if spot(step) in states:
                states[spot(step)] += [step.before, step.after]
    return states


def whole(root: str, path: str) -> str:
    """As one path: a root may be `/` itself."""
    return f"{root.rstrip('/')}/{path}"


def _checked(chosen: Generation, generations: Sequence[Generation], pruned: Collection[int]) -> Generation:
    changes = [one for one in in_force(generations) if one.intent.verb != "undo" and one.number not in pruned]
    upper = latest(changes)
    for step in chosen.steps:
        later, _ = upper.get(spot(step), (chosen, step))
        if later.number > chosen.number and not later.intent.verb == chosen.intent.verb == "remove":
            raise Refused(
                f"generation {later.number} has changed `{step.path}` after generation {chosen.number}",
                hint=f"run `rocmswitch undo {later.number}` first",
            )
    return chosen


def _newest(generations: Sequence[Generation]) -> int:
    return max((one.number for one in generations), default=0)


def _is_free(found: Ground) -> bool:
    return found.seen.kind == ABSENT


def _is_known(found: Ground, place: Spot, generations: Sequence[Generation]) -> bool:
    return any(found.state.holds_the_same(one) for one in _recorded_states(generations, {place})[place])


def _check_reached(found: Ground, step: Step) -> None:
    if not found.is_reached:
        raise Refused(f"the folder of `{whole(*spot(step))}` is gone", hint="run `rocmswitch history`")


def _drifted(chosen: Generation, step: Step, found: Ground) -> Refused:
    number, path = chosen.number, whole(*spot(step))
    if chosen.intent.verb == "remove" and step.path == chosen.intent.place.name and found.state.kind == LINK:
        return Refused(
            f"`{step.path}` was made anew after generation {number} had removed it",
            hint=f"run `rocmswitch remove {step.path}`, then `rocmswitch undo {number}`",
        )
    if chosen.intent.verb in DEPLOYED:
        hint = (
            f"run `rocmswitch deploy --again {number}` to put it there once more, "
            f"or `rocmswitch backup prune {number}` to let it go"
        )
    else:
        hint = f"run `rocmswitch backup prune {number}` to let what it has saved go"
    return Refused(f"`{path}` is not what generation {number} put there", hint=hint)


def _replacement(step: Step, one: Generation, found: Ground, last: Step) -> Replacement:
    """What was put last is not read again where lstat finds it exactly as it was put."""
    known = last.after if found.seen == last.placed and found.seen.kind != ABSENT else None
    return Replacement(step.root, step.path, found.seen, _content(step, one), known)


def _content(step: Step, one: Generation) -> Content:
    if step.before.kind == ABSENT:
        return NoFile()
    if step.before.kind == LINK:
        return NewLink(step.before.target)
    return SavedFile(one.number, step.saved, step.before, is_apart=one.intent.verb == "adopt")
