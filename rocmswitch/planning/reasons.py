"""Why a stack stands where it stands, what it takes, and what is left besides: in sentences for people."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.version import Version

from rocmswitch.model.convolutionwords import FALLBACK
from rocmswitch.model.gpucode import OVERRIDE, target_of_override
from rocmswitch.model.probe import BAD
from rocmswitch.model.recommendation import (
    BLOCKED,
    COMMUNITY,
    CONFIRMED,
    NONE,
    OFFICIAL,
    PARTIAL,
    REPORTED,
    UNKNOWN,
    UNVERIFIED,
    Machine,
)
from rocmswitch.model.stack import Pytorch
from rocmswitch.planning.probed import Probed
from rocmswitch.planning.purposes import is_convolution
from rocmswitch.planning.pytorch import Choice, needs_card, other_rocm
from rocmswitch.planning.verdict import UNNAMED, Verdict, known_sureness

_UNTRIED = "not tried on this card yet"
_SAID = {
    OFFICIAL: "AMD supports {card} with it",
    COMMUNITY: "those who build it support {card}, AMD does not",
    REPORTED: "people report that it works on {card}; AMD does not support it",
    PARTIAL: "parts of it work on {card}",
    UNKNOWN: "its manifest does not name {card}: it may work, or not",
    NONE: "it has no code for {card}",
}


def reasons_of(
    verdict: Verdict, target: str, entry: Pytorch | None, probed: Probed, purpose: str
) -> tuple[str, ...]:
    """What speaks for it, or against it; the most important first."""
    return tuple(_reasons(verdict, target, entry, probed, purpose))


def notes_of(verdict: Verdict, machine: Machine, entry: Pytorch, replaced: Probed) -> tuple[str, ...]:
    """What comes with the wheels of *entry*, and what they take on this machine.

    *replaced* is what the probe saw here while MIOpen's convolutions were replaced.
    """
    return tuple(_notes(verdict, machine, entry, replaced))


def _reasons(verdict: Verdict, target: str, entry: Pytorch | None, probed: Probed, purpose: str) -> Iterator[str]:
    stack, known = verdict.stack, verdict.stack.gpus.get(target, UNNAMED)
    if probed.outcomes:
        yield _seen(verdict, probed, purpose)
    said = known_sureness(stack, target)
    if said == UNVERIFIED:
        yield f"its manifest says `{known.support}`, and that parts of this were not read in a source"
    elif verdict.sureness != CONFIRMED or said not in (UNKNOWN, NONE):
        yield _SAID[said].format(card=target)
    if verdict.standing == BLOCKED:
        return
    if not stack.pytorch:
        yield "ROCm and its tools, without PyTorch"
    elif any(one.word == "torch" for one in verdict.failures):
        yield f"PyTorch does not run on {target} with it"
    elif OVERRIDE in known.environment:
        version = known.environment[OVERRIDE]
        code = target_of_override(version) or "another card"
        yield f"its code is for {code}, as which the card passes by {OVERRIDE}={version}"
    elif entry is not None and needs_card(entry):
        yield f"its wheels have native code for {target}, without an override"


def _seen(verdict: Verdict, probed: Probed, purpose: str) -> str:
    """The probe's word, with its day."""
    day, failing = probed.created[:10], probed.failing(purpose)
    bad = sum(map(len, failing.values()))
    tried = probed.tried(purpose)
    operations = f"{tried} operation{'' if tried == 1 else 's'}"
    if bad:
        return f"the probe of {day} on this machine: {bad} of {operations} failed ({', '.join(failing)})"
    if verdict.confirmed:
        return f"the probe of {day} on this machine: {operations} tried, nothing failed"
    return f"the probe of {day} on this machine tried nothing of what was asked for"


def _notes(verdict: Verdict, machine: Machine, entry: Pytorch, replaced: Probed) -> Iterator[str]:
    stack = verdict.stack
    known = stack.gpus.get(machine.target, UNNAMED)
    constraints = Choice(stack, entry, machine.target).constraints
    if constraints:
        yield " and ".join(re.sub(r"([<>=!~]+)", r" \1 ", one) for one in constraints)
    if Version(entry.torch).is_devrelease:
        yield f"torch {entry.torch} is a nightly build"
    other = other_rocm(stack, entry)
    if other:
        yield f"its wheels bring ROCm {other} along"
    yield from _beside(verdict, machine, entry)
    newest = entry.glibc.max
    if newest and machine.glibc and Version(machine.glibc) > Version(newest):
        yield (
            f"glibc {machine.glibc} refuses a library that asks for an executable stack, as glibc until {newest} "
            "did not: `use` takes that request away"
        )
    if known.convolutions == FALLBACK:
        yield f"convolutions by the replacement for MIOpen's, {_tried(replaced)}"
    elif any(is_convolution(one.word) for one in verdict.failures):
        yield f"`--conv-fallback` replaces MIOpen's convolutions, {_tried(replaced)}"


def _beside(verdict: Verdict, machine: Machine, entry: Pytorch) -> Iterator[str]:
    """What becomes of the machine's other cards: wheels are made for one target, an override holds for all."""
    if not machine.name or not machine.others:
        return
    if needs_card(entry):
        yield f"its wheels have kernels for {machine.target} alone, and none for {' and '.join(machine.others)}"
    cards = verdict.stack.gpus
    value = cards.get(machine.target, UNNAMED).environment.get(OVERRIDE, "")
    fitting = {target_of_override(value), *(one for one in cards if cards[one].environment.get(OVERRIDE) == value)}
    wrong = [one for one in machine.others if one not in fitting] if value else []
    if wrong:
        yield (
            f"the override holds for {' and '.join(wrong)} as well, which cannot run that code: "
            "`ROCR_VISIBLE_DEVICES` with the number of this card hides the rest"
        )


def _tried(replaced: Probed) -> str:
    """What the probe says of the replacement on this machine's card."""
    tried = [one for one in replaced.outcomes if is_convolution(one.operation.group)]
    if not tried:
        return _UNTRIED
    bad = sum(one.result in BAD for one in tried)
    return f"by the probe of {replaced.created[:10]} on this machine: {bad} of {len(tried)} operations failed"
