"""Whether an environment's name may mean what is asked for now: its owner may have put more into what is there."""

from __future__ import annotations

from collections.abc import Sequence

from rocmswitch.errors import Refused
from rocmswitch.metadata.wheellock import WheelLock
from rocmswitch.model.receipt import Receipt
from rocmswitch.planning.pytorch import Choice
from rocmswitch.planning.wheels import Interpreter, VenvPlan


class Taken(Refused):
    """The name is another environment's. The way out is the command that was typed, with `--rebind`."""


def check_name(name: str, stack: str, existing: Receipt | None) -> None:
    """Raise Taken where the environment *name* is bound to another stack."""
    if existing is not None and existing.stack != stack:
        raise _taken(name, f"belongs to `{existing.stack}`")


def check_kept(plan: VenvPlan, existing: Receipt | None) -> None:
    """Raise Taken where *plan* would take the place of another environment: its owner may have added to it."""
    if existing is None or existing.tree == plan.replaces:
        return
    check_name(plan.name, plan.stack, existing)
    if existing.tree != plan.tree:
        raise _taken(plan.name, "is there already, with another Python or other wheels")


def check_same(existing: Receipt, choice: Choice | None, interpreter: Interpreter | None) -> None:
    """Raise Taken where the environment has other wheels or another Python than are asked for now."""
    if choice is not None and existing.torch != choice.torch:
        raise _taken(existing.name, f"has PyTorch {existing.torch or 'not at all'}")
    if choice is not None and choice.card_matters and choice.gpu not in existing.cards:
        raise _taken(existing.name, "has the wheels of another card")
    if interpreter is not None and existing.python != interpreter.executable:
        raise _taken(existing.name, f"has the Python `{existing.python}`")


def check_has(existing: Receipt, accepted: Sequence[str]) -> None:
    """Raise Refused where the environment has no wheel with a hash that the user *accepted*, in hex."""
    stray = set(accepted) - {one.sha256 for one in existing.packages}
    if stray:
        words = " ".join(
            (f"{existing.stack} --venv {existing.name} --rebind", *(f"--accept {one}" for one in accepted))
        )
        raise Refused(
            f"the environment `{existing.name}` is there, and no wheel of it has the hash `{min(stray)}`",
            hint=f"run `rocmswitch use {words}`, which keeps this one",
        )


def check_stack(lock: WheelLock, stack: str) -> None:
    """Raise Refused where *lock* is of another stack."""
    if lock.stack != stack:
        raise Refused(
            f"the lock is of `{lock.stack}`, not of `{stack}`",
            hint=f"run `rocmswitch use {lock.stack} --venv NAME --locked FILE`",
        )


def _taken(name: str, why: str) -> Taken:
    return Taken(f"the environment `{name}` {why}")
