"""Archives that no honest tool makes: .deb files written byte by byte, from tar members of any kind."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import zstandard

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
}


@dataclass(frozen=True)
class TarMember:
    """One member as it will stand in the archive, whatever it says. `type` is tarfile's: REGTYPE, SYMTYPE, …"""

    name: str
    content: bytes = b""
    type: bytes = tarfile.REGTYPE
    target: str = ""
    mode: int = 0o644
    mtime: int = 1_600_000_000


def folder(name: str) -> TarMember:
    return TarMember(name, type=tarfile.DIRTYPE, mode=0o755)


def symlink(name: str, target: str) -> TarMember:
    return TarMember(name, type=tarfile.SYMTYPE, target=target)


def hard_link(name: str, target: str) -> TarMember:
    return TarMember(name, type=tarfile.LNKTYPE, target=target)


def tar(members: Iterable[TarMember], *, encoding: str = "utf-8") -> bytes:
    """A GNU tar archive, as dpkg-deb writes them."""
    parts = []
    for one in members:
        header = tarfile.TarInfo(one.name)
        header.type, header.linkname, header.mode = one.type, one.target, one.mode
        header.size, header.mtime = len(one.content), one.mtime
        parts.append(header.tobuf(tarfile.GNU_FORMAT, encoding, "surrogateescape"))
        parts.append(one.content + bytes(-len(one.content) % 512))
    return b"".join(parts) + bytes(1024)


def ar(members: Iterable[tuple[str, bytes]]) -> bytes:
    """An ar archive."""
    parts = [b"!<arch>\n"]
    for name, content in members:
        parts.append(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
        parts.append(content + b"\n" * (len(content) % 2))
    return b"".join(parts)


def deb(path: Path, *members: TarMember, compression: str = ".xz") -> Path:
    """A .deb whose data.tar holds *members*."""
    return deb_of(path, COMPRESS[compression](tar(members)), name=f"data.tar{compression}")


def deb_of(path: Path, data: bytes, *, name: str = "data.tar.xz") -> Path:
    """A .deb with *data* as the content of its last member, whatever that is."""
    control = gzip.compress(tar([TarMember("./control", b"Package: hostile\n")]))
    path.write_bytes(ar([("debian-binary", b"2.0\n"), ("control.tar.gz", control), (name, data)]))
    return path
