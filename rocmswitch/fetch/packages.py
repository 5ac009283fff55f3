"""A suite's Packages file, made into an index: checked before and after decompression, read as it flows."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from rocmswitch.errors import Failed, NotFound, VerificationFailed
from rocmswitch.fetch.indexstore import IndexStore
from rocmswitch.fetch.keyring import Reader
from rocmswitch.fetch.place import Place
from rocmswitch.metadata.deb import Release, ReleaseFile, read_packages
from rocmswitch.metadata.debindex import PackageIndex, encode_index

MAX_PACKAGES_FILE = 512 * 1024 * 1024
"""Bytes, decompressed. Debian's sid has 65 MB."""

PIECE = 1024 * 1024
MAX_ZSTD_WINDOW = 1 << 27
"""Bytes of memory that a zstd file may ask for: what `zstd --long` writes."""


class HalfSynchronised(VerificationFailed):
    """A file is not what the Release file beside it says: the mirror is between two states."""


@dataclass(frozen=True)
class ListedPackages:
    """A Packages file, with the forms of it that Release lists, the smallest first."""

    path: str
    """Of the plain form: `main/binary-amd64/Packages`."""
    forms: tuple[ReleaseFile, ...]
    plain: ReleaseFile | None

    @property
    def identity(self) -> ReleaseFile:
        """The form whose hash names the content: the plain one, listed even where it does not exist."""
        return self.plain or self.forms[0]


@dataclass(frozen=True)
class PackagesReader:
    """Makes indexes, or takes them from the cache."""

    http: Reader
    store: IndexStore
    names: frozenset[str] = frozenset()
    """Only packages of these names are read; empty for all."""
    quick: bool = False
    """Take the form that unpacks fastest, not the smallest."""

    def open(self, place: Place, release: Release) -> Iterator[tuple[PackageIndex, ReleaseFile]]:
        """The index of each component, and the file it was made of.

        Raises NotFound where the suite lacks one, HalfSynchronised, VerificationFailed, NetworkFailed.
        """
        for listed in listed_packages(place, release):
            index = self._load(place, listed)
            if index is None:
                self._make(place, release, listed)
                index = self._load(place, listed)
            if index is None:
                raise Failed(f"the index of `{place.name}` was changed by somebody else while it was made")
            yield index, listed.identity

    def forget_others(self, place: Place, release: Release) -> None:
        """Keep of this suite only the indexes of *release*."""
        for listed in listed_packages(place, release):
            self.store.forget_other_indexes(place.url, place.suite, listed.path, listed.identity.digest.value)

    def _load(self, place: Place, listed: ListedPackages) -> PackageIndex | None:
        data = self.store.index(place.url, place.suite, listed.path, listed.identity.digest.value)
        try:
            return PackageIndex(data, str(place.position), only=place.only) if data is not None else None
        except ValueError:
            return None

    def _make(self, place: Place, release: Release, listed: ListedPackages) -> None:
        form, content = self._fetch_best(place, release, listed)
        pieces = _checked(decompressed(content, form.path.rpartition("/")[2]), listed, place)
        stanzas = read_packages(_ahead(pieces), place.architecture, f"{place.name}/{listed.path}", self.names)
        data = encode_index(stanzas)
        self.store.keep_index(place.url, place.suite, listed.path, listed.identity.digest.value, data)

    def _fetch_best(self, place: Place, release: Release, listed: ListedPackages) -> tuple[ReleaseFile, bytes]:
        """The first form that is there and right: on a half-synchronised mirror another one may be."""
        problems: list[HalfSynchronised | NotFound] = []
        for form in sorted(listed.forms, key=_quickness) if self.quick else listed.forms:
            try:
                return form, self._fetch(place, form, by_hash=release.by_hash)
            except (HalfSynchronised, NotFound) as error:
                problems.append(error)
        raise next((one for one in problems if isinstance(one, HalfSynchronised)), problems[0])

    def _fetch(self, place: Place, form: ReleaseFile, *, by_hash: bool) -> bytes:
        if by_hash:
            folder = form.path.rpartition("/")[0]
            url = place.in_suite(f"{folder}/by-hash/{form.digest.algorithm.upper()}/{form.digest.value}")
            try:
                return self._read_exactly(url, form)
            except NotFound:
                pass  # some mirrors keep no by-hash folders; the file's own name is the other way
        return self._read_exactly(place.in_suite(form.path), form)

    def _read_exactly(self, url: str, form: ReleaseFile) -> bytes:
        try:
            content = self.http.read(url, limit=form.size)
        except VerificationFailed as error:
            raise _half_synchronised(
                url, f"more than the {form.size} bytes that its Release file states"
            ) from error
        if len(content) != form.size:
            raise _half_synchronised(url, f"{len(content)} bytes, not the {form.size} that its Release file states")
        if hashlib.new(form.digest.algorithm, content).hexdigest() != form.digest.value:
            raise _half_synchronised(url, "another content than its Release file states")
        return content


