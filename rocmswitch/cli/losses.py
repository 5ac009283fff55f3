"""What is let go of, in plain words: what nothing can bring back afterwards, before anything is done."""

from __future__ import annotations

from collections.abc import Sequence

from rocmswitch.cli import output
from rocmswitch.model.printable import printable
from rocmswitch.planning.backup import Loss, Lost, PrunePlan


def show_losses(plan: PrunePlan) -> None:
    """All that *plan* lets go of, but for the bytes."""
    for one in plan.losses:
        output.say(f"lets go of generation {one.number} ({_called(one)}):")
        show_lost(one.lost, "nothing is lost: what it saved is elsewhere, too")
    for tree in plan.orphans:
        output.say(f"removes {tree}, which no recorded change leads to")


def show_lost(lost: Sequence[Lost], otherwise: str) -> None:
    """A line for each, *otherwise* without any."""
    for one in lost:
        size = f" ({output.size(one.size)})" if one.size else ""
        output.say(f"    cannot be brought back: {printable(one.what)}{size}")
    if not lost:
        output.say(f"    {otherwise}")


def show_bytes(freed: int, shared: int, in_boot: int = 0) -> None:
    there = f", {output.size(in_boot)} of it in /boot" if in_boot else ""
    also = f"; {output.size(shared)} more stay on the disk, which something else uses too"
    output.say(f"frees {output.size(freed)}{there}{also if shared else ''}")


def _called(one: Loss) -> str:
    return printable(f"{one.verb} {one.place}, {one.created[:10]}, {one.state}") if one.verb else one.state
