"""The members of a tar archive, each checked before anything is done with it; and what every member must be.

Python's tarfile reads the 512 bytes of a header; its extraction filters are not used, because they were
bypassed (CVE-2025-4517, CVE-2025-4330). What dpkg does not understand (sparse files; PAX headers, except in a
portable archive) is refused.
"""

from __future__ import annotations

import posixpath
import tarfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from rocmswitch.store.compression import Unfit
from rocmswitch.store.paxrecords import PAX_LIMIT, parse_records

FILE = "file"
DIRECTORY = "directory"
LINK = "link"
HARD_LINK = "hard link"

_MODE_MASK = 0o555
"""No setuid, setgid or sticky bit, and nobody writes: a tree is written once."""

_BLOCK = 512
_MEBIBYTE = 1024 * 1024
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: control and format characters (which reorder text), halves of pairs, separators of lines."""
_KINDS = {
    tarfile.REGTYPE: FILE,
    tarfile.AREGTYPE: FILE,
    tarfile.DIRTYPE: DIRECTORY,
    tarfile.SYMTYPE: LINK,
    tarfile.LNKTYPE: HARD_LINK,
}
_NAMES = {
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a FIFO",
    tarfile.XHDTYPE: "a PAX header",
    tarfile.XGLTYPE: "a PAX header",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}
_LONGER = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}


@dataclass(frozen=True)
class Limits:
    """What one package may hold. Sizes are bytes."""

    members: int = 200_000
    size: int = 64 * 1024 * _MEBIBYTE
    """Of the uncompressed tar archive, headers and filling included."""
    ratio: int = 400
    """Uncompressed bytes per compressed byte, beyond 64 MiB: the highest seen in ROCm's packages is 15."""
    path: int = 1024
    depth: int = 64

    @classmethod
    def for_installed_size(cls, installed_size: int) -> Limits:
        """Four times what the signed index states, and 64 MiB: Installed-Size is an estimate (Policy 5.6.20).

        Debian counts at least 1 KiB for each path, CPack only what is in files: hence 20,000 paths more.
        """
        if not installed_size:
            return cls()
        return cls(
            members=min(cls.members, 20_000 + installed_size // 512),
            size=min(cls.size, 4 * installed_size + 64 * _MEBIBYTE),
        )

    def bytes_from(self, archive_size: int) -> int:
        """How much an archive of *archive_size* bytes may become."""
        return min(self.size, max(64 * _MEBIBYTE, self.ratio * archive_size))


@dataclass(frozen=True)
class Member:
    """One path of a package, relative, normalised and inside. `mtime` is in seconds since 1970."""

    path: str
    kind: str
    mode: int
    size: int
    mtime: int
    target: str = ""
    """Of a symlink as it stands there, of a hard link a path like `path`."""
    stated: tuple[str, str] = ("", "")
    """The hash that the package itself states of a file: its algorithm and hex digits; both empty for none."""


class Tar:
    """Bytes of an uncompressed archive in order, at most *limit* of them."""

    def __init__(self, pieces: Iterator[bytes], limit: int) -> None:
        self._pieces = pieces
        self._left = limit
        self._piece = memoryview(b"")

    def exactly(self, count: int) -> bytes:
        return b"".join(self.pieces(count))

    def pieces(self, count: int) -> Iterator[memoryview]:
        """The next *count* bytes as they come, without copying them. Raises Unfit where there are fewer."""
        while count:
            if not self._piece and not self._refill():
                raise Unfit("ends too early")
            piece, self._piece = self._piece[:count], self._piece[count:]
            count -= len(piece)
            yield piece

    def finish(self) -> None:
        """Read the filling after the last member, which nobody must be able to hide anything in."""
        while self._piece or self._refill():
            if any(self._piece):
                raise Unfit("has bytes after the end of its archive")
            self._piece = memoryview(b"")

    def _refill(self) -> bool:
        piece = next(self._pieces, b"")
        self._left -= len(piece)
        if self._left < 0:
            raise Unfit("unpacks to far more than its package states")
        self._piece = memoryview(piece)
        return bool(piece)


def read_members(tar: Tar, limits: Limits, *, portable: bool = False) -> Iterator[Member]:
    """Each member; of one that is a file, the consumer takes exactly its size from *tar* before the next.

    A *portable* archive may have PAX headers, which dpkg does not understand. Raises Unfit.
    """
    stated: dict[str, str] = {}
    count = 0
    while (header := _header(tar)) is not None:
        count += 1
        if count > limits.members:
            raise Unfit(f"has more than {limits.members} members")
        before = _stated_before(tar, header, limits, portable=portable)
        if before is not None:
            if before.keys() & stated.keys():
                raise Unfit("has two long names for one member")
            stated |= before
            continue
        member = _checked(header, stated, limits)
        stated = {}
        if member is not None:
            yield member
            _filling(tar, member.size)
    if stated:
        raise Unfit("ends after a long name")


def inside(path: str) -> bool:
    """Whether a normalised relative path stays below where it starts."""
    return path != ".." and not path.startswith(("../", "/"))


def _header(tar: Tar) -> tarfile.TarInfo | None:
    """The next header; None at the block of zeros that ends the archive."""
    block = tar.exactly(_BLOCK)
    if not any(block):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except UnicodeDecodeError as error:
        raise Unfit("has a name that is not UTF-8") from error
    except (tarfile.HeaderError, ValueError) as error:
        raise Unfit(f"has a garbled member ({error})") from error


def _long_name(tar: Tar, header: tarfile.TarInfo, limits: Limits) -> str:
    """The name that GNU tar puts in front of a member where the header is too short for it."""
    if not 0 < header.size <= limits.path + 1:
        raise Unfit(f"has a name of {header.size} bytes")
    name = tar.exactly(header.size)
    _filling(tar, header.size)
    try:
        return name.rstrip(b"\0").decode()
    except UnicodeDecodeError as error:
        raise Unfit("has a name that is not UTF-8") from error


def _stated_before(tar: Tar, header: tarfile.TarInfo, limits: Limits, *, portable: bool) -> dict[str, str] | None:
    """What *header* says of the member after it, by PAX's keywords; None where it is a member itself."""
    if header.type in _LONGER:
        return {_LONGER[header.type]: _long_name(tar, header, limits)}
    if not portable or header.type not in (tarfile.XHDTYPE, tarfile.XGLTYPE):
        return None
    if not 0 < header.size <= PAX_LIMIT:
        raise Unfit(f"has a PAX header of {header.size} bytes")
    found = parse_records(tar.exactly(header.size))
    _filling(tar, header.size)
    if found and header.type == tarfile.XGLTYPE:
        raise Unfit(f"has a PAX header that gives one `{next(iter(found))}` to all members")
    return found


def _filling(tar: Tar, size: int) -> None:
    tar.exactly(-size % _BLOCK)


def _checked(header: tarfile.TarInfo, stated: dict[str, str], limits: Limits) -> Member | None:
    """The member that a header describes, by what is *stated* before it; None for the root of the tree itself."""
    name, target = stated.get("path", header.name), stated.get("linkpath", header.linkname)
    header.size = int(stated.get("size", header.size))
    kind = _KINDS.get(header.type)
    if kind is None:
        what = _NAMES.get(header.type, f"of type {header.type!r}, which is not understood")
        raise Unfit(f"has a member, `{_shown(name)}`, that is {what}")
    path = relative(name, limits)
    if header.size < 0 or (kind != FILE and header.size):
        raise Unfit(f"states an impossible size for `{path}`")
    if path == ".":
        if kind != DIRECTORY:
            raise Unfit(f"has a {kind} in place of its root")
        return None
    leads_to = checked_target(kind, path, target, limits)
    return Member(path, kind, permissions(header.mode, kind), header.size, time_of(int(header.mtime)), leads_to)


def permissions(mode: int, kind: str) -> int:
    """What a member of *kind* gets where its archive says *mode*."""
    if kind == LINK:
        return 0o777
    return 0o755 if kind == DIRECTORY else mode & _MODE_MASK | 0o444


def time_of(mtime: int) -> int:
    """Within what every file system can keep: 1970 to 2106."""
    return min(max(mtime, 0), 2**32 - 1)


def checked_target(kind: str, path: str, target: str, limits: Limits) -> str:
    """Where a link leads. An absolute symlink means the root of the package's own tree. Raises Unfit."""
    if kind == HARD_LINK:
        return relative(target, limits)
    if kind != LINK:
        return ""
    _check_text(target, limits)
    leads_to = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if not target or not (target.startswith("/") or inside(leads_to)):
        raise Unfit(f"has a symlink, `{path}`, that leads out of the tree (`{_shown(target)}`)")
    return target


def relative(name: str, limits: Limits) -> str:
    """A member's name as a path below the tree: `./usr/bin/` is `usr/bin`, and `.` the tree. Raises Unfit."""
    _check_text(name, limits)
    parts = [one for one in name.split("/") if one not in ("", ".")]
    if name.startswith("/"):
        raise Unfit(f"has a member with an absolute name (`{_shown(name)}`)")
    if ".." in parts:
        raise Unfit(f"has a member that leaves the tree (`{_shown(name)}`)")
    if len(parts) > limits.depth or any(len(one.encode()) > 255 for one in parts):
        raise Unfit(f"has a name that is too deep or too long (`{_shown(name)}`)")
    return "/".join(parts) or "."


def _check_text(text: str, limits: Limits) -> None:
    if text.isascii() and text.isprintable() and len(text) <= limits.path:
        return
    if len(text.encode("utf-8", "replace")) > limits.path:
        raise Unfit(f"has a name of {len(text)} characters")
    if any(unicodedata.category(one) in _UNPRINTABLE for one in text):
        raise Unfit(f"has a name with control characters (`{_shown(text)}`)")


def _shown(text: str) -> str:
    """A hostile name as it can be printed."""
    return text[:80].encode("unicode_escape").decode("ascii") if not text.isprintable() else text[:80]
