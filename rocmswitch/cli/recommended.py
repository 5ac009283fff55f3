"""`recommended` in the place of a stack's name: the first stack that `recommend` has for this machine."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.cli.cardword import checked_card, named_card
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.use_options import Options
from rocmswitch.model.recommendation import Machine, Recommendation
from rocmswitch.operations.entering import SYSROOT
from rocmswitch.operations.recommend import Advice, Wish, advise
from rocmswitch.planning.recommend import first_of
from rocmswitch.store.probes import Probes


def ask(scopes: Scopes, wish: Wish) -> Advice:
    """The whole answer. Raises NotFound where there is no card, and UsageMistake for a card that cannot be one."""
    named_card(None)
    probes = Probes(scopes.own, machine.disk(), wish.root)
    with output.waiting("reading all manifests"):
        return advise(wish, machine.catalog(scopes), machine.uv(scopes.own), probes)


def first_stack(scopes: Scopes) -> str:
    """The name of the first one for this machine. Which it is, and why, is said."""
    return _first(scopes, Wish())[0].stack


def for_use(scopes: Scopes, options: Options) -> tuple[str, Options]:
    """The stack and the options that `use recommended` means: the torch that fits, and the card, go with it."""
    best, about = _first(scopes, Wish(checked_card(options.gpu), python=options.python or ""))
    if not options.venv:
        return best.stack, options
    options = replace(options, gpu=options.gpu or (about.target if about.named else None))
    chosen = options.torch or options.cpu or options.locked or "--torch" not in best.command
    return best.stack, options if chosen else replace(options, torch=best.torch)


def _first(scopes: Scopes, wish: Wish) -> tuple[Recommendation, Machine]:
    root = Path(os.environ.get(SYSROOT) or "/")
    advice = ask(scopes, replace(wish, root=root))
    best = first_of(advice.recommendations, advice.machine.target)
    output.say(f"recommended for {advice.machine.target} is {best.stack}: {'; '.join(best.reasons)}")
    return best, advice.machine
