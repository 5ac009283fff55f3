"""rocmswitch run"""

from __future__ import annotations

import os

import click

from rocmswitch.cli.main import Scopes
from rocmswitch.operations import run
from rocmswitch.store.installed import Installed


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: rocmswitch run debian-5.2.3 -- hipcc --version",
)
@click.argument("target")
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.pass_obj
def command(scopes: Scopes, target: str, words: tuple[str, ...]) -> None:
    """Run one command in TARGET (a stack, or an environment's name or path) without switching.

    The command takes the place of rocmswitch: its exit code and its signals are its own.
    """
    installed = Installed(scopes.searched)
    program = words[1:] if words[0] == "--" else words
    if not program:
        raise click.UsageError("no command was given")
    run.execute(installed.find(target), program, os.environ, installed)