def listed_packages(place: Place, release: Release) -> Iterator[ListedPackages]:
    """The Packages files of every component, for the architecture and, where it is apart, for `all`."""
    for component in place.components:
        found = _listed(f"{component}/binary-{place.architecture}", release)
        if found is None:
            raise NotFound(f"`{place.name}` has no packages in `{component}` for `{place.architecture}`")
        yield found
        apart = _listed(f"{component}/binary-all", release) if release.all_apart else None
        if apart:
            yield apart


def _listed(folder: str, release: Release) -> ListedPackages | None:
    plain = release.files.get(f"{folder}/Packages")
    listed = (release.files.get(f"{folder}/{name}") for name in DECOMPRESSORS)
    forms = sorted((one for one in listed if one and one.size <= MAX_PACKAGES_FILE), key=lambda one: one.size)
    return ListedPackages(f"{folder}/Packages", tuple(forms), plain) if forms else None


def _quickness(form: ReleaseFile) -> int:
    return _QUICKEST.index(form.path.rpartition("/")[2])


def _checked(pieces: Iterator[bytes], listed: ListedPackages, place: Place) -> Iterator[bytes]:
    """The same pieces; at their end their number of bytes and their hash have been checked.

    What was read before is used only if this ends without an error.
    """
    expected = listed.plain
    limit = expected.size if expected else MAX_PACKAGES_FILE
    digest = hashlib.new(expected.digest.algorithm if expected else "sha256")
    count = 0
    for piece in pieces:
        count += len(piece)
        if count > limit:
            raise VerificationFailed(f"`{place.name}/{listed.path}` has more than {limit} bytes when decompressed")
        digest.update(piece)
        yield piece
    if expected and (count, digest.hexdigest()) != (expected.size, expected.digest.value):
        raise VerificationFailed(
            f"`{place.name}/{listed.path}` is not what its Release file says, when decompressed"
        )


def _ahead(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, the next one being made by another thread while one is used.

    Decompressing and hashing let other threads run, and take as long as what is done with the result.
    """
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, pieces, b"")
        while piece := coming.result():
            coming = pool.submit(next, pieces, b"")
            yield piece


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def _pieces(file: _Readable) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _zst_pieces(content: bytes) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW)
    try:
        yield from _pieces(decompressor.stream_reader(content, read_across_frames=True))
    except zstandard.ZstdError as error:
        raise OSError(str(error)) from error


DECOMPRESSORS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "Packages": lambda content: _pieces(io.BytesIO(content)),
    "Packages.gz": lambda content: _pieces(gzip.GzipFile(fileobj=io.BytesIO(content))),
    "Packages.xz": lambda content: _pieces(lzma.LZMAFile(io.BytesIO(content))),  # noqa: SIM115 (no file is open)
    "Packages.zst": _zst_pieces,
}
"""By the file's name."""
_QUICKEST = ("Packages.zst", "Packages.gz", "Packages.xz", "Packages")
"""The last is often listed and not there."""


def decompressed(content: bytes, name: str) -> Iterator[bytes]:
    """*content* without its compression, in pieces. Raises VerificationFailed where it cannot be decompressed."""
    try:
        yield from DECOMPRESSORS[name](content)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise VerificationFailed(f"`{name}` cannot be decompressed: {error}") from error


def _half_synchronised(url: str, found: str) -> HalfSynchronised:
    return HalfSynchronised(
        f"`{url}` has {found}: the mirror is being synchronised",
        hint="try again later: run the same command in some minutes",
    )
