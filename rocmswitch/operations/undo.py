"""Take one recorded change back, whatever it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rocmswitch.errors import RocmswitchError, VerificationFailed
from rocmswitch.host.filesystems import lock_note
from rocmswitch.model.deployment import Generation, Site
from rocmswitch.operations.access import Means
from rocmswitch.operations.remains import look_at
from rocmswitch.operations.returning import carry_out, check
from rocmswitch.operations.sites import find_site
from rocmswitch.planning.drift import in_force, spot
from rocmswitch.planning.undoing import WayBack, choose, plan_undo
from rocmswitch.store.installed import Installed


def plan(number: int | None, means: Means, environment: Mapping[str, str]) -> tuple[Generation, WayBack]:
    """The generation to take back, and what has to be put where. Changes nothing.

    Raises NotFound where there is none or what stood there was let go, VerificationFailed where its record or what
    it saved is damaged, Refused where a later change or something unknown is in the way.
    """
    _check_readable(number, means)
    chosen = means.ledger.generation(number) if number else None
    newest, generations = means.ledger.newest, means.ledger.generations()
    pruned = {one.number for one in generations if means.ledger.is_pruned(one.number)}
    chosen = choose(generations, chosen.number if chosen else None, pruned)
    ground = look_at([spot(step) for step in chosen.steps], generations, base=means.ledger.base)
    found = plan_undo(chosen, generations, ground, pruned)
    check(found, means, lambda: _site(found, means, environment))
    roots = dict.fromkeys(Path(one.root) for one in found.returns)
    passed = _passed_over(chosen, generations, pruned) if number is None else ()
    return chosen, replace(found, expected=newest, notes=(*passed, *found.notes, *lock_note(roots)))


def _passed_over(chosen: Generation, generations: Sequence[Generation], pruned: Collection[int]) -> tuple[str, ...]:
    """Who says no number means the change just made, which may be one that nothing takes back."""
    newer = [one for one in in_force(generations) if one.number > chosen.number and one.intent.verb != "undo"]
    told = [f"{one.number} ({one.intent.verb} {one.intent.place.name})" for one in newer if one.number in pruned]
    return (f"nothing takes back {', '.join(told)}: what that had saved was let go",) if told else ()


def _check_readable(number: int | None, means: Means) -> None:
    """Raise VerificationFailed where nobody can tell what is to be taken back: *number*, or the newest."""
    unread = [one for one in means.ledger.damaged() if not means.ledger.is_pruned(one)]
    asked = max(unread, default=0) if number is None else number
    known = [one.number for one in in_force(means.ledger.generations()) if one.intent.verb != "undo"]
    if asked in unread and (number is not None or asked > max(known, default=0)):
        raise VerificationFailed(
            f"the record of generation {asked} cannot be read, so nothing tells what it has changed",
            hint=f"run `rocmswitch backup prune {asked}` to let it go",
        )


def execute(plan: WayBack, means: Means, environment: Mapping[str, str]) -> Generation:
    """Carry it out, whole or not at all. Raises Busy, Refused, VerificationFailed, MachineLacks.

    With nothing to put back it is recorded all the same: the next undo takes the change before it back.
    """
    if not plan.returns:
        return means.ledger.note(plan.intent, wait=means.wait, expected=plan.expected)
    return carry_out(plan, means, lambda: _site(plan, means, environment))


def _site(plan: WayBack, means: Means, environment: Mapping[str, str]) -> Site | None:
    """What the generation's place is now; None where nobody can tell any more."""
    place = plan.intent.place
    word = place.resolved if place.kind == "foreign" else place.name
    try:
        return find_site(word, Installed((means.layout,)), environment)
    except RocmswitchError:
        return None
