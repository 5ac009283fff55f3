"""`rocmswitch show NAME --gpus`: what an installed stack holds for which card."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rocmswitch.cli import output
from rocmswitch.cli.gpu_choice import AUTO, cards_here
from rocmswitch.errors import NotFound
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.installed import Installation

if TYPE_CHECKING:
    from rocmswitch.store.gpubytes import ForOne, GpuBytes

_LARGEST = 10
"""Libraries that are named."""


def show_gpus(one: Installation | None, name: str, *, as_json: bool) -> None:
    """Write the bytes for each card. Raises NotFound where *name* is not installed."""
    from rocmswitch.store.gpubytes import read_gpu_bytes  # brings pyelftools along

    if one is None:
        raise NotFound(
            f"`{name}` is not installed, so nobody knows how much of it is for which card",
            hint=f"run `rocmswitch install {name}`",
        )
    found = read_gpu_bytes(one.tree, one.receipt)
    if as_json:
        output.write_json(_as_json(found, one.receipt))
        return
    if found.targets:
        output.table(
            ("GPU", "Files", "On disk", "In libraries", "Saved by this card alone"),
            [_row(each) for each in found.targets],
        )
    else:
        output.say(f"nothing in {one.receipt.name} is for single cards, as far as its files tell")
    if found.libraries:
        output.write("\nLibraries with code for several cards, which stays together")
        rows = [(path, output.size(sum(sizes.values()))) for path, sizes in found.libraries]
        output.definitions((size, path) for path, size in rows[:_LARGEST])
    for line in choice_rows(one.receipt):
        output.say(": ".join(line))
    _say_how(found, one.receipt)


def _row(one: ForOne) -> tuple[str, ...]:
    return one.target, str(one.files), *(output.size(count) for count in (one.size, one.inside, one.saved))


def choice_rows(receipt: Receipt) -> list[tuple[str, str]]:
    """For which cards a prefix was made, and what that left out; nothing where it is for all."""
    if not receipt.gpus:
        return []
    count, size = sum(one.count for one in receipt.left_out), sum(one.size for one in receipt.left_out)
    left_out = f"{count} files of other cards, {output.size(size)}" if count else "nothing, as its files tell"
    return [("cards", " ".join(receipt.gpus)), ("left out", left_out)]


def _say_how(found: GpuBytes, receipt: Receipt) -> None:
    saving = [one.target for one in found.targets if one.saved]
    if receipt.kind == "prefix" and not receipt.linked and saving and receipt.name == receipt.stack:
        word = AUTO if any(target in saving for target in cards_here()) else "CARD"
        output.say(f"`rocmswitch install {receipt.name} --gpu {word}` leaves out what other cards need")


def _as_json(found: GpuBytes, receipt: Receipt) -> dict[str, object]:
    return {
        "name": receipt.name,
        "gpus": list(receipt.gpus),
        "targets": [asdict(one) for one in found.targets],
        "libraries": [{"path": path, "bytes": sizes} for path, sizes in found.libraries],
        "left_out": [asdict(one) for one in receipt.left_out],
    }
