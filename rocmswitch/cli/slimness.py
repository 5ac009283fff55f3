"""How much a choice of cards saves, in words: before, as far as it is known, and afterwards."""

from __future__ import annotations

from rocmswitch.cli import output
from rocmswitch.cli.gpu_choice import AUTO, cards_here
from rocmswitch.model.receipt import Receipt
from rocmswitch.planning.gpupackages import card_of, is_for
from rocmswitch.planning.installplan import InstallPlan


def say_choice(plan: InstallPlan) -> None:
    """For which cards the tree will be, and what that leaves out; on stderr."""
    if not plan.gpus:
        _say_other_packages(plan)
        return
    taken_for = [one for one in plan.needed.gpus if one not in plan.gpus]
    also = f", and {' '.join(taken_for)} that they are taken for" if taken_for else ""
    output.say(f"for {' '.join(plan.gpus)} alone{also}: {_saving(plan)}")


def _say_other_packages(plan: InstallPlan) -> None:
    """Where there is a package for each card: what the choice of one would save of the download."""
    words = {word for one in plan.packages if (word := card_of(one.package.name))}
    if len(words) < 2:
        return
    targets = cards_here()
    spared = [one for one in plan.packages if (word := card_of(one.package.name)) and not is_for(word, targets)]
    if targets and spared:
        size = output.size(sum(one.package.size for one in spared))
        output.say(f"packages for {len(words)} cards: `--gpu {AUTO}` would spare {len(spared)} of them, {size}")
    else:
        output.say(f"packages for {len(words)} cards: `--gpu CARD` takes those of one alone")


def _saving(plan: InstallPlan) -> str:
    if plan.left_out_is_known:
        if not plan.left_out_size:
            return "nothing in it is for other cards alone"
        whole = plan.installed_size + plan.left_out_size
        return f"{output.size(whole)} → {output.size(plan.installed_size)} on disk"
    if plan.left_out_size:
        return f"at least {output.size(plan.left_out_size)} of files for other cards are left out"
    return "how much is for other cards is not known before it is unpacked"


def say_saved(receipt: Receipt) -> None:
    """What was left out in the end, if anything was."""
    count, size = sum(one.count for one in receipt.left_out), sum(one.size for one in receipt.left_out)
    if count:
        whole = f"{output.size(receipt.size + size)} → {output.size(receipt.size)}"
        output.say(
            f"for {' '.join(receipt.gpus)} alone: {output.counted(count, 'file')} of other cards left out, {whole}"
        )
    for note in receipt.notes:
        if " has no " in note and any(f" for {gpu}" in note for gpu in receipt.gpus):
            output.say(f"note: {note}")
