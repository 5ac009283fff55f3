"""The command line of `rocmswitch use`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from rocmswitch.cli.cardword import as_option
from rocmswitch.cli.source_options import hashes
from rocmswitch.model.convolutionwords import FALLBACK, VENDOR
from rocmswitch.model.package import VERIFICATION_CLASSES

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Options:
    """The command line."""

    venv: str | None
    python: str | None
    mirror: str | None
    allow_expired: bool
    yes: bool
    dry_run: bool
    as_json: bool
    torch: str | None = None
    """`2.6.0`, or with its local part."""
    cpu: bool = False
    gpu: str | None = None
    rebind: bool = False
    locked: str | None = None
    """The path of a rocmswitch.lock."""
    profile: str | None = None
    require: str | None = None
    convolutions: str | None = None
    """`fallback` or `vendor`, where the user says so."""
    accept: tuple[str, ...] = ()
    """What wheels may be now, in hex, whatever they were at their first use."""
    only_planned: bool = False
    """Whether nothing is shown nor made: what would be refused is, before anything else is done."""


def typed_as(name: str, options: Options) -> str:
    """The option *name* as the user has typed it."""
    said = {FALLBACK: "--conv-fallback", VENDOR: "--no-conv-fallback"}
    return said.get(getattr(options, name), f"--{name}")


def from_home(_context: click.Context, _option: click.Parameter, path: str | None) -> str | None:
    """What an option's *path* means: bash and zsh hand on the tilde of `--venv=~/proj` as it is."""
    return path and os.path.expanduser(path)  # noqa: PTH111  # it may be a name


def environment_options(command: _Command) -> _Command:
    """The options that say what goes into an environment."""
    for option in reversed(_ENVIRONMENT):
        command = option(command)
    return command


_ENVIRONMENT = (
    click.option("--torch", metavar="VERSION", help="Its PyTorch, one of those that `show` lists: 2.6.0."),
    click.option("--cpu", is_flag=True, help="The same PyTorch, built for processors alone."),
    click.option(
        "--gpu", metavar="TARGET", callback=as_option, help="For this card, not the one in this machine: gfx1010."
    ),
    click.option("--profile", metavar="NAME", help="With this named profile of the card's variables."),
    click.option(
        "--conv-fallback",
        "convolutions",
        flag_value=FALLBACK,
        help="Replace MIOpen's convolutions, which hang on some cards: those get it by themselves.",
    ),
    click.option("--no-conv-fallback", "convolutions", flag_value=VENDOR, help="Keep MIOpen's convolutions."),
    click.option("--rebind", is_flag=True, help="Make it anew for this stack; the old one stays on the disk."),
    click.option("--locked", metavar="FILE", help="Exactly the wheels of this rocmswitch.lock."),
    click.option(
        "--require",
        type=click.Choice(VERIFICATION_CLASSES),
        help="Refuse what is checked by less.",
    ),
    click.option(
        "--accept",
        metavar="SHA256",
        multiple=True,
        callback=hashes,
        help="Take a wheel with this hash, whatever it had at its first use; repeat for more.",
    ),
)
