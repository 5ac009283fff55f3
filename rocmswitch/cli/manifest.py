"""rocmswitch manifest"""

from __future__ import annotations

from pathlib import Path

import click

from rocmswitch.cli import output
from rocmswitch.metadata.manifest import parse_manifest


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
