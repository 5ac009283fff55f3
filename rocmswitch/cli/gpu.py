"""rocmswitch gpu"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from rocmswitch.cli import gpu_words, machine, output
from rocmswitch.cli.cardword import as_option, named_card
from rocmswitch.cli.main import Scopes
from rocmswitch.errors import NotFound
from rocmswitch.model.card import Card
from rocmswitch.operations import gpu
from rocmswitch.operations.entering import SYSROOT
from rocmswitch.operations.gpu import Seen


@click.command(epilog="Example: rocmswitch gpu --gpu gfx1010")
@click.option("--all", "everything", is_flag=True, help="Each stack in a line of its own.")
@click.option("--gpu", "target", metavar="TARGET", callback=as_option, help="What stacks give this card: gfx1010.")
@click.option(
    "--sysroot",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="The cards of another machine, whose /sys lies in DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: see docs/json.md of a checkout.")
@click.pass_obj
def command(scopes: Scopes, /, everything: bool, target: str | None, sysroot: str | None, as_json: bool) -> None:
    """Show the cards of this machine, and what each stack gives them.

    Exit code 3: there is no AMD card, and none was named with --gpu.
    """
    root = Path(sysroot or os.environ.get(SYSROOT) or "/")
    seen = gpu.look(root, machine.catalog(scopes), named_card(target))
    for mistake in seen.mistakes:
        output.say(f"warning: {mistake.message}")
    if as_json:
        output.write_json(_as_json(seen))
    else:
        _show(seen, everything=everything)
    if not seen.cards.amd and not seen.support:
        raise NotFound(gpu_words.nothing(seen), hint="run `rocmswitch gpu --gpu gfx1010`, with the card you mean")


def _show(seen: Seen, *, everything: bool) -> None:
    for number, card in enumerate(seen.cards.amd):
        heading = "  ".join(filter(None, (card.name or gpu_words.unnamed(card), card.target)))
        output.write(f"\n{heading}" if number else heading)
        output.definitions(gpu_words.rows(card, seen.cards))
    if seen.cards.others:
        output.write(gpu_words.others(seen.cards.others))
    if seen.cards.hidden and seen.cards.amd:
        output.say(gpu_words.hidden(seen.cards))
    between = "\n" if seen.cards.amd or seen.cards.others else ""
    for target, known in seen.support.items():
        output.write(f"{between}What stacks give {target}")
        between = "\n"
        output.definitions(gpu_words.support(known, everything=everything))
        output.say(gpu_words.advice(target))


def _as_json(seen: Seen) -> object:
    return {
        "cards": [_card(card) for card in seen.cards.amd],
        "others": [asdict(one) for one in seen.cards.others],
        "hidden": seen.cards.hidden,
        "in_wsl": seen.cards.in_wsl,
        "looked_at": seen.looked_at,
        "support": {
            target: [{**asdict(one), "environment": dict(one.environment)} for one in known]
            for target, known in seen.support.items()
        },
    }


def _card(card: Card) -> dict[str, object]:
    """Also in the form in which people and lspci write them: numbers in JSON are decimal."""
    revision = "" if card.revision is None else f"{card.revision:02x}"
    return {
        **asdict(card),
        "pci_id": f"{card.vendor:04x}:{card.device:04x}",
        "pci_revision": revision,
        "link_reduced": card.link.is_reduced,
    }
