"""Rows about the kernel's driver, and which of them say why a card has none at this moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rocmswitch.model.finding import FAULT, Finding, Remedy
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.planning.diagnosis_driver import diagnose_driver
from rocmswitch.planning.diagnosis_log import is_driverless
from rocmswitch.planning.settingfaults import BOOTED

_BLOCKING = ("driver-blacklist", "driver-blocked", "driver-nomodeset", "driver-install")
_WITHOUT = "boot once more without that word: press `e` in the boot loader's menu, and take it out of the line"


def kernels(symptoms: Symptoms) -> Iterable[Finding]:
    """What the next boot would load; what keeps the card from a driver that it lacks now is a fault."""
    found = _found(symptoms)
    causes = {one.id for one in _causes(found)} if is_driverless(symptoms.card) else set()
    for one in found:
        yield _worse(one) if one.id in causes else one


def blockers(symptoms: Symptoms) -> tuple[Finding, ...]:
    """Those that say why a card has no driver."""
    return tuple(_causes(_found(symptoms))) if is_driverless(symptoms.card) else ()


def _found(symptoms: Symptoms) -> tuple[Finding, ...]:
    return diagnose_driver(symptoms.system, symptoms.rocm) if symptoms.system else ()


def _causes(found: Iterable[Finding]) -> Iterator[Finding]:
    """A line in a file is the cause of what the command line has of it."""
    blocking = [one for one in found if one.row in _BLOCKING]
    lasting = [one for one in blocking if not one.where.endswith(BOOTED)]
    yield from lasting or blocking


def _worse(one: Finding) -> Finding:
    remedy = one.remedy or Remedy(_WITHOUT)
    why = f"{one.why}; the card has no driver now"
    return replace(one, severity=FAULT, why=why, remedy=remedy) if one.severity != FAULT else one
