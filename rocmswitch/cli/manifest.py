"""rocmswitch manifest"""

from __future__ import annotations

from pathlib import Path

import click

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.errors import Refused
from rocmswitch.metadata.manifest import parse_manifest

_STDOUT = "-"


@click.group(epilog="Example: rocmswitch manifest check my-rocm.yaml")
def command() -> None:
    """Work on manifests of your own. docs/manifest.md of a checkout describes every key."""


@command.command(epilog="Example: rocmswitch manifest check my-rocm.yaml")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Read FILE and name the file, line and key of the first mistake."""
    stack = parse_manifest(file.read_bytes(), str(file))
    output.write(f"{file}: `{stack.name}` is a valid manifest")
    if file.stem != stack.name:
        output.say(f"warning: it is only found in a file `{stack.name}.yaml`")


@command.command(epilog="Example: rocmswitch manifest new --from-repository URL -o rocm-6.2.4.yaml")
@click.option(
    *("--from-repository", "urls"),
    required=True,
    multiple=True,
    metavar="URL",
    help="Of apt, or of rpm. Of several that belong together the first one wins.",
)
@click.option("--name", default="", metavar="NAME", help="The stack's; without it FILE's, else by what is found.")
@click.option("--suite", default="", metavar="SUITE", help="Of apt; without it the usual ones are looked for.")
@click.option("--key", "keys", multiple=True, metavar="FINGERPRINT", help="Who signs it, as you know it for sure.")
@click.option("--key-url", default="", metavar="URL", help="Where the key is.")
@click.option("--from", "alike", default="", metavar="STACK", help="A stack that is built in the same way.")
@click.option("--read-packages", is_flag=True, help="Fetch rocBLAS to see for which cards it is built.")
@click.option(
    "-o",
    "--output",
    "file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to; `-` prints it.",
)
@click.pass_obj
def new(
    scopes: Scopes,
    urls: tuple[str, ...],
    name: str,
    suite: str,
    keys: tuple[str, ...],
    key_url: str,
    alike: str,
    read_packages: bool,
    file: Path,
) -> None:
    """Write a manifest of what a live repository has.

    Only what is found is written. What is not stands in the file as a comment, and is told.
    """
    from rocmswitch.cli.desk import desk
    from rocmswitch.model.grammar import is_name
    from rocmswitch.operations import manifest
    from rocmswitch.system.disk import disk_errors

    to_stdout = str(file) == _STDOUT
    if not to_stdout and file.exists():
        raise Refused(f"`{file}` is there already")
    named = name or (file.stem if not to_stdout and is_name(file.stem) else "")
    asked = manifest.Asked(urls, named, suite, keys, key_url, alike, read_packages)
    with desk(scopes) as here:
        made = manifest.plan(asked, here)
    for note in made.notes:
        output.say(f"note: {note}")
    if to_stdout:
        output.write(made.text.rstrip("\n"))
        return
    with disk_errors(file):
        manifest.execute(made, file, here.disk)
    output.say(f"{file}: `{made.stack.name}`, {made.stack.summary}")
    if file.stem != made.stack.name:
        output.say(f"warning: it is only found in a file `{made.stack.name}.yaml`")
