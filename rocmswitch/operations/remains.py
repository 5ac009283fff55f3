"""What is left of recorded changes: what stands at their paths and places now, and what they have saved."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path, PurePath

from rocmswitch.deploy.backup import COPIED
from rocmswitch.deploy.folders import reached_below
from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import NotFound, Refused
from rocmswitch.model.deployment import FILE, FileState, Generation, Place, Seen, Step
from rocmswitch.planning.drift import Facts, Ground, Spot, spot, taken_back, told_by_lstat, uppermost
from rocmswitch.store.ownfolders import HERE
from rocmswitch.system.copying import hash_opened
from rocmswitch.system.folder import Folder
from rocmswitch.system.reading import open_regular

STRANGE = "strange"
"""The kind of what is neither a file nor a symlink, or lies behind a link: nothing of ours is like it."""
QUICK = 64 * 1000**2
"""Bytes of a file up to which a quick look reads it where lstat does not tell: a tenth of a second."""

Check = Callable[[Path, FileState], bool]


def look_at(
    places: Collection[Spot], generations: Sequence[Generation], *, base: Path = HERE, limit: int | None = None
) -> dict[Spot, Ground]:
    """What stands at each of *places*. A file is read only where lstat does not tell, up to *limit* bytes.

    *base* is the ledger's.

    Raises OSError where this user may not look.
    """
    steps: dict[Spot, list[Step]] = {one: [] for one in places}
    for generation in generations:
        for step in generation.steps:
            if spot(step) in steps:
                steps[spot(step)].append(step)
    return {one: _look(reached_below(base, *one), of_it, limit) for one, of_it in steps.items()}


def survey(
    ledger: Ledger,
    generations: Sequence[Generation],
    chosen: Collection[int],
    *,
    limit: int | None = None,
    is_whole: Check | None = None,
) -> Facts:
    """What has to be known to judge those of all *generations* that are *chosen*. Raises nothing.

    What this user may not look at is not told. *is_whole* says whether a saved file is still that; without it
    lstat has to do, where it tells.
    """
    back = taken_back(generations)
    counted = [one for one in generations if one.number in chosen and one.number not in back]
    pruned = {one.number for one in generations if one.number not in back and ledger.is_pruned(one.number)}
    upper = uppermost(generations)
    wanted = [spot(step) for one in counted if one.number not in pruned for step in one.steps]
    places = [one for one in dict.fromkeys(wanted) if one in upper]
    ground = {one: _seen(one, generations, limit, ledger.base) for one in places}
    damage = {one.number: _damaged(one, ledger, is_whole or _looks_whole) for one in counted}
    return Facts(
        ground,
        {one.number: what for one in counted if (what := _place_now(one))},
        pruned,
        {number: paths for number, paths in damage.items() if paths and number not in pruned},
    )


def deployed_in(tree: Path, generations: Sequence[Generation], *, reading: bool) -> dict[str, tuple[int, bool]]:
    """Below *tree*, a folder without a link in it: the paths that deployments in force have changed.

    With the number of each, and whether it is what that one put; *reading* reads it to tell.
    """
    found = {}
    for (root, path), (generation, step) in uppermost(generations).items():
        whole = PurePath(root, path)
        if whole.is_relative_to(tree) and generation.intent.place.kind != "scope":
            ground = _seen((root, path), generations, None)
            state = _read((root, path)) if reading and ground.seen.kind == FILE else ground.state
            below = str(whole.relative_to(tree))
            found[below] = generation.number, state.holds_the_same(step.after)
    return found


def _look(whole: Path, steps: Iterable[Step], limit: int | None) -> Ground:
    try:
        with Folder.reached(whole.parent) as folder:
            seen = folder.seen(whole.name)
            known = [(Seen(), state) for step in steps for state in (step.before, step.after)]
            known += [(step.placed, step.after) for step in steps]
            state = told_by_lstat(seen, known)
            if state is not None:
                return Ground(seen, state)
            if limit is not None and seen.size > limit:
                return Ground(seen, FileState(FILE, size=seen.size), is_told=False)
            return Ground(seen, folder.state(whole.name))
    except NotFound:
        return Ground(is_reached=False)
    except Refused:
        return Ground(Seen(STRANGE), FileState(STRANGE))


def _seen(place: Spot, generations: Sequence[Generation], limit: int | None, base: Path = HERE) -> Ground:
    try:
        return look_at({place}, generations, base=base, limit=limit)[place]
    except OSError:
        return Ground(Seen(STRANGE), FileState(STRANGE), is_told=False)


def _read(place: Spot) -> FileState:
    whole = Path(*place)
    try:
        with Folder.reached(whole.parent) as folder:
            return folder.state(whole.name)
    except (NotFound, Refused, OSError):
        return FileState(STRANGE)


def _place_now(one: Generation) -> str:
    """As `Facts.places` says it; empty where it is as it was, and for changes of links to whole trees."""
    place = one.intent.place
    if place.kind == "driver" or not any(PurePath(step.root).is_relative_to(place.resolved) for step in one.steps):
        return ""
    if place.kind in ("venv", "prefix"):
        return _published(place)
    try:
        found = Path(place.resolved).stat()
    except OSError:
        return "gone"
    return "" if found.st_ino == place.inode else "moved"


def _published(place: Place) -> str:
    if not os.path.lexists(place.folder):
        return "gone"
    return "" if os.path.realpath(place.folder) == place.resolved else "anew"


def _damaged(one: Generation, ledger: Ledger, is_whole: Check) -> tuple[str, ...]:
    saved = [step for step in one.steps if step.saved and step.before.kind == FILE]
    return tuple(step.path for step in saved if not is_whole(ledger.saved(one.number, step.saved), step.before))


def _looks_whole(path: Path, state: FileState) -> bool:
    """By lstat, where that tells: what is saved as a second name of a file is written to through the first."""
    try:
        found = path.lstat()
        if found.st_size != state.size or not stat.S_ISREG(found.st_mode):
            return False
        # A copy of ours has a time of its own, and nobody else's hands on it.
        if found.st_mtime_ns == state.modified or stat.S_IMODE(found.st_mode) == COPIED:
            return True
        with open_regular(path) as file:
            return hash_opened(file) == state.sha256
    except OSError:
        return False
