"""`--accept`: a wheel that is no longer what it was at its first use, and whose word is taken for it."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Sequence

from rocmswitch.cli.main import Scopes
from rocmswitch.cli.use_options import Options, typed_as
from rocmswitch.store.firstuse import Replaced


@contextlib.contextmanager
def way_out(words: Sequence[str]) -> Iterator[None]:
    """Where a wheel was replaced, tell the command *words* that takes the new one. Raises Replaced."""
    try:
        yield
    except Replaced as error:
        again = shlex.join((*words, "--accept", error.found.value))
        error.hint = f"if its vendor states the new one, run `rocmswitch {again}`"
        raise


@contextlib.contextmanager
def taken_along() -> Iterator[None]:
    """The same where the command that was typed takes the new one, once it is told to. Raises Replaced."""
    try:
        yield
    except Replaced as error:
        found = error.found.value
        error.hint = f"if its vendor states the new one, run the same command with `--accept {found}`"
        raise


def typed_again(scopes: Scopes, stack: str, options: Options) -> tuple[str, ...]:
    """The words that make the same environment of *stack*."""
    words = ["use", stack, "--venv", options.venv or "NAME"]
    for name in ("python", "torch", "gpu", "profile", "require", "locked"):
        value = getattr(options, name)
        words += [f"--{name}", value] if value else []
    words += [f"--{name}" for name in ("cpu", "rebind") if getattr(options, name)]
    words += [typed_as("convolutions", options)] if options.convolutions else []
    words += ["--from", str(scopes.supplies.file.path)] if scopes.supplies else []
    for one in options.accept:
        words += ["--accept", one]
    return tuple(words)
