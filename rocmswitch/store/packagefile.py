"""A package in a file, opened for a few of its members: .deb, .rpm, and pacman's .pkg.tar. Nothing of it is run.

What it says it is, and what its members hold, is read; whether that is to be believed is for whoever knows a hash.
"""

from __future__ import annotations

import contextlib
import re
import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata import rpmheader
from rocmswitch.metadata.stream import Unreadable
from rocmswitch.store.archive import Envelope, Unfit
from rocmswitch.store.members import FILE, Limits, Member, Tar, read_members
from rocmswitch.store.target import Unpacking
from rocmswitch.store.unpack import read_archive
from rocmswitch.system.reading import open_regular

_LIMITS = Limits()
_DESCRIPTION_LIMIT = 16 * 1024 * 1024
LARGEST = 512 * 1024 * 1024
"""Bytes of a file. The largest amdgpu with its debugging symbols has 400 MB."""
_FIELD = re.compile(r"^(Package|Version|pkgname|pkgver)(?::| =)[ \t]*(\S+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class PackageFile:
    """A package that lies in *path*, by what it says of itself."""

    path: Path
    kind: str
    """`deb`, `rpm` or `pacman`."""
    name: str
    version: str


def open_package(path: Path) -> PackageFile:
    """What *path* is. Raises VerificationFailed where it is no package, OSError."""
    with _refusing(path), open_regular(path, buffered=True) as file:
        start = file.read(8)
        if start.startswith(b"!<arch>"):
            return PackageFile(path, "deb", *_described(_control(path), "Package", "Version"))
        if start.startswith(rpmheader.MAGIC):
            file.seek(0)
            return PackageFile(path, "rpm", *_labelled(rpmheader.read_header(file).header))
        if ".pkg.tar" in path.name:
            return PackageFile(path, "pacman", *_described(_tar_member(path, ".PKGINFO"), "pkgname", "pkgver"))
        raise Unfit("is no package that is understood")


def members(package: PackageFile, wanted: Collection[str]) -> dict[str, bytes]:
    """The contents of the files *wanted*, paths below a root, as far as *package* has them.

    `lib/` and `usr/lib/` are one: which of them a package says depends on its age. Raises VerificationFailed,
    OSError.
    """
    by_plain = {_plain(one): one for one in wanted}
    read = {"deb": _system_members, "rpm": _system_members, "pacman": _pacman_members}[package.kind]
    with _refusing(package.path):
        return {by_plain[path]: content for path, content in read(package.path, by_plain)}


def _system_members(path: Path, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Of a .deb or an .rpm, which is read to its end before any of it counts."""
    collecting = _Collecting(wanted)
    with open_regular(path, buffered=True) as file:
        read_archive(Unpacking(path.name, path, path), file, collecting)
    yield from collecting.found.items()


class _Collecting:
    """Keeps what is wanted of an archive, and passes over everything else."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.notes: tuple[str, ...] = ()
        self.found: dict[str, bytes] = {}
        self._wanted = wanted

    def put(self, member: Member, tar: Tar) -> None:
        path = _plain(member.path)
        if member.kind == FILE and path in self._wanted and member.size <= LARGEST:
            self.found[path] = tar.exactly(member.size)
        elif member.kind == FILE:
            for _ in tar.pieces(member.size):
                continue

    def missed(self) -> frozenset[str]:
        return frozenset()

    def unwrap(self) -> None:
        """Only a flat archive has a folder around it."""


def _pacman_members(path: Path, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    with _tar(path) as tar:
        for member in tar:
            if member.isfile() and _plain(member.name) in wanted and member.size <= LARGEST:
                content = tar.extractfile(member)
                if content is not None:
                    yield _plain(member.name), content.read()


def _control(path: Path) -> bytes:
    """The description in a .deb."""
    with open_regular(path, buffered=True) as file:
        tar = Tar(Envelope(file).control(), _DESCRIPTION_LIMIT)
        for member in read_members(tar, _LIMITS):
            content = tar.exactly(member.size)
            if member.kind == FILE and member.path == "control":
                return content
    raise Unfit("has no description")


def _tar_member(path: Path, name: str) -> bytes:
    with _tar(path) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.name == name and member.isfile() else None
            if content is not None:
                return content.read(_DESCRIPTION_LIMIT)
    raise Unfit("has no description")


@contextlib.contextmanager
def _tar(path: Path) -> Iterator[tarfile.TarFile]:
    """Read in order, never extracted to names that it says."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open_regular(path, buffered=True))
        if path.suffix == ".zst":
            import zstandard

            decoder = zstandard.ZstdDecompressor()
            file = cast(BinaryIO, stack.enter_context(decoder.stream_reader(file, read_across_frames=True)))
        mode: Literal["r|", "r|*"] = "r|" if path.suffix == ".zst" else "r|*"
        yield stack.enter_context(tarfile.open(fileobj=file, mode=mode))


def _described(content: bytes, name: str, version: str) -> tuple[str, str]:
    fields = dict(_FIELD.findall(content.decode(errors="replace")))
    if name not in fields or version not in fields:
        raise Unfit("says neither what it is nor of which version")
    return fields[name], fields[version]


def _labelled(header: rpmheader.Section) -> tuple[str, str]:
    """Name and version as rpm's own `%{EVR}` has it: with an epoch of 0 where one is stated."""
    version = f"{header.text(rpmheader.VERSION)}-{header.text(rpmheader.RELEASE)}"
    epoch = "".join(f"{one}:" for one in header.numbers(rpmheader.EPOCH)[:1])
    return header.text(rpmheader.NAME), epoch + version


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (Unfit, Unreadable) as error:
        raise VerificationFailed(f"the package `{path}` {error}") from error
    except (tarfile.TarError, EOFError) as error:
        raise VerificationFailed(f"the package `{path}` cannot be read ({error})") from error


def _plain(path: str) -> str:
    return path.removeprefix("./").lstrip("/").removeprefix("usr/")
