"""Kernel files in archives: which are unpacked for the chosen cards, and how much there is for each card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.stream import Unreadable
from rocmswitch.planning.gpufiles import Kernels, judged, named
from rocmswitch.store.compression import Unfit
from rocmswitch.store.members import FILE, Member, Tar
from rocmswitch.store.target import BASE, HEAD, Unpacking
from rocmswitch.store.unpack import read_archive


def wanted_members(kernels: Kernels, place: str) -> Callable[[Member, bytes], bool] | None:
    """What to unpack of a package that goes to *place*; None for everything. Links are told by their names."""
    if not kernels.gpus or place == BASE:
        return None

    def wanted(member: Member, head: bytes) -> bool:
        if member.kind != FILE:
            return kernels.needs(named(member.path))
        return kernels.wants(member.path, member.size, head)

    return wanted


def kernel_bytes(archive: Path) -> dict[str, int]:
    """By target, the bytes of the files in a package that are for it alone; several targets are parted by blanks.

    Writes nothing. Raises VerificationFailed where it is no package, and OSError.
    """
    counting = _Counting()
    try:
        with archive.open("rb") as file:
            read_archive(Unpacking(archive.name, archive, archive), file, counting)
    except (Unfit, Unreadable) as error:
        raise VerificationFailed(f"`{archive}` {error}") from error
    return dict(sorted(counting.sizes.items()))


class _Counting:
    """Looks at each file of a package, and forgets it."""

    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()
        self.sizes = Counter[str]()

    def put(self, member: Member, tar: Tar) -> None:
        head = tar.exactly(min(member.size, HEAD))
        for _ in tar.pieces(member.size - len(head)):
            continue
        one = judged(member.path, member.size, head) if member.kind == FILE else None
        if one is not None:
            self.sizes[" ".join(one.targets)] += member.size

    def missed(self) -> frozenset[str]:
        return frozenset()

    def unwrap(self) -> None:
        """Where a package goes does not matter to what is in it."""
