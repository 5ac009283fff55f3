"""How a deployment is shown before anybody agrees to it, and what is said of it afterwards."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path, PurePath

from rocmswitch.cli import machine, output
from rocmswitch.cli.filenames import below, called, files, heading
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.typed import own_line
from rocmswitch.cli.wayback import SHOWN
from rocmswitch.model.deployment import ABSENT, LINK, Generation, NewFile, Place, Replacement, SavedFile
from rocmswitch.model.printable import printable
from rocmswitch.operations.access import Means
from rocmswitch.operations.deploy import Deployment
from rocmswitch.operations.standing import Standing
from rocmswitch.planning.deployment import DeploymentPlan
from rocmswitch.store.trees import Trees

_WAIT = 600.0
"""Seconds to wait for another rocmswitch: a library of 1.4 GB takes some ten, and several may be waiting."""
_PROGRAMS = 3
"""How many programs are named."""


def show(deployment: Deployment) -> None:
    """Each path, what goes there and what stands there, what it costs and what speaks against it; on stderr."""
    plan = deployment.plan
    roots = [one.root for one in plan.replacements]
    folder = _folder_of(plan)
    if plan.replacements:
        output.say(heading(f"deploys {files(len(roots))} into {called(plan.place)}", plan.place, roots))
    for one, stands in list(zip(plan.replacements, deployment.standings, strict=True))[:SHOWN]:
        path, (first, *more) = below(roots, f"{one.root}/{one.path}"), _stand_lines(stands)
        if folder:
            output.say(f"  {path}: {output.size(_size(one))}; {printable(first)}")
        else:
            output.say(f"  {path}")
            more = [_source(one), first, *more]
        for line in more:
            output.say(f"    {printable(line)}")
    if len(plan.replacements) > SHOWN:
        output.say(f"  and {len(plan.replacements) - SHOWN} more")
    for path in plan.unchanged[:SHOWN]:
        output.say(f"  {below(roots or [plan.place.resolved], path)}: holds the same already")
    if plan.replacements:
        copied = f", and {output.size(deployment.copied)} of copies" if deployment.copied else ""
        come = printable(f", from {folder}") if folder else ""
        output.say(f"{output.size(_written(plan))} to write{copied}{come}")
    show_remarks(plan)


def show_remarks(plan: DeploymentPlan) -> None:
    """What is to be known before agreeing, and what speaks against it."""
    for note in plan.notes:
        output.say(f"note: {printable(note)}")
    for problem in plan.problems:
        output.say(f"problem: {printable(PurePath(problem.file).name)}: {printable(problem.what)}")


def say_surprises(deployment: Deployment, done: Generation) -> None:
    """Where what was saved is not what its size had promised: only saving it has read it."""
    saved = {(step.root, step.path): step.before.sha256 for step in done.steps}
    for one, stands in zip(deployment.plan.replacements, deployment.standings, strict=True):
        if stands.is_own and saved.get((one.root, one.path)) != stands.stated:
            where = f"`{printable(one.path)}`"
            output.say(f"note: what stood at {where} was not {stands.package}'s own, though as large; it is saved")


def say_ways_back(generation: Generation) -> None:
    """How what was just done is taken back."""
    place = shlex.quote(called(generation.intent.place))
    output.say(f"back: `rocmswitch restore {place}`, or `rocmswitch undo {generation.number}` for this one alone")


def means(scopes: Scopes) -> Means:
    """What a deployment works on."""
    return Means(scopes.own, machine.ledger(scopes), machine.disk(), scopes.wait(_WAIT), own_line())


def trees_of(scopes: Scopes, place: Place) -> Trees | None:
    """The trees among which *place* has its name, where it is an environment of ours."""
    if place.kind != "venv":
        return None
    links = Path(place.folder).parent
    return next((machine.venvs(layout) for layout in scopes.searched if layout.venvs == links), None)


def _folder_of(plan: DeploymentPlan) -> str:
    """The one folder of several files that keep their names; empty where there is none."""
    ways = {
        str(PurePath(one.content.source).parent)
        if isinstance(one.content, NewFile) and PurePath(one.content.source).name == PurePath(one.path).name
        else ""
        for one in plan.replacements
    }
    return ways.pop() if len(ways) == 1 and len(plan.replacements) > 1 else ""


def _size(one: Replacement) -> int:
    return one.content.size if isinstance(one.content, NewFile) else 0


def _written(plan: DeploymentPlan) -> int:
    """Bytes of what is put in place; what is kept of an earlier deployment may take none."""
    kept = sum(one.content.state.size for one in plan.replacements if isinstance(one.content, SavedFile))
    return plan.written + kept


def _stand_lines(stands: Standing) -> Iterator[str]:
    """What stands at a path, in words."""
    if stands.kind == ABSENT:
        gone = f" any more of what generation {stands.generation} put there" if _lost(stands) else ""
        yield f"nothing stands there{gone}"
        return
    size = f", {output.size(stands.size)}" if stands.kind != LINK else ", a symlink"
    saved = "saved as a copy" if stands.is_copied else "saved without a copy"
    yield f"stands there: {_whose(stands)}{size}; {saved}"
    if stands.other_names:
        many = f"{stands.other_names} other names (hard links, as to uv's cache) keep"
        one = "other name (a hard link, as to uv's cache) keeps"
        yield f"its {one if stands.other_names == 1 else many} the old bytes"
    if stands.programs:
        named = ", ".join(f"{one.command[:60]} ({one.number})" for one in stands.programs[:_PROGRAMS])
        more = f" and {len(stands.programs) - _PROGRAMS} more" if len(stands.programs) > _PROGRAMS else ""
        yield f"in use by {named}{more}: they keep the old library until they are started anew"


def _source(one: Replacement) -> str:
    content = one.content
    if isinstance(content, NewFile):
        return f"from {content.source}, {output.size(content.size)}"
    if isinstance(content, SavedFile):
        return f"from generation {content.generation}, {output.size(content.state.size)}"
    return "as it is"


def _whose(stands: Standing) -> str:
    if stands.still_there and not stands.is_own:
        did = "has recorded" if stands.verb == "adopt" else "put there"
        return f"what generation {stands.generation} ({stands.verb}) {did}"
    if stands.is_own:
        return f"{stands.package}'s own{_lost(stands)}"
    known = f"not {stands.package}'s own" if stands.package else "nothing that a wheel brought"
    return known + _lost(stands)


def _lost(stands: Standing) -> str:
    if not stands.generation or stands.still_there:
        return ""
    return f", and not what generation {stands.generation} put there"
