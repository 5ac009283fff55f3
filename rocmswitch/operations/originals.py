"""What deployments have replaced, to be judged by: what they put there may itself not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.host.maps import read_elf
from rocmswitch.model.deployment import FILE, Generation
from rocmswitch.planning.drift import DEPLOYED, is_as_placed, uppermost
from rocmswitch.planning.placing import Placing, Target
from rocmswitch.planning.undoing import original


def against_originals(placings: Sequence[Placing], ledger: Ledger) -> tuple[Placing, ...]:
    """*placings*, each to be compared with what stood at its path before any deployment that still stands there."""
    generations = ledger.generations()
    return tuple(replace(one, target=_as_before(one.target, generations, ledger)) for one in placings)


def _as_before(target: Target, generations: Sequence[Generation], ledger: Ledger) -> Target:
    place = (target.root, target.path)
    last, put = uppermost(generations).get(place, (None, None))
    if last is None or put is None or last.intent.verb not in DEPLOYED or not is_as_placed(target.seen, put.placed):
        return target
    first, step = original(generations, place, "")
    if step.before.kind != FILE:
        return replace(target, facts=None)
    saved = ledger.saved(first.number, step.saved)
    # Where that was let go or is damaged, what stands there has to do.
    return replace(target, facts=(read_elf(str(saved)) if saved.is_file() else None) or target.facts)
