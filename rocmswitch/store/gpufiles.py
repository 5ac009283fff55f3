"""Kernel files in archives: which are unpacked for the chosen cards, and how much there is for each card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.stream import Unreadable
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import LeftOut
from rocmswitch.planning.gpufiles import Kernels, judged, named
from rocmswitch.store.compression import Unfit
from rocmswitch.store.members import FILE, LINK, Member, Tar
from rocmswitch.store.target import BASE, HEAD, Unpacking, leads_to, way
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


def leading_away(entries: Iterable[FileEntry], kernels: Kernels) -> dict[str, LeftOut]:
    """By path the links of a tree that lead to what *kernels* do not need and another package would have brought.

    They go with it, each as a record of its own package: whoever wants its target has that package unpacked again.
    """
    if not kernels.gpus:
        return {}
    there = {one.path: one for one in entries}
    links = {path: leads_to(one) for path, one in there.items() if one.kind == LINK}
    found: dict[str, LeftOut] = {}
    for path in links:
        *_, end = way(path, links)
        file = named(end)
        if end not in there and file is not None and not kernels.needs(file):
            found[path] = LeftOut(there[path].package, file.library, " ".join(file.targets), 1, 0)
    return found


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
