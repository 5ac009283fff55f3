"""Asking doctor's rows about a few symptoms."""

from __future__ import annotations

from rocmswitch.model.finding import Finding
from rocmswitch.model.symptoms import CardSymptoms, PlaceSymptoms, ShellSymptoms, Symptoms, TreeSymptoms
from rocmswitch.planning.diagnosis import diagnose


def one_of(
    *,
    shell: ShellSymptoms | None = None,
    card: CardSymptoms | None = None,
    place: PlaceSymptoms | None = None,
    tree: TreeSymptoms | None = None,
) -> Finding:
    """The only finding."""
    (found,) = findings(shell=shell, card=card, place=place, tree=tree)
    return found


def findings(
    *,
    shell: ShellSymptoms | None = None,
    card: CardSymptoms | None = None,
    place: PlaceSymptoms | None = None,
    tree: TreeSymptoms | None = None,
) -> tuple[Finding, ...]:
    return diagnose(
        Symptoms(
            shell or ShellSymptoms(),
            (tree,) if tree else (),
            card or CardSymptoms(),
            place or PlaceSymptoms(),
        )
    )


def short(finding: Finding) -> tuple[str, str, str]:
    """Its id, how bad it is, and what to do."""
    return finding.id, finding.severity, finding.remedy.text if finding.remedy else ""
