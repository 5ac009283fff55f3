"""Deploying into a stack: how a variant is shown, made, and taken back."""

from __future__ import annotations

from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.cli.deploy_options import Options
from rocmswitch.cli.main import Scopes
from rocmswitch.errors import Refused
from rocmswitch.model.deployment import FILE, NewFile
from rocmswitch.operations import variant
from rocmswitch.planning.variant import VariantPlan
from rocmswitch.store.installed import Installed


def deploy_into_stack(scopes: Scopes, options: Options, stack: str) -> None:
    """Make a variant of *stack*, the exact name of a prefix, with the files of *options*."""
    ledger, installed = machine.ledger(scopes), Installed((scopes.own,))
    expected = max((one.number for one in ledger.generations()), default=0)
    plan = variant.plan(options.files, stack, installed, goes_as=options.place or "", name=options.name or "")
    if options.as_json and options.dry_run:
        output.write_json(plan.as_json())
    _show(plan)
    if options.dry_run:
        return
    _check(plan, options)
    if plan.is_done:
        output.say(f"{plan.name} is there already: nothing has to be made")
        if options.as_json:
            output.write_json({**plan.as_json(), "generation": None})
        return
    output.agree(f"Make {plan.name}?", yes=options.yes)
    generation, receipt = variant.execute(plan, _yard(scopes), reason=options.reason or "", expected=expected)
    if options.as_json:
        output.write_json({**plan.as_json(), "generation": generation.number})
    output.say(f"made {receipt.name}: {scopes.own.prefixes / receipt.name}")
    output.say(f"next: `rocmswitch use {receipt.name}`; back: `rocmswitch undo {generation.number}`")


def _show(plan: VariantPlan) -> None:
    output.say(f"{plan.name}: {plan.base} with these files in place of its own; {plan.base} stays as it is")
    for one in plan.replacements:
        output.say(f"  {one.path}")
        if isinstance(one.content, NewFile):
            output.say(f"    from {one.content.source}, {output.size(one.content.size)}")
        stands = f"stands there: {output.size(one.seen.size)}" if one.seen.kind == FILE else "nothing stands there"
        output.say(f"    {stands}")
    for path in plan.deployment.unchanged:
        output.say(f"  {Path(path).name} is the same already")
    output.say(f"{output.size(plan.deployment.written)} to write; everything else is shared with {plan.base}")
    for note in plan.deployment.notes:
        output.say(f"note: {note}")
    for problem in plan.deployment.problems:
        output.say(f"warning: `{Path(problem.file).name}`: {problem.what}")


def _check(plan: VariantPlan, options: Options) -> None:
    problems = plan.deployment.problems
    if problems and options.reason is None:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise Refused(
            f"`{Path(problems[0].file).name}` does not fit: {problems[0].what}{more}",
            hint="run the same command with `--force REASON`, which is recorded, if you know better",
        )


def _yard(scopes: Scopes) -> variant.Yard:
    from rocmswitch.host.facts import read_host
    from rocmswitch.host.libraries import HostLibraries
    from rocmswitch.store.relocate import Machine

    there = Machine(HostLibraries(), read_host().glibc, jobs=machine.processors())
    wait = scopes.wait(variant.WAIT)
    return variant.Yard(
        machine.prefixes(scopes.own), machine.ledger(scopes), machine.disk(), there, Installed((scopes.own,)), wait
    )
