"""A suite's Packages file, made into an index: checked before and after decompression, read as it flows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rocmswitch.errors import Failed, NotFound
from rocmswitch.fetch.compressed import MAX_LIST, HalfSynchronised, ahead, checked, decompressed, read_listed
from rocmswitch.fetch.indexstore import IndexStore
from rocmswitch.fetch.keyring import Reader
from rocmswitch.fetch.place import Place
from rocmswitch.metadata.deb import Release, ReleaseFile, read_packages
from rocmswitch.metadata.debindex import PackageIndex, encode_index

_FORMS = {"Packages": "", "Packages.gz": "gz", "Packages.xz": "xz", "Packages.zst": "zst"}
"""How a file is packed, by its name."""
_QUICKEST = ("Packages.zst", "Packages.gz", "Packages.xz", "Packages")
"""The last is often listed and not there."""


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
    plain: dict[str, str] | None = None
    """Where the address of each file that is read is noted, with that of its plain form; then the form is taken
    that unpacks fastest, not the smallest."""

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
        pieces = checked(ahead(self._unpacked(place, release, listed)), listed.plain, f"{place.name}/{listed.path}")
        stanzas = read_packages(ahead(pieces), place.architecture, f"{place.name}/{listed.path}", self.names)
        data = encode_index(stanzas)
        self.store.keep_index(place.url, place.suite, listed.path, listed.identity.digest.value, data)

    def _unpacked(self, place: Place, release: Release, listed: ListedPackages) -> Iterator[bytes]:
        """The plain form. Unverified where it is kept packed in no form that is listed: its own hash is."""
        plain = place.in_suite(listed.path)
        pieces = self.http.unpacked(plain) if listed.plain else None
        if pieces is not None:
            return pieces
        form, content, url = self._fetch_best(place, release, listed)
        if self.plain is not None and listed.plain and form != listed.plain:
            self.plain[url] = plain
        name = form.path.rpartition("/")[2]
        return decompressed(content, _FORMS[name], name)

    def _fetch_best(self, place: Place, release: Release, listed: ListedPackages) -> tuple[ReleaseFile, bytes, str]:
        """The first form that is there and right: on a half-synchronised mirror another one may be.

        And its content and address.
        """
        problems: list[HalfSynchronised | NotFound] = []
        for form in sorted(listed.forms, key=_quickness) if self.plain is not None else listed.forms:
            try:
                return form, *self._fetch(place, form, by_hash=release.by_hash)
            except (HalfSynchronised, NotFound) as error:
                problems.append(error)
        raise next((one for one in problems if isinstance(one, HalfSynchronised)), problems[0])

    def _fetch(self, place: Place, form: ReleaseFile, *, by_hash: bool) -> tuple[bytes, str]:
        if by_hash:
            folder = form.path.rpartition("/")[0]
            url = place.in_suite(f"{folder}/by-hash/{form.digest.algorithm.upper()}/{form.digest.value}")
            try:
                return read_listed(self.http, url, form), url
            except NotFound:
                pass  # some mirrors keep no by-hash folders; the file's own name is the other way
        url = place.in_suite(form.path)
        return read_listed(self.http, url, form), url


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
    listed = (release.files.get(f"{folder}/{name}") for name in _FORMS)
    forms = sorted((one for one in listed if one and one.size <= MAX_LIST), key=lambda one: one.size)
    return ListedPackages(f"{folder}/Packages", tuple(forms), plain) if forms else None


def _quickness(form: ReleaseFile) -> int:
    return _QUICKEST.index(form.path.rpartition("/")[2])
