"""Whether an environment's convolutions are to do without MIOpen."""

from __future__ import annotations

from rocmswitch.errors import Refused
from rocmswitch.model.convolutionwords import FALLBACK, TARGETS, VENDOR
from rocmswitch.model.receipt import Receipt
from rocmswitch.planning.pytorch import Choice


def takes_fallback(choice: Choice, asked: str) -> bool:
    """Whether the wheel goes in: what the user has *asked* for decides, else what the manifest says of the card."""
    if choice.cpu:
        return False
    known = choice.stack.gpus.get(choice.gpu)
    said = known.convolutions if known else VENDOR
    return (asked or said) == FALLBACK


def version_for(version: str, target: str) -> str:
    """Of the wheel that this *version* of rocmswitch makes; with a *target* of its own it is another."""
    if not own_target(target):
        return version
    return f"{version}{'.' if '+' in version else '+'}{target.replace('-', '.')}"


def own_target(target: str) -> str:
    """*target* where the wheel would not act for it by itself; empty for the usual ones."""
    return "" if target in TARGETS else target


def reason(target: str) -> str:
    """What the wheel is for, as the plan says it."""
    if not target:
        return f"replaces MIOpen's convolutions on {', '.join(TARGETS)}, elsewhere with `ROCMSWITCH_CONV=on`"
    does = "replaces MIOpen's convolutions" + (f", which hang on {target}" if target in TARGETS else "")
    return f"{does}; not tried on this card yet: `rocmswitch probe` does"


def check_convolutions(existing: Receipt, asked: str) -> None:
    """Raise Refused where the environment has other convolutions than are *asked* for now."""
    if not asked or existing.has_fallback == (asked == FALLBACK):
        return
    has = "the replacement of MIOpen's convolutions" if existing.has_fallback else "MIOpen's own convolutions"
    word = "--conv-fallback" if asked == FALLBACK else "--no-conv-fallback"
    again = f"{existing.stack} --venv {existing.name} --rebind {word}"
    raise Refused(
        f"the environment `{existing.name}` has {has}",
        hint=f"run `rocmswitch use {again}`, which keeps the old one",
    )
