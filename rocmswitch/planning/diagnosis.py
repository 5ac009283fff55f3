"""From what was seen to what is wrong: rows, each a function of the symptoms that knows one thing.

A new finding is a new function in ROWS. No row asks another, and none looks at the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rocmswitch.model.finding import SEVERITIES, Finding
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.planning import (
    diagnosis_blocked,
    diagnosis_card,
    diagnosis_convolutions,
    diagnosis_deployments,
    diagnosis_framework,
    diagnosis_log,
    diagnosis_machine,
    diagnosis_override,
    diagnosis_packages,
    diagnosis_path,
    diagnosis_place,
    diagnosis_shell,
    diagnosis_trees,
    leftovers,
)

Row = Callable[[Symptoms], Iterable[Finding]]

ROWS: tuple[Row, ...] = (
    diagnosis_card.no_driver,
    diagnosis_blocked.kernels,
    *diagnosis_log.ROWS,
    *diagnosis_machine.ROWS,
    diagnosis_card.hidden_card,
    diagnosis_card.no_device_file,
    diagnosis_card.no_rights,
    diagnosis_deployments.interrupted,
    diagnosis_deployments.unreadable,
    diagnosis_deployments.lost_originals,
    diagnosis_deployments.left_alone,
    diagnosis_deployments.drifted,
    diagnosis_trees.damaged,
    diagnosis_trees.prefix_gone,
    diagnosis_trees.link_gone,
    diagnosis_trees.missing_on_the_machine,
    diagnosis_trees.torch_replaced,
    diagnosis_trees.unprotected,
    diagnosis_trees.not_importable,
    diagnosis_trees.imported_from_elsewhere,
    diagnosis_trees.clashing_libraries,
    diagnosis_trees.shadowed,
    *diagnosis_framework.ROWS,
    *diagnosis_convolutions.ROWS,
    diagnosis_shell.gone,
    *diagnosis_override.ROWS,
    diagnosis_shell.foreign_paths,
    diagnosis_shell.global_variables,
    leftovers.left_over,
    *diagnosis_packages.ROWS,
    diagnosis_card.integrated,
    diagnosis_card.several_cards,
    diagnosis_card.known_bad,
    diagnosis_card.unknown_card,
    diagnosis_place.writable,
    diagnosis_place.owner,
    diagnosis_place.file_systems,
    diagnosis_place.wrong_pin,
    diagnosis_place.missing_pin,
    *diagnosis_path.ROWS,
    diagnosis_shell.hook,
)


def diagnose(symptoms: Symptoms) -> tuple[Finding, ...]:
    """Everything that is wrong, the worst first, else in the order of ROWS."""
    found = [finding for row in ROWS for finding in row(symptoms)]
    return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))
