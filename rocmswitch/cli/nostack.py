"""What is installed under a name that no manifest has, where a stack was to be named."""

from __future__ import annotations

from rocmswitch.errors import Refused, UsageMistake
from rocmswitch.store.installed import Installed


def check_is_stack(name: str, installed: Installed) -> None:
    """Raise where *name* is there, but as an environment, a variant or a linked ROCm, to which nothing is added.

    A stack whose manifest is gone is none of these. Raises UsageMistake and Refused.
    """
    one = installed.exactly(name)
    if one is None:
        return
    receipt = one.receipt
    if receipt.linked:
        raise Refused(
            f"`{name}` is linked to `{receipt.linked}`, which is not ours to add anything to",
            hint=f"run `rocmswitch use {name}`",
        )
    if receipt.name != receipt.stack:
        kind = "an environment" if receipt.kind == "venv" else "a variant"
        raise UsageMistake(
            f"`{name}` is {kind} of `{receipt.stack}`", hint=f"run `rocmswitch install {receipt.stack}`"
        )
