"""rocmswitch bundle"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins

from rocmswitch.cli import bundled, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.source_options import hashes, source_options
from rocmswitch.cli.system_option import system_option
from rocmswitch.cli.use_options import from_home
from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.bundle import Bundle
from rocmswitch.model.package import VERIFICATION_CLASSES
from rocmswitch.model.source import SET_NAMES
from rocmswitch.store.bundle import BundleFile

_sets = click.option("--set", "sets", multiple=True, type=click.Choice(SET_NAMES), help="Which; repeat for more.")


@click.group(epilog="Example: rocmswitch bundle create debian-5.2.3 --set compiler -o debian.tar")
def command() -> None:
    """Everything for machines without a network, in one file."""


@command.command(epilog="Example: rocmswitch bundle create debian-5.2.3 --venv -o debian.tar")
@click.argument("names", metavar="STACK...", nargs=-1, required=True)
@click.option("-o", "target", metavar="FILE", required=True, help="The bundle to write.")
@_sets
@click.option("--venv", is_flag=True, help="Also the wheels of an environment of each stack.")
@click.option("--python", metavar="VERSION", help="The Python of the environments: 3.11.")
@click.option("--with-python", is_flag=True, help="Take that Python along, though this machine has one.")
@click.option("--torch", metavar="VERSION", help="Their PyTorch, one of those that `show` lists: 2.6.0.")
@click.option("--cpu", is_flag=True, help="The same PyTorch, built for processors alone.")
@click.option("--gpu", metavar="TARGET", help="For this card, not the one in this machine: gfx1010.")
@click.option(
    "--accept",
    metavar="SHA256",
    multiple=True,
    callback=hashes,
    help="Take a wheel with this hash, whatever it had at its first use; repeat for more.",
)
@click.option("--for-this-host", is_flag=True, help="Leave out what this machine has: for machines like it.")
@source_options
@click.option("--mirror", metavar="URL", help="Take a distribution's archive from here.")
@click.option("--allow-expired", is_flag=True, help="Accept an index whose Valid-Until has passed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be in it.")
@click.option("--json", "as_json", is_flag=True, help="For programs: what is to be in it.")
@click.pass_obj
def create(scopes: Scopes, /, names: tuple[str, ...], target: str, **chosen: Any) -> None:
    """Gather all that some stacks need.

    Signed indexes, keys, packages, wheels, manifests, and a Python where that is asked for.
    Packages that this machine has anyway go in too, because another machine may lack them. With --venv and without
    --set only what the environments need.
    """
    from rocmswitch.cli.bundle_create import Options, create_bundle

    create_bundle(scopes, names, Path(target), Options(**chosen))


@command.command(epilog="Example: rocmswitch bundle install debian.tar --venv myproj")
@click.argument("file", metavar="FILE")
@click.argument("names", metavar="[STACK...]", nargs=-1)
@_sets
@click.option(
    "--venv",
    metavar="NAME",
    callback=from_home,
    help="Also make this environment, of the one stack that has wheels.",
)
@click.option("--python", metavar="VERSION", help="Its Python: 3.11, or the path of one.")
@click.option("--gpu", metavar="TARGET", help="For this card, not the one in this machine: gfx1010.")
@click.option("--require", type=click.Choice(VERIFICATION_CLASSES), help="Refuse what is checked by less.")
@click.option("--allow-expired", is_flag=True, help="Accept indexes that are out of date or older than those seen.")
@source_options
@system_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show the plans.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the plans, one after the other.")
@click.pass_context
def install(context: click.Context, /, file: str, names: tuple[str, ...], **chosen: Any) -> None:
    """Install from FILE alone: all its stacks, or STACK….

    No server is asked, whatever network there is.
    Signatures, dates and hashes are checked as if servers had sent everything.
    """
    from rocmswitch.cli.bundle_install import Wanted, install_bundle

    scopes = context.find_object(Scopes)
    assert scopes is not None
    try:
        install_bundle(bundled.supplied(context, scopes, file), names, Wanted(**chosen))
    except VerificationFailed as error:
        # Of what was damaged the address is told, and which member that is nobody would guess.
        error.hint = error.hint or f"run `rocmswitch bundle show {shlex.quote(file)}`: it names what is damaged"
        raise


@command.command(epilog="Example: rocmswitch bundle show debian.tar")
@click.argument("file", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="For programs: its list.")
def show(file: str, as_json: bool) -> None:
    """Show what is in FILE, and whether it is whole.

    Reads all of it; of what is damaged the first member is named: exit 4.
    """
    with BundleFile.opened(Path(file)) as opened:
        bundle = opened.bundle
        if as_json:
            output.write_json(to_builtins(bundle))
        else:
            _tell(bundle)
        with output.waiting(f"reading {file}"):
            opened.check()
    output.say(f"all {len(bundle.members)} members are whole, {output.size(bundle.size)}")
    prefixes = (
        [f"`rocmswitch bundle install {shlex.quote(file)}`"] if any(one.sets for one in bundle.stacks) else []
    )
    environments = [f"`{one}`, with an environment" for one in bundled.environment_commands(bundle, Path(file))]
    output.say(f"next: {', or '.join([*prefixes, *environments])}")


def _tell(bundle: Bundle) -> None:
    host = bundle.host
    whole = "" if host.complete else ", only what that machine lacked"
    made_for = f"{host.distribution} {host.codename}".strip()
    output.say(f"made {bundle.made:%Y-%m-%d %H:%M} UTC for {made_for}, {host.architecture}{whole}")
    for stack in bundle.stacks:
        own = "" if stack.shipped else ", with a manifest of somebody's own"
        output.say(f"{stack.name} ({', '.join(stack.sets) or 'wheels alone'}){own}")
    for venv in bundle.venvs:
        more = "".join(f", {word}" for word in (venv.torch and f"torch {venv.torch}", venv.gpu) if word)
        output.say(f"an environment of {venv.stack} for {venv.python}{more}")
    rows = [(one.kind, one.name or one.path, one.version, output.size(one.size)) for one in bundle.members]
    output.table(("Kind", "Name", "Version", "Size"), rows)
