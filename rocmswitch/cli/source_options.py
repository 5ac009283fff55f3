"""`--source`, `--key` and `--accept`: the kind of source that a prefix is to come from, and whose word is taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from rocmswitch.errors import UsageMistake

_Command = TypeVar("_Command", bound=Callable[..., Any])

_KINDS = ("apt", "rpm", "tarball")
"""Those of planning/origin.py, which is imported only where something is planned."""


def source_options(command: _Command) -> _Command:
    """The options `source` and `keys` of a command that plans a prefix."""
    key = click.option(
        "--key",
        "keys",
        metavar="FINGERPRINT",
        multiple=True,
        callback=_fingerprints,
        help="Trust this key where the manifest knows none; repeat for more.",
    )
    source = click.option(
        "--source",
        type=click.Choice(_KINDS),
        callback=lambda _, __, kind: kind or "",
        help="Take this kind of source, not the one that suits.",
    )
    return source(key(command))


def accept_option(command: _Command) -> _Command:
    """The option `accept` of a command that may meet a tarball that is not what it was; empty without it."""
    return click.option(
        "--accept",
        metavar="SHA256",
        default="",
        callback=_hash,
        help="Take the tarball with this hash, whatever it had at its first use.",
    )(command)


def hashes(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    """What an option that may be repeated takes. Raises UsageMistake for what is no hash."""
    return tuple(dict.fromkeys(_hash(context, parameter, text) for text in texts))


def _hash(context: click.Context, parameter: click.Parameter, text: str) -> str:
    if text and not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise UsageMistake(f"`--accept` takes a SHA-256 hash, which has 64 hex digits, and `{text[:80]}` is none")
    return text.lower()


def _fingerprints(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        return ()
    from rocmswitch.planning.origin import parse_fingerprint

    try:
        return tuple(dict.fromkeys(parse_fingerprint(text) for text in texts))
    except ValueError as error:
        raise UsageMistake(f"`--key` takes a fingerprint as `gpg --fingerprint` shows it: {error}") from error
