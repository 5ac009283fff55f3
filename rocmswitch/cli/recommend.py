"""rocmswitch recommend"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from rocmswitch.cli import output, recommended
from rocmswitch.cli.cardword import checked_card
from rocmswitch.cli.main import Scopes
from rocmswitch.model.printable import printable
from rocmswitch.operations.entering import SYSROOT
from rocmswitch.operations.recommend import Advice, Wish
from rocmswitch.planning.purposes import PURPOSES


@click.command(epilog="Example: rocmswitch recommend --gpu gfx1010 --for convolutions")
@click.option("--gpu", metavar="TARGET", help="For this card, not the one in this machine: gfx1010.")
@click.option("--for", "purpose", type=click.Choice(PURPOSES), help="What you want it for.")
@click.option("--python", metavar="VERSION", help="With this Python: 3.12, or the path of one.")
@click.option(
    "--sysroot",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Take the card and the C library from another machine, whose files are in DIR.",
)
@click.option("--all", "everything", is_flag=True, help="Every stack, not the first three in full.")
@click.option("--json", "as_json", is_flag=True, help="For programs: see docs/json.md of a checkout.")
@click.pass_obj
def command(
    scopes: Scopes,
    /,
    *,
    gpu: str | None,
    purpose: str | None,
    python: str | None,
    sysroot: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Which stacks suit this card and this machine, the best first, and why.

    What the probe found on this machine counts. `install recommended` and `use recommended --venv NAME` take the
    first.
    """
    root = sysroot or os.environ.get(SYSROOT) or "/"
    wish = Wish(checked_card(gpu), purpose or "", python or "", Path(root))
    advice = recommended.ask(scopes, wish)
    for mistake in advice.unread:
        output.say(f"passed over: {mistake.message}")
    if as_json:
        output.write_json(_as_json(advice))
        return
    from rocmswitch.cli import recommend_words

    for line in recommend_words.lines(advice, everything=everything):
        output.write(printable(line))


def _as_json(advice: Advice) -> dict[str, object]:
    about = asdict(advice.machine)
    about |= {"present": sorted(advice.machine.present), "fetchable": sorted(advice.machine.fetchable)}
    found = [asdict(one) for one in advice.recommendations]
    return {
        "machine": about,
        "purpose": advice.purpose or None,
        "recommendations": found,
        "other_ways": [asdict(one) for one in advice.ways],
        "unread": [one.message for one in advice.unread],
    }
