"""Boot images as the usual tools lay them out, of small archives.

    archive({"kernel/x86/microcode/AuthenticAMD.bin": b"early"}) + compressed(archive(files), "zstd")

Entries are in the order that is given; tests/integration/test_boot_images.py holds this against the real cpio.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Mapping, Sequence

import zstandard

FILE, FOLDER = 0o100644, 0o040755
COMPRESSIONS = ("gzip", "xz", "lzma", "bzip2", "zstd")


def archive(files: Mapping[str, bytes], linked: Sequence[Sequence[str]] = ()) -> bytes:
    """A cpio archive of *files* below their folders, with its end mark, filled up to blocks of 512 bytes.

    The names in one of *linked* are those of one file: as cpio writes it, its content stands with the last one.
    """
    entries = bytearray()
    folders = dict.fromkeys(path.rsplit("/", at)[0] for path in files for at in range(path.count("/"), 0, -1))
    for number, folder in enumerate(folders, 1):
        entries += entry(folder, b"", mode=FOLDER, inode=number)
    for number, (path, content) in enumerate(files.items(), len(folders) + 1):
        names = next((one for one in linked if path in one), (path,))
        first = list(files).index(names[0]) + len(folders) + 1
        is_last = path == [one for one in files if one in names][-1]
        entries += entry(path, content if is_last else b"", inode=min(first, number), links=len(names))
    entries += entry("TRAILER!!!", b"", mode=0)
    return bytes(entries) + b"\0" * (-len(entries) % 512)


def entry(path: str, content: bytes, *, mode: int = FILE, inode: int = 1, links: int = 1) -> bytes:
    """One entry of an archive."""
    name = path.encode() + b"\0"
    fields = (inode, mode, 0, 0, links, 0, len(content), 8, 1, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % one for one in fields) + name
    return _filled(header) + _filled(content)


def compressed(content: bytes, how: str) -> bytes:
    """*content* as one of COMPRESSIONS writes it, with the options that the tools of boot images use."""
    match how:
        case "gzip":
            return gzip.compress(content, 1, mtime=0)
        case "xz":
            return lzma.compress(content, check=lzma.CHECK_CRC32, preset=0)
        case "lzma":
            return lzma.compress(content, format=lzma.FORMAT_ALONE, preset=0)
        case "bzip2":
            return bz2.compress(content, 1)
        case "zstd":
            return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(content)
    raise ValueError(how)


def _filled(block: bytes) -> bytes:
    return block + b"\0" * (-len(block) % 4)
