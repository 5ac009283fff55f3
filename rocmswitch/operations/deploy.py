"""Patched libraries put where programs load them: planned, compared with what is there, carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Refused
from rocmswitch.host.filesystems import lock_note
from rocmswitch.host.incoming import read_incoming
from rocmswitch.host.libraryfiles import place_files
from rocmswitch.host.neighbours import survey
from rocmswitch.model.deployment import Generation, Intent, Place, Problem, Site
from rocmswitch.operations.access import Means, alone, check_rights
from rocmswitch.operations.originals import against_originals
from rocmswitch.operations.standing import Standing, look_at
from rocmswitch.planning.deployment import DeploymentPlan, plan_deployment
from rocmswitch.store.installed import Installed
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import disk_errors


@dataclass(frozen=True)
class Deployment:
    """A plan, and what it meets: one `Standing` for each replacement."""

    plan: DeploymentPlan
    standings: tuple[Standing, ...]
    expected: int
    """The number of the newest generation that the plan knows."""
    reason: str = ""
    """The user's own, why it is done in spite of problems."""
    accepted: frozenset[str] = frozenset()
    """The problems, in their words, that the reason was given for: it holds for no others."""

    @property
    def refused(self) -> tuple[Problem, ...]:
        """What speaks against it, as far as no reason of the user's covers it."""
        return tuple(one for one in self.plan.problems if one.what not in self.accepted)

    @property
    def copied(self) -> int:
        """Bytes of backups that take a copy."""
        return sum(one.size for one in self.standings if one.is_copied)

    def as_json(self) -> dict[str, object]:
        """What `deploy --json` prints, apart from what came of it."""
        standings = [one.as_json() for one in self.standings]
        return {**self.plan.as_json(), "bytes_copied": self.copied, "standings": standings, "reason": self.reason}


def plan(words: Sequence[str], goes_as: str, site: Site, prefix: str, ledger: Ledger) -> DeploymentPlan:
    """Decide where the files that *words* name go in *site*, and judge whether they fit. Changes nothing.

    *goes_as* is what `--as` says, *prefix* the tree that the environment is bound to; either may be empty. Raises
    NotFound, UsageMistake, Refused.
    """
    placings = against_originals(place_files(site, read_incoming(words, goes_as)), ledger)
    return plan_deployment(site, placings, survey(site, placings, prefix))


def bound_to(site: Site, installed: Installed) -> str:
    """The published stack that an environment of ours loads its ROCm from; empty where it has its own."""
    one = installed.venv(Path(site.place.folder).name) if site.place.kind == "venv" else None
    prefix = installed.below(one) if one else None
    return str(prefix.link) if prefix else ""


def meet(plan: DeploymentPlan, site: Site, means: Means, expected: int) -> Deployment:
    """What *plan* meets in *site*. Changes nothing. Raises MachineLacks and Refused where this user may not."""
    for folder in {Path(one.root, one.path).parent: None for one in plan.replacements}:
        check_rights(folder, means.line)
    standings = look_at(plan.replacements, site.packages, means.ledger, means.layout.backups)
    locks = lock_note(dict.fromkeys((Path(site.place.resolved), means.layout.data)))
    return Deployment(replace(plan, notes=(*plan.notes, *locks)), standings, expected)


def check(problems: Sequence[Problem]) -> None:
    """Raise Refused where something speaks against a deployment, for which the user has given no reason."""
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise Refused(
            f"`{Path(problems[0].file).name}` does not fit: {problems[0].what}{more}",
            hint="run the same command with `--force REASON`, which is recorded, if you know better",
        )


def execute(deployment: Deployment, means: Means, trees: Trees | None) -> Generation:
    """Carry it out, whole or not at all. *trees* are those of an environment of ours, whose name is locked.

    Raises Busy, Failed and Refused where something has changed since the plan, MachineLacks.
    """
    plan = deployment.plan
    notes = tuple(one.what for one in plan.problems)
    intent = Intent("deploy", plan.place, deployment.reason, notes=notes)
    with alone(plan.place, trees, means.wait):
        done = means.ledger.carry_out(intent, plan.replacements, wait=means.wait, expected=deployment.expected)
    _forget_check(plan.place, means)
    return done


def _forget_check(place: Place, means: Means) -> None:
    """What was seen of the libraries that an environment of ours loads is not true any more."""
    if place.kind == "venv":
        with disk_errors(means.layout.checks):
            means.disk.discard(means.layout.checks / f"{Path(place.folder).name}.json")
