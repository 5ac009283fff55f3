"""Boot images (initramfs): archives one after the other, plain ones first, as the kernel unpacks them.

initramfs-tools, dracut and mkinitcpio all write an uncompressed archive with the processor's microcode, newer ones
with compressed modules as well, and behind it a compressed one. Where a name comes twice, the last one counts, here
as in the kernel (init/initramfs.c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rocmswitch.metadata.cpio import MAGICS, read_archive
from rocmswitch.metadata.stream import Stream, Unreadable
from rocmswitch.metadata.unpacking import Unpacker, unpacker_of

_UNPACKED_LIMIT = 8 * 1024**3


def read_image(
    pieces: Iterator[bytes], wanted: Callable[[str], bool], others: Mapping[bytes, Unpacker] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Each wanted file, by its path, in the order in which the kernel unpacks them: the last one of a path counts.

    *others* unpack what no library here can, by the bytes with which it begins. Only one wanted file is in memory,
    unless it has several names. Raises Unreadable, OSError.
    """
    stream = Stream(pieces)
    if not stream.skip_zeros():
        raise Unreadable("is empty")
    while stream.skip_zeros():
        unpack = unpacker_of(stream.peek(8), others)
        if unpack is None:
            _expect_archive(stream)
            yield from read_archive(stream, wanted)
        else:
            yield from _archives(Stream(_bounded(unpack(stream))), wanted)


def _archives(unpacked: Stream, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    while unpacked.skip_zeros():
        _expect_archive(unpacked)
        yield from read_archive(unpacked, wanted)


def _expect_archive(stream: Stream) -> None:
    if stream.peek(6) not in MAGICS:
        raise Unreadable("holds something that is no archive" if stream.position else "is no boot image")


def _bounded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    count = 0
    for piece in pieces:
        count += len(piece)
        if count > _UNPACKED_LIMIT:
            raise Unreadable("becomes larger than any memory when it is unpacked")
        yield piece
