"""pylock.toml (PEP 751) as uv writes it for one Python: what a resolution has found, with addresses and hashes."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

import msgspec

from rocmswitch.errors import Failed
from rocmswitch.metadata.wheelindex import IndexedFile
from rocmswitch.model.package import Digest


class _File(msgspec.Struct, frozen=True):
    """Keys that are not needed are passed over, as PEP 751 asks readers to."""

    url: str = ""
    path: str = ""
    name: str = ""
    size: int | None = None
    hashes: dict[str, str] = {}


class _Package(msgspec.Struct, frozen=True):
    name: str
    version: str = ""
    wheels: tuple[_File, ...] = ()


class _Pylock(msgspec.Struct, frozen=True):
    lock_version: str = msgspec.field(name="lock-version")
    packages: tuple[_Package, ...] = ()


def parse_pylock(text: bytes, own: Iterable[str]) -> dict[tuple[str, str], tuple[IndexedFile, ...]]:
    """By name and version, the wheels from indexes and folders of each package but *own*.

    Raises Failed where it is not what PEP 751 describes.
    """
    known = frozenset(own)
    try:
        lock = msgspec.toml.decode(text, type=_Pylock)
        if lock.lock_version.partition(".")[0] != "1":
            raise ValueError(f"its version is {lock.lock_version}")
        return {
            (one.name, one.version): tuple(_indexed(file) for file in one.wheels)
            for one in lock.packages
            if one.name not in known
        }
    except (msgspec.MsgspecError, ValueError) as error:
        raise Failed(f"uv's answer is not a lock that can be read: {error}") from error


def _indexed(file: _File) -> IndexedFile:
    url = file.url or f"file://{file.path}"
    name = file.name or unquote(urlsplit(url).path.rpartition("/")[2])
    digest = Digest.sha256(file.hashes["sha256"]) if "sha256" in file.hashes else None
    return IndexedFile(name, url, digest, file.size)
