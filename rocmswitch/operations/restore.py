"""Put back what deployments have replaced in one environment: the files of its own packages again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from rocmswitch.errors import NotFound, Refused
from rocmswitch.host.filesystems import lock_note
from rocmswitch.host.records import recorded
from rocmswitch.model.deployment import Generation, Site
from rocmswitch.operations.access import Means
from rocmswitch.operations.remains import look_at
from rocmswitch.operations.returning import carry_out, check
from rocmswitch.planning.drift import DEPLOYED, Spot, spot, taken_back
from rocmswitch.planning.undoing import Wanted, WayBack, deployments, is_broken, plan_restore


def plan(site: Site, means: Means) -> WayBack:
    """What has to be put where. Changes nothing.

    Raises NotFound where nothing was ever deployed there, or where what stood there was let go; Refused where
    something unknown stands there now, or what was broken off; VerificationFailed where what was saved is missing.
    """
    newest, generations = means.ledger.newest, means.ledger.generations()
    ever = _spots(site, generations)
    if not ever:
        raise NotFound(f"nothing was deployed into `{site.place.name}`", hint="run `rocmswitch history`")
    _check_whole(generations, ever, means)
    spots = tuple(one for one in ever if deployments(generations, one))
    ground = look_at(spots, generations)
    found = plan_restore(Wanted(site.place, spots, _own(site, spots, generations)), generations, ground)
    check(found, means, lambda: site)
    roots = dict.fromkeys(Path(one.root) for one in found.returns)
    return replace(found, expected=newest, notes=(*found.notes, *lock_note(roots)))


def execute(plan: WayBack, site: Site, means: Means) -> Generation:
    """Carry it out: every file, or none. Raises Busy, Refused, VerificationFailed, MachineLacks."""
    return carry_out(plan, means, lambda: site)


def _check_whole(generations: Sequence[Generation], spots: Sequence[Spot], means: Means) -> None:
    """Raise Refused where what a change has put there was left when it could not be taken back whole."""
    back = taken_back(generations)
    for one in generations:
        if one.interrupted and one.number not in back and not means.ledger.is_pruned(one.number):
            left = [step.path for step in one.steps if spot(step) in spots]
            if left:
                raise Refused(
                    f"`{left[0]}` is as generation {one.number} has left it, which was interrupted",
                    hint=f"run `rocmswitch history {one.number}` for what was there, and how to go on",
                )


def _spots(site: Site, generations: Sequence[Generation]) -> tuple[Spot, ...]:
    """Every path of the site that a deployment has ever changed."""
    folders = (site.place.resolved, *site.packages)
    found: dict[Spot, None] = {}
    for one in generations:
        for step in one.steps if one.intent.verb in DEPLOYED else ():
            if any(PurePath(*spot(step)).is_relative_to(folder) for folder in folders):
                found[spot(step)] = None
    return tuple(found)


def _own(site: Site, spots: Sequence[Spot], generations: Sequence[Generation]) -> Mapping[Spot, str]:
    """What packages say of the paths where it is not clear what is theirs: asking costs reading their lists."""
    own = {}
    for one in (one for one in spots if is_broken(generations, one)):
        whole = PurePath(*one)
        for folder in site.packages:
            if whole.is_relative_to(folder):
                found = recorded(Path(folder), str(whole.relative_to(folder)))
                own[one] = found.sha256 if found else ""
    return own
