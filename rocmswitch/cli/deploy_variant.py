"""Deploying into a stack: how a variant is shown, made, and taken back."""

from __future__ import annotations

from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.cli.deploy_options import Options
from rocmswitch.cli.filenames import text_only
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.system_option import is_only_shared
from rocmswitch.errors import Refused
from rocmswitch.model.deployment import FILE, Generation, NewFile
from rocmswitch.model.printable import printable
from rocmswitch.operations import deploy, variant
from rocmswitch.planning.variant import VariantPlan
from rocmswitch.store.installed import Installed


def deploy_into_stack(scopes: Scopes, options: Options, stack: str) -> None:
    """Make a variant of *stack*, a prefix; programs are told the plan also where it is refused.

    Raises Refused for a stack that is not this user's own.
    """
    if is_only_shared(scopes, stack):
        raise Refused(
            f"`{stack}` is shared by all users of this machine: files of yours go only into a stack of your own",
            hint=f"run `rocmswitch install {stack} --own`, then the same command again",
        )
    expected = machine.ledger(scopes).newest
    with output.waiting(f"looking at the libraries of {stack}"):
        plan = variant.plan(
            options.files,
            stack,
            Installed((scopes.own,)),
            goes_as=options.place or "",
            name=options.name or "",
        )
    _show(plan)
    done = None
    try:
        done = _done(scopes, options, plan, expected)
    finally:
        if options.as_json:
            output.write_json(text_only({**plan.as_json(), "generation": done.number if done else None}))


def _done(scopes: Scopes, options: Options, plan: VariantPlan, expected: int) -> Generation | None:
    if not plan.replacements:
        output.say(f"nothing to deploy: {plan.base} holds the same")
        return None
    if plan.is_done:
        output.say(f"{plan.name} is there already: nothing has to be made")
        return None
    deploy.check(() if options.reason else plan.deployment.problems)
    if options.dry_run:
        return None
    output.agree(f"Make {plan.name}?", yes=options.yes)
    done, receipt = variant.execute(plan, _workbench(scopes), reason=options.reason or "", expected=expected)
    output.say(f"made {receipt.name}: {scopes.own.prefixes / receipt.name}")
    output.say(f"next: `rocmswitch use {receipt.name}`; back: `rocmswitch undo {done.number}`")
    return done


def _show(plan: VariantPlan) -> None:
    if plan.is_done:
        return
    stays = "" if plan.name == plan.base else f"; {plan.base} stays as it is"
    output.say(f"{plan.name}: {plan.base} with these files in place of its own{stays}")
    for one in plan.replacements:
        output.say(f"  {printable(one.path)}")
        if isinstance(one.content, NewFile):
            output.say(f"    from {printable(one.content.source)}, {output.size(one.content.size)}")
        stands = f"stands there: {output.size(one.seen.size)}" if one.seen.kind == FILE else "nothing stands there"
        output.say(f"    {stands}")
    for path in plan.deployment.unchanged:
        output.say(f"  {printable(Path(path).name)} is the same already")
    output.say(f"{output.size(plan.deployment.written)} to write; everything else is shared with {plan.base}")
    for note in plan.deployment.notes:
        output.say(f"note: {printable(note)}")
    for problem in plan.deployment.problems:
        output.say(f"problem: {printable(Path(problem.file).name)}: {printable(problem.what)}")


def _workbench(scopes: Scopes) -> variant.Workbench:
    from rocmswitch.host.facts import read_host
    from rocmswitch.host.libraries import HostLibraries
    from rocmswitch.store.relocate import Machine

    return variant.Workbench(
        machine.prefixes(scopes.own),
        machine.ledger(scopes),
        machine.disk(),
        Machine(HostLibraries(), read_host().glibc, jobs=machine.processors()),
        Installed((scopes.own,)),
        scopes.wait(variant.WAIT),
    )
