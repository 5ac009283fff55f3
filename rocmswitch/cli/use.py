"""rocmswitch use"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.bundled import from_option
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.system_option import is_shared, system_option
from rocmswitch.cli.use_options import Options, environment_options, from_home, typed_as
from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.model.convolutionwords import FALLBACK
from rocmswitch.store.installed import Installation, Installed

SYSTEM = "system"
"""The name that means: no stack here."""
RECOMMENDED = "recommended"
"""The name that means: what `recommend` has first for this machine."""

_FOR_ENVIRONMENTS = ("python", "torch", "locked", "cpu", "rebind", "convolutions", "accept")


@click.command(epilog="Example: rocmswitch use 6.2.4 --venv myproj")
@click.argument("target", default="", metavar="[STACK|ENVIRONMENT|recommended|system]")
@click.option(
    "--venv",
    metavar="NAME",
    callback=from_home,
    help="A Python environment of the stack; with a slash or a leading dot, its path.",
)
@click.option("--python", metavar="VERSION", help="Its Python: 3.10, or the path of one.")
@environment_options
@click.option("--pin", is_flag=True, help="Write .rocm-version: this folder and those below use it.")
@click.option("--default", is_flag=True, help="New shells use it.")
@system_option
@click.option("--off", is_flag=True, help="Leave: what was there before applies again.")
@click.option("--shell", type=click.Choice(["bash", "zsh", "sh", "fish"]), help="Whose line to print.")
@click.option("--mirror", metavar="URL", help="Take a distribution's archive from here.")
@click.option("--allow-expired", is_flag=True, help="Accept an index whose Valid-Until has passed.")
@from_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the plan, and no line.")
@click.pass_obj
def command(scopes: Scopes, /, target: str, *, off: bool, shell: str | None, **chosen: Any) -> None:
    """Enter a stack or an environment; what is missing is made, with your consent.

    Without a name: what the nearest .rocm-version asks for. `system` means no stack here, `--off` goes back.
    After `rocmswitch init SHELL --install` it enters this shell; without that it prints the line to evaluate.
    """
    from rocmswitch.cli import use_choice

    pin, default = chosen.pop("pin"), chosen.pop("default")
    options = Options(**chosen)
    scopes = scopes.accepting(options.accept)
    _check(scopes, target, options, off=off, lasting=pin or default)
    if is_shared(scopes) and options.venv is not None:
        raise UsageMistake("`--system` is for stacks: an environment is one user's own")
    if off:
        use_choice.leave(options, shell)
        return
    if not target:
        target, options = use_choice.pinned(options)
        _check(scopes, target, options, off=False, lasting=False)
    lasting = use_choice.Lasting(pin=pin, default=default)
    if target == SYSTEM:
        use_choice.use_no_stack(scopes, use_choice.Way(target, options, lasting, shell))
        return
    if target == RECOMMENDED and RECOMMENDED not in machine.catalog(scopes).names():
        from rocmswitch.cli.recommended import for_use

        target, options = for_use(scopes, options)
    one = _entered(scopes, target, options)
    way = use_choice.Way(target, options, lasting, shell)
    if options.dry_run:
        use_choice.foretell(way, one.receipt.name if one else options.venv or target)
    elif one is not None:
        use_choice.enter(scopes, one, way)


def _check(scopes: Scopes, target: str, options: Options, *, off: bool, lasting: bool) -> None:
    """Raise UsageMistake where the words do not go together."""
    if off and (target or lasting or options.venv):
        raise UsageMistake("`--off` stands alone: it leaves what is active in this shell")
    if target == SYSTEM and options.venv:
        raise UsageMistake("`system` means no stack, so it has no environment")
    if target and options.venv is None:
        for name in _FOR_ENVIRONMENTS:
            if getattr(options, name):
                word = typed_as(name, options)
                raise UsageMistake(
                    f"`{word}` is for an environment, which `--venv NAME` names",
                    hint=_in_environment(scopes, target, options),
                )
    if options.locked and options.accept:
        raise UsageMistake("`--accept` and a lock exclude each other: the lock says every hash")
    if options.cpu and options.convolutions == FALLBACK:
        raise UsageMistake("`--conv-fallback` is for a GPU, and `--cpu` makes an environment for none")


def _in_environment(scopes: Scopes, target: str, options: Options) -> str | None:
    """The same words about the environment that *target* is, or about one of the stack that it is."""
    from rocmswitch.cli.accepting import typed_again

    if target == SYSTEM:
        return None
    try:
        there = Installed(scopes.searched).find(target).receipt
    except NotFound:
        there = None
    if there is not None and there.kind == "venv":
        target, options = there.stack, replace(options, venv=there.name)
    return f"run `rocmswitch {shlex.join(typed_again(scopes, target, options))}`"


def _entered(scopes: Scopes, target: str, options: Options) -> Installation | None:
    """What is to be entered, made where it is missing; None where that was only to be shown."""
    there = _existing(scopes, target, options)
    if there is not None:
        lack = Installed(scopes.searched).lack(there)
        if lack is not None:
            raise lack
        _check_required(scopes, there, options)
        if options.as_json:
            output.write_json(None)
        _tell_nothing(there, options)
        return there
    from rocmswitch.cli.use_missing import make_environment, make_prefix

    make = make_prefix if options.venv is None else make_environment
    made = make(scopes, target, options)
    if made is not None:
        _check_required(scopes, made, options)
    _tell_nothing(made, options)
    return made


def _check_required(scopes: Scopes, there: Installation, options: Options) -> None:
    """Raise Refused where what is there already was checked by less than `--require` says."""
    if options.require is not None:
        from rocmswitch.planning.vouched import check_vouched

        below = Installed(scopes.searched).below(there)
        for one in (there, *([below] if below else [])):
            check_vouched(one.receipt, options.require)


def _tell_nothing(there: Installation | None, options: Options) -> None:
    """What a dry run did not have to plan."""
    if there is not None and options.dry_run and not options.as_json:
        output.say(f"{there.receipt.name} is there: nothing has to be made")


def _existing(scopes: Scopes, target: str, options: Options) -> Installation | None:
    """The installation, where nothing has to be made: without reading a manifest, which takes its time."""
    installed = Installed(scopes.searched)
    if options.venv is None:
        try:
            return installed.find(target)
        except NotFound:
            return None
    if any(getattr(options, name) for name in _FOR_ENVIRONMENTS):
        return None
    found = _environment(installed, options.venv)
    if found is None or not _is_of(found, target) or _is_for_another_card(found, options.gpu or ""):
        return None
    return found if not found.receipt.prefix or installed.prefix(found.receipt.prefix) else None


def _environment(installed: Installed, name: str) -> Installation | None:
    if "/" not in name and not name.startswith("."):
        return installed.venv(name)
    if not Path(name).is_symlink():
        return None
    try:
        return installed.find(os.path.abspath(name))  # noqa: PTH100  # its symlink must not be followed
    except NotFound:
        return None


def _is_of(environment: Installation, target: str) -> bool:
    from rocmswitch.planning.naming import resolve_name

    try:
        return resolve_name(target, [environment.receipt.stack]) == environment.receipt.stack
    except NotFound:
        return False


def _is_for_another_card(environment: Installation, gpu: str) -> bool:
    """Whether its wheels name their card, as AMD's do, and it is not *gpu*: then it is refused, not entered."""
    cards = environment.receipt.cards
    return bool(gpu and cards) and gpu not in cards
