"""Rows about HSA_OVERRIDE_GFX_VERSION: it tells ROCm that a card is another (ROCm/ROCm#887, MIOpen#3540)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.gpucode import OVERRIDE as OVERRIDE
from rocmswitch.model.gpucode import target_of_override
from rocmswitch.model.symptoms import Active, CardSymptoms, ShellSymptoms, Standing, Symptoms
from rocmswitch.planning.diagnosis_path import unset

OVERRIDE_ROW = "override"
_VERSION = re.compile(r"([0-9]{1,2})\.([0-9]{1,3})\.([0-9]{1,3})")
"""What libhsakmt reads; with anything else it gives up on the whole topology (topology.c)."""
NO_VERSION = "that is no version like `10.3.0`, and ROCm finds no card with it"


def override(symptoms: Symptoms) -> Iterator[Finding]:
    """A card that the stack has code for is told to be another."""
    shell = symptoms.shell
    active, value = shell.active, shell.override
    if active is None or not _VERSION.fullmatch(value) or dict(active.variables).get(OVERRIDE) == value:
        return
    standing = _standing(symptoms, active)
    if standing and _is_native(standing):
        yield Finding(
            OVERRIDE_ROW,
            FAULT,
            f"`{OVERRIDE}={value}` makes `{active.name}` run another card's code",
            OVERRIDE,
            f"`{active.stack}` has code of its own for {symptoms.card.target}: with the override it computes "
            "wrong numbers or hangs",
            _without(shell),
        )


def no_version(symptoms: Symptoms) -> Iterator[Finding]:
    """`gfx1030` and `10.3` are what people write."""
    value = symptoms.shell.override
    if value and not _VERSION.fullmatch(value) and not _is_from_a_file(symptoms.shell):
        what = f"`{OVERRIDE}={value}` is in this shell"
        yield Finding("override-value", FAULT, what, OVERRIDE, NO_VERSION, _without(symptoms.shell))


def unneeded(symptoms: Symptoms) -> Iterator[Finding]:
    """Nothing is entered, and what this shell would start goes by it."""
    shell, card = symptoms.shell, symptoms.card
    is_told = shell.active is not None or _is_from_a_file(shell)
    if not is_told and _VERSION.fullmatch(shell.override) and (why := why_unneeded(shell.override, card)):
        severity = NOTE if is_own(shell.override, card) else WARNING
        what = f"`{OVERRIDE}={shell.override}` is in this shell, and the card does not need it"
        yield Finding(OVERRIDE_ROW, severity, what, OVERRIDE, why, _without(shell))


def is_version(value: str) -> bool:
    return bool(_VERSION.fullmatch(value))


def is_own(value: str, card: CardSymptoms) -> bool:
    """It names what the card is anyway."""
    return bool(card.target) and _named(value) == card.target


def why_unneeded(value: str, card: CardSymptoms) -> str:
    """Empty where some stack wants it on this card, or where nobody knows the card."""
    if not card.target or card.named:
        return ""
    if is_own(value, card):
        return f"the card is {card.target} anyway"
    native = [one.stack for one in card.stacks if _is_native(one)]
    if native:
        return f"`{native[0]}` has code of its own for {card.target}, and would run {_named(value)}'s"
    if card.overridden == ():
        return f"no stack needs it on {card.target}, and all would run the code of {_named(value)}"
    return ""


def _named(value: str) -> str:
    return target_of_override(value) or "another card"


def _is_from_a_file(shell: ShellSymptoms) -> bool:
    """Then the row about that line tells it."""
    return any(one.name == OVERRIDE and one.value == shell.override for one in shell.settings)


def _without(shell: ShellSymptoms) -> Remedy:
    return Remedy(f"run `{unset(OVERRIDE, shell)}`")


def _standing(symptoms: Symptoms, active: Active) -> Standing | None:
    return next((one for one in symptoms.card.stacks if one.stack == active.stack), None)


def _is_native(standing: Standing) -> bool:
    """The stack runs on the card without an override."""
    return standing.support in ("official", "community", "partial", "reported") and not standing.overrides


ROWS = (override, no_version, unneeded)
