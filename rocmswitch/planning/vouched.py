"""Whether what is installed was checked by enough, when `--require` asks for more than it was installed with."""

from __future__ import annotations

from rocmswitch.errors import Refused
from rocmswitch.model.package import VERIFICATION_CLASSES
from rocmswitch.model.receipt import Receipt


def check_vouched(receipt: Receipt, required: str | None) -> None:
    """Raise Refused where something in *receipt* was checked by less than *required*, or by nobody."""
    if required is None:
        return
    name = receipt.name
    if receipt.linked:
        raise Refused(f"`{name}` is linked: nobody has checked what is in `{receipt.linked}`")
    rank = VERIFICATION_CLASSES.index
    weak = [one for one in receipt.packages if rank(one.verification) < rank(required)]
    if weak:
        first = min(weak, key=lambda one: rank(one.verification))
        raise Refused(
            f"`{name}` is there, with `{first.name}` only `{first.verification}`, and `{required}` is required",
            hint=f"run `rocmswitch remove {name}`, then the same command again",
        )
