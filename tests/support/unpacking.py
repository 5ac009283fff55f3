"""One package unpacked by the part that unpacks a stack."""

from __future__ import annotations

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.unpack import Unpacker, Unpacking
from rocmswitch.system.disk import Disk


def unpack(work: Unpacking, disk: Disk) -> tuple[FileEntry, ...]:
    """Its entries: one for each path, parents included, relative to the tree."""
    with Unpacker(disk, 0) as unpacker:
        unpacker.submit(work)
        (done,) = unpacker.done()
    return done.entries
