"""What a prefix was to find on this machine, looked for once more: machines are upgraded, and packages removed."""

from __future__ import annotations

from collections.abc import Callable

from rocmswitch.host.libraries import HostLibraries, evidence
from rocmswitch.metadata.lock import Lock
from rocmswitch.model.host import Missing
from rocmswitch.model.receipt import Receipt
from rocmswitch.model.stack import Rocm

_Tested = Callable[[], "Lock | None"]
"""Reads the stack's tested lock, if there is one."""


def missing_now(receipt: Receipt, rocm: Rocm, libraries: HostLibraries, tested: _Tested) -> tuple[Missing, ...]:
    """Packages left to the host whose proof, as the manifest has it today, fails here now.

    Only those that an unpacked package needs itself: exactly these would be carried along if it were installed
    again, so nothing is told that an installation would not change. Where the receipt does not name them, the
    *tested* lock does. Raises ManifestMistake.
    """
    left = {name: version for name, _, version in (text.partition(" ") for text in receipt.host)}
    if not left:
        return ()
    relied_on = receipt.relied_on or _needed(receipt, tested())
    found = evidence(rocm.host, left.keys() & set(relied_on), libraries)
    return tuple(
        Missing(name, why, can_be_carried=bool(left[name]) and name not in rocm.host_only)
        for name, why in found.lacking
    )


def _needed(receipt: Receipt, tested: Lock | None) -> tuple[str, ...]:
    unpacked = {one.name for one in receipt.packages}
    packages = tested.packages if tested else ()
    return tuple(need for one in packages if one.name in unpacked for need in one.needs)
