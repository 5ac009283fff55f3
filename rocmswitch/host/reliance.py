"""What a prefix was to find on this machine, looked for once more: machines are upgraded, and packages removed."""

from __future__ import annotations

from rocmswitch.host.libraries import HostLibraries, evidence
from rocmswitch.model.host import Missing
from rocmswitch.model.receipt import Receipt
from rocmswitch.model.stack import Rocm


def missing_now(receipt: Receipt, rocm: Rocm, libraries: HostLibraries) -> tuple[Missing, ...]:
    """Packages left to the host whose proof, as the manifest has it today, fails here now.

    Only those that an unpacked package needs itself: exactly these would be carried along if it were installed
    again, so nothing is told that an installation would not change.
    """
    left = {name: version for name, _, version in (text.partition(" ") for text in receipt.host)}
    found = evidence(rocm.host, left.keys() & set(receipt.relied_on), libraries)
    return tuple(
        Missing(name, why, can_be_carried=bool(left[name]) and name not in rocm.host_only)
        for name, why in found.lacking
    )
