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

from rocmswitch.errors import MachineLacks, VerificationFailed
from rocmswitch.metadata.cpio import read_archive
from rocmswitch.metadata.stream import Stream, Unreadable
from rocmswitch.store.archive import Envelope, Unfit
from rocmswitch.store.members import FILE, Limits, Tar, read_members
from rocmswitch.system import process
from rocmswitch.system.reading import open_regular

_LIMITS = Limits()
_DESCRIPTION_LIMIT = 16 * 1024 * 1024
LARGEST = 512 * 1024 * 1024
"""Bytes of a file. The largest amdgpu with its debugging symbols has 400 MB."""
_FIELD = re.compile(r"^(Package|Version|pkgname|pkgver)(?::| =)[ \t]*(\S+)[ \t]*$", re.MULTILINE)
_QUERY = r"%{NAME}\n%{EVR}\n"


@dataclass(frozen=True)
class PackageFile:
    """A package that lies in *path*, by what it says of itself."""

    path: Path
    kind: str
    """`deb`, `rpm` or `pacman`."""
    name: str
    version: str


def open_package(path: Path) -> PackageFile:
    """What *path* is. Raises VerificationFailed where it is no package, MachineLacks, OSError."""
    with _refusing(path), open_regular(path, buffered=True) as file:
        start = file.read(8)
        if start.startswith(b"!<arch>"):
            return PackageFile(path, "deb", *_described(_control(path), "Package", "Version"))
        if start.startswith(b"\xed\xab\xee\xdb"):
            name, _, version = _asked(["rpm", "-qp", "--qf", _QUERY, str(path)]).decode().strip().partition("\n")
            return PackageFile(path, "rpm", name, version)
        if ".pkg.tar" in path.name:
            return PackageFile(path, "pacman", *_described(_tar_member(path, ".PKGINFO"), "pkgname", "pkgver"))
        raise Unfit("is no package that is understood")


def members(package: PackageFile, wanted: Collection[str]) -> dict[str, bytes]:
    """The contents of the files *wanted*, paths below a root, as far as *package* has them.

    `lib/` and `usr/lib/` are one: which of them a package says depends on its age. Raises VerificationFailed,
    MachineLacks, OSError.
    """
    by_plain = {_plain(one): one for one in wanted}
    read = {"deb": _deb_members, "rpm": _rpm_members, "pacman": _pacman_members}[package.kind]
    with _refusing(package.path):
        return {by_plain[path]: content for path, content in read(package.path, by_plain)}


def _deb_members(path: Path, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    with open_regular(path, buffered=True) as file:
        envelope = Envelope(file)
        tar = Tar(envelope.data(), _LIMITS.bytes_from(path.stat().st_size))
        for member in read_members(tar, _LIMITS):
            if member.kind == FILE and _plain(member.path) in wanted and member.size <= LARGEST:
                yield _plain(member.path), tar.exactly(member.size)
            elif member.kind == FILE:
                for _ in tar.pieces(member.size):
                    pass
        tar.finish()
        envelope.finish()


def _rpm_members(path: Path, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    unpacked = _asked(["rpm2cpio", str(path)])
    stream = Stream(iter([unpacked]))
    yield from ((_plain(one), content) for one, content in read_archive(stream, lambda one: _plain(one) in wanted))


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


def _asked(command: list[str]) -> bytes:
    """What rpm's own programs say, for its format is theirs. Raises MachineLacks, Unfit."""
    try:
        done = process.run(command, environment={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    except FileNotFoundError as error:
        raise MachineLacks(f"opening an rpm needs the program `{command[0]}`, which is not here") from error
    if done.code or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise Unfit(f"cannot be opened ({said})")
    return done.stdout


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
