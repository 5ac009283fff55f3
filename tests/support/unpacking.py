"""One package unpacked by the part that unpacks a stack."""

from __future__ import annotations

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.unpack import Unpacker, Unpacking
from rocmswitch.system.disk import Disk


def unpack(work: Unpacking, disk: Disk) -> tuple[FileEntry, ...]:
    """Its entries: one for each path, parents included, relative to the tree."""
    with Unpacker(disk, 0) as unpacker:
        unpacker.submit(work)
        (done,) = unpacker.done()
    return done.entries


def refusal(work: Unpacking) -> str:
    """What is said of an archive that must not be accepted, after a look at what lies beside the tree."""
    with pytest.raises(VerificationFailed) as caught:
        unpack(work, Disk())
    assert [path.name for path in work.tree.parent.iterdir()] == [work.tree.name]
    assert caught.value.message.startswith(f"the archive of `{work.package}` ")
    assert caught.value.message.isprintable()
    return caught.value.message
