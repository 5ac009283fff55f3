"""rocmswitch init"""

from __future__ import annotations

import os
from dataclasses import dataclass

import click

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import settle
from rocmswitch.cli.system_option import check_home
from rocmswitch.errors import UsageMistake
from rocmswitch.operations import init
from rocmswitch.operations.hooks import SHELLS, hook_text
from rocmswitch.system.disk import Disk


@dataclass(frozen=True)
class Options:
    """The command line."""

    installs: bool
    removes: bool
    yes: bool
    dry_run: bool
    as_json: bool


@click.command(epilog="Example: rocmswitch init bash --install")
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS))
@click.option(
    "--install", "installs", is_flag=True, help="Let every new shell read the hook, by a line in its rc file."
)
@click.option("--uninstall", "removes", is_flag=True, help="Take that line and the hook away again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--json", "as_json", is_flag=True, help="For programs: what changes, or changed.")
@click.pass_obj
def command(scopes: Scopes, /, shell: str, **chosen: bool) -> None:
    """Print the hook of SHELL: bash, zsh or fish.

    With it, `rocmswitch use` changes the shell that it is typed in, and a folder with a .rocm-version has its
    own stack. Nothing is started for that, neither with the shell nor at a prompt.
    """
    options = Options(**chosen)
    if options.installs and options.removes:
        raise UsageMistake("`--install` and `--uninstall` exclude each other")
    if options.installs or options.removes:
        check_home(scopes)
        settle(scopes, dry_run=options.dry_run)
        _change(init.plan(shell, scopes.own, os.environ, removes=options.removes), options)
        return
    if options.yes or options.dry_run or options.as_json:
        raise UsageMistake("`--yes`, `--dry-run` and `--json` go with `--install` or `--uninstall`")
    output.write(hook_text(shell, scopes.own).rstrip("\n"))


def _change(plan: init.Plan, options: Options) -> None:
    _show(plan)
    if options.as_json:
        output.write_json(_as_json(plan))
    if options.dry_run:
        return
    if plan.writes_rc or plan.writes_hook:
        output.agree("Do it?", yes=options.yes)
        init.execute(plan, Disk())
    _say_next(plan)


def _show(plan: init.Plan) -> None:
    if not (plan.writes_rc or plan.writes_hook):
        output.say(f"{plan.rc}: nothing to change")
    if plan.writes_hook:
        output.say(f"{'removes' if plan.removes else 'writes'} {plan.hook}")
    if plan.writes_rc:
        where = f"{plan.rc}, which is {plan.target}" if plan.target != plan.rc else f"{plan.rc}"
        output.say(f"{'removes from' if plan.removes else 'adds to'} {where}:")
        output.say(f"    {plan.line}")


def _as_json(plan: init.Plan) -> dict[str, object]:
    return {
        "shell": plan.shell,
        "action": "uninstall" if plan.removes else "install",
        "rc": str(plan.rc),
        "target": str(plan.target),
        "line": plan.line,
        "hook": str(plan.hook),
        "writes_rc": plan.writes_rc,
        "writes_hook": plan.writes_hook,
    }


def _say_next(plan: init.Plan) -> None:
    if plan.removes:
        output.say("shells that are open keep the hook until they end")
    else:
        output.say(f"type `exec {plan.shell}`, or open a new terminal; then `rocmswitch use STACK` switches there")
