"""Run one command in a stack, without switching."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import NoReturn

from rocmswitch.errors import NotFound
from rocmswitch.operations.entering import environment_inside
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.system.process import replace_this_process


def execute(
    one: Installation, command: Sequence[str], environment: Mapping[str, str], installed: Installed
) -> NoReturn:
    """Become *command* with the environment of *one*: its exit code and its signals are the caller's.

    Raises NotFound where neither the stack nor PATH has such a program.
    """
    inside = environment_inside(one, environment, installed)
    if shutil.which(command[0], path=inside["PATH"]) is None:
        raise NotFound(
            f"neither `{one.receipt.name}` nor PATH has a program `{command[0]}`",
            hint=f"run `rocmswitch show {one.receipt.stack}`",
        )
    replace_this_process(command, inside)
