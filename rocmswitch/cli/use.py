"""rocmswitch use"""

from __future__ import annotations

import os
from typing import Any

import click

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.use_options import Options, environment_options
from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.store.installed import Installation, Installed


@click.command(epilog='Example: eval "$(rocmswitch use debian-5.2.3 --venv demo)"')
@click.argument("target")
@click.option(
    "--venv", metavar="NAME", help="A Python environment with the stack's wheels, made where it is missing."
)
@click.option("--python", metavar="VERSION", help="Its Python: 3.11, or the path of one.")
@environment_options
@click.option("--mirror", metavar="URL", help="Take a distribution's archive from here.")
@click.option("--allow-expired", is_flag=True, help="Accept an index whose Valid-Until has passed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the plan, and no line.")
@click.pass_obj
def command(scopes: Scopes, /, target: str, **chosen: Any) -> None:
    """Enter a stack. TARGET is a stack or an environment; what is missing is made, with your consent.

    Prints the line that enters it, for the shell to evaluate; `rocmswitch_off` leaves it again.
    """
    options = Options(**chosen)
    if options.python and options.venv is None:
        raise UsageMistake("`--python` is for an environment, which `--venv NAME` names")
    before = _trees(scopes) if options.as_json else frozenset[str]()
    one = _existing(scopes, target) if options.venv is None else None
    if one is None:
        from rocmswitch.cli.use_missing import make_environment, make_prefix

        one = (
            make_prefix(scopes, target, options)
            if options.venv is None
            else make_environment(scopes, target, options)
        )
    if one is None:
        return
    Installed(scopes.searched).activation(one)  # raises where the prefix of an environment is gone
    if options.as_json:
        _tell_program(planned=_trees(scopes) != before or bool(options.python))
    elif options.dry_run:
        output.say(f"{one.receipt.name} is there: nothing has to be made")
    else:
        _enter(scopes, one)


def _trees(scopes: Scopes) -> frozenset[str]:
    installed = Installed(scopes.searched)
    return frozenset(one.receipt.tree for one in (*installed.prefixes(), *installed.venvs()))


def _tell_program(*, planned: bool) -> None:
    """The plan is on stdout already; `null` where there was nothing to plan."""
    if not planned:
        output.write_json(None)


def _existing(scopes: Scopes, target: str) -> Installation | None:
    try:
        return Installed(scopes.searched).find(target)
    except NotFound:
        return None


def _enter(scopes: Scopes, one: Installation) -> None:
    from rocmswitch.operations.scripts import script_of, write_scripts
    from rocmswitch.shell.posix import quote
    from rocmswitch.system.disk import Disk

    write_scripts(one.receipt.name, Installed(scopes.searched), Disk())
    output.write(f". {quote(str(script_of(one)))}")
    if os.isatty(1):
        output.say("that line enters it; `rocmswitch_off` leaves it again")
