"""The facts that `doctor` judges: whether environments have the replacement of MIOpen's convolutions they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import rocmswitch
from rocmswitch.errors import RocmswitchError
from rocmswitch.model.convolutions import ConvolutionSymptoms
from rocmswitch.model.convolutionwords import CONVOLUTIONS, FALLBACK, VENDOR
from rocmswitch.model.probe import OK, Report
from rocmswitch.operations.examining import Surgery
from rocmswitch.store.catalog import Catalog
from rocmswitch.store.convolutionwheel import look
from rocmswitch.store.installed import Damaged, Installation
from rocmswitch.store.probes import Probes

_SWITCHES = {"ROCMSWITCH_CONV": ("off",), "TORCH_DEVICE_BACKEND_AUTOLOAD": ("0",)}
"""Variables, and the values by which they keep it off."""


def examine_convolutions(
    trees: Iterable[Installation | Damaged], target: str, here: Surgery
) -> tuple[ConvolutionSymptoms, ...]:
    """What there is to say of the environments among *trees* on a machine whose card is *target*."""
    venvs = [
        one for one in trees if not isinstance(one, Damaged) and one.receipt.kind == "venv" and _is_for_gpus(one)
    ]
    if not target or not venvs:
        return ()
    reports = Probes(here.own, here.disk, here.root).read_all()
    return tuple(_examine(one, target, here, reports) for one in venvs)


def _is_for_gpus(one: Installation) -> bool:
    return bool(one.receipt.torch) and not one.receipt.torch.endswith("+cpu")


def _examine(one: Installation, target: str, here: Surgery, reports: Sequence[Report]) -> ConvolutionSymptoms:
    receipt = one.receipt
    there, damage = look(one.link)
    asked = receipt.convolutions or _asked(receipt.stack, target, here.catalog)
    made_with = next((package.version for package in receipt.packages if package.name == CONVOLUTIONS), "")
    return ConvolutionSymptoms(
        receipt.name,
        receipt.stack,
        str(one.link),
        target,
        wanted=asked == FALLBACK,
        made_with=made_with,
        there=there,
        damage=damage,
        current=rocmswitch.__version__,
        switch=_switch(here.environment),
        tried=next(_successes(reports, receipt.stack, target), ""),
    )


def _asked(stack: str, target: str, catalog: Catalog) -> str:
    try:
        known = catalog.read(stack).stack.gpus.get(target)
    except RocmswitchError:
        return VENDOR  # a stack whose manifest is gone, which doctor tells by itself
    return known.convolutions if known else VENDOR


def _switch(environment: Mapping[str, str]) -> tuple[str, str]:
    for name, values in _SWITCHES.items():
        if environment.get(name, "").strip().lower() in values:
            return name, environment[name]
    return "", ""


def _successes(reports: Sequence[Report], stack: str, target: str) -> Iterator[str]:
    """When the probe has seen all convolutions of *stack* work by the replacement on *target*, newest first."""
    for report in reports:
        around = report.surroundings
        tried = [one for group in report.groups if group.startswith("conv") for one in report.of_group(group)]
        if report.is_partial or around.is_substitute:
            continue
        same = (around.stack, around.target, around.convolutions) == (stack, target, FALLBACK)
        if same and tried and all(one.result == OK for one in tried):
            yield report.created
