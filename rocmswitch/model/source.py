"""Where a stack's packages come from: repositories with the keys that sign them, and what is asked of them.

A part of the manifest, checked as model/stack.py says.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from rocmswitch.model.grammar import (
    FINGERPRINT,
    PACKAGE,
    SHA256,
    URL,
    WORD,
    WrongValue,
    each,
    is_plain_path,
    parse_root,
)
from rocmswitch.model.strict import Struct

SUITE = "{suite}"
"""Stands for the suite in the URL of an rpm source."""
FOLDER = "{folder}"
"""Stands for the host's folder in the URL of an apt source."""
SET_NAMES = ("runtime", "compiler", "libraries", "developer")


class Key(Struct, frozen=True):
    """Who may sign an index. Any one valid signature by a key with one of these fingerprints will do."""

    fingerprint: str | tuple[str, ...] = ()
    """Primary key fingerprints, 40 upper-case hex digits. Trust comes from these alone, never from the file. Empty
    where nobody could learn it: the source is refused until the user states it."""
    url: str | tuple[str, ...] = ()
    """Where the key itself can be fetched."""
    keyring: str = ""
    """A file that a machine may have already: `/usr/share/keyrings/debian-archive-keyring.gpg`."""

    def __post_init__(self) -> None:
        if not self.fingerprints and not self.url:
            raise WrongValue(("fingerprint",), "a fingerprint is needed, or where the key is")
        each(self.fingerprint, FINGERPRINT, ("fingerprint",), "a fingerprint: 40 upper-case hex digits")
        each(self.url, URL, ("url",), "an http or https URL")
        if self.keyring and not (self.keyring.startswith("/") and is_plain_path(self.keyring[1:])):
            raise WrongValue(("keyring",), f"`{self.keyring}` is not an absolute path without `..`")

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return (self.fingerprint,) if isinstance(self.fingerprint, str) else self.fingerprint

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.url,) if isinstance(self.url, str) else self.url


class Source(Struct, frozen=True):
    """A repository. `url` and `archive` exclude each other: an archive's mirror is chosen on the machine."""

    kind: Literal["apt", "rpm", "tarball", "wheels"]
    url: str = ""
    archive: Literal["", "debian"] = ""
    """A distribution's archive by name (`debian`): its mirror is the host's own, or the archive's main one."""
    suite: str | dict[str, str] = ""
    """The same everywhere, or by the host with a `default`: for apt by its code name (`noble`), for rpm by its
    family and major version (`el9`, `sles15`); of rpm it takes the place of `{suite}` in `url`."""
    folder: dict[str, str] = msgspec.field(default_factory=dict)
    """Of apt, where each system has a repository of its own with the same suite: what takes the place of `{folder}`
    in `url`, by the host's code name (`noble: ubuntu2404`) with a `default`."""
    components: tuple[str, ...] = ("main",)
    key: Key | None = None
    priority: int = 500
    """Higher wins, as with apt's pins; between equals the newer version wins."""
    digest: str = ""
    """Of a tarball: its SHA-256; empty where it is recorded on first use."""
    root: str = ""
    """The tree inside, where it is another than the stack's. A tarball is unpacked into this folder."""
    packages: tuple[str, ...] = ()
    """Only these names are taken from here; empty means all."""

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.archive):
            raise WrongValue(("url",), "exactly one of `url` and `archive` says where the source is")
        if self.url:
            each(self.url.replace(SUITE, "suite").replace(FOLDER, "folder"), URL, ("url",), "an http or https URL")
        if self.root and not is_plain_path(self.root):
            raise WrongValue(("root",), f"`{self.root}` is not a relative path without `.` and `..`")
        if not 1 <= self.priority <= 1000:
            raise WrongValue(("priority",), "a priority is a number from 1 to 1000")
        each(self.components, WORD, ("components",), "the name of a component")
        each(self.packages, PACKAGE, ("packages",), "the name of a package")
        self._check_kind()

    def _check_kind(self) -> None:
        """What a kind needs and what it has no use for."""
        if self.kind == "apt" and not self.suite:
            raise WrongValue(("suite",), "an apt source needs a suite")
        if self.kind not in ("apt", "rpm") and self.suite:
            raise WrongValue(("suite",), f"a source of kind `{self.kind}` has no suite")
        if self.kind != "apt" and self.archive:
            raise WrongValue(("archive",), "only an apt source has an archive")
        if self.kind == "rpm" and bool(self.suite) != (SUITE in self.url):
            raise WrongValue(("suite",), f"a suite of rpm takes the place of `{SUITE}` in the URL")
        if bool(self.folder) != (FOLDER in self.url) or (self.folder and self.kind != "apt"):
            raise WrongValue(("folder",), f"a folder of apt takes the place of `{FOLDER}` in the URL")
        self._check_names("suite", self.suites)
        self._check_names("folder", self.folder)
        if self.kind in ("apt", "rpm") and self.key is None:
            raise WrongValue(("key",), "a repository needs the key that signs it")
        if self.digest and not (self.kind == "tarball" and SHA256.fullmatch(self.digest)):
            raise WrongValue(("digest",), "only a tarball has a digest: a SHA-256")

    def _check_names(self, key: str, names: dict[str, str]) -> None:
        for code_name, name in names.items():
            if not WORD.fullmatch(name) or ".." in name:
                raise WrongValue((key, code_name) if code_name else (key,), f"`{name}` is not the name of a {key}")

    @property
    def suites(self) -> dict[str, str]:
        """By host; the empty name stands for every host."""
        return ({"": self.suite} if self.suite else {}) if isinstance(self.suite, str) else self.suite


class Sets(Struct, frozen=True):
    """Package roots. runtime is in all, developer has all. A version range may follow a name."""

    runtime: tuple[str, ...]
    compiler: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    developer: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.runtime:
            raise WrongValue(("runtime",), "the runtime set needs at least one package")
        for name in SET_NAMES:
            for index, root in enumerate(getattr(self, name)):
                try:
                    parse_root(root)
                except ValueError as error:
                    raise WrongValue((name, index), str(error)) from error
