"""`--source` and `--key`: which kind of source a prefix is to come from, and whose word is taken for its keys."""

from __future__ import annotations

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


def _fingerprints(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        return ()
    from rocmswitch.planning.origin import parse_fingerprint

    try:
        return tuple(dict.fromkeys(parse_fingerprint(text) for text in texts))
    except ValueError as error:
        raise UsageMistake(f"`--key` takes a fingerprint as `gpg --fingerprint` shows it: {error}") from error
