"""`--rebind`: the very command, where an environment of that name is there and is another one than is asked for."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from dataclasses import replace

from rocmswitch.cli.accepting import typed_again
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.use_options import Options
from rocmswitch.planning.rebinding import Taken


@contextlib.contextmanager
def by_rebinding(scopes: Scopes, stack: str, options: Options) -> Iterator[None]:
    """Where the name is taken, tell the command that makes what was asked for in its place. Raises Taken.

    With all that was asked for: `--rebind` alone makes what is there as it was.
    """
    try:
        yield
    except Taken as error:
        words = typed_again(scopes, stack, replace(options, rebind=True))
        words += ("--locked", options.locked) if options.locked else ()
        error.hint = f"give another name, or run `rocmswitch {shlex.join(words)}`, which keeps the old one"
        raise
