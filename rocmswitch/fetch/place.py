"""Where a source of a manifest is on this machine: which server, which suite, by which keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from rocmswitch.errors import Failed, NotFound
from rocmswitch.model.host import Host
from rocmswitch.model.source import FOLDER, SUITE, Key, Source
from rocmswitch.planning.suites import folder_for, suite_for

ARCHIVES = {"debian": "http://ftp.debian.org/debian"}
"""Main mirrors. http, because ftp.debian.org has no certificate of its own; signatures make up for that."""


@dataclass(frozen=True)
class Mirrors:
    """What stands in for the addresses in a manifest."""

    chosen: str | None = None
    """The user's own (`--mirror`). For a source with a `url` it takes the place of scheme and host:
    `https://repo.radeon.com/rocm/apt/6.2.4` becomes MIRROR/rocm/apt/6.2.4. For a source with an `archive` it is
    the archive's root; in a stack that has sources of both kinds it stands for the `url` ones only."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """By archive (`debian`): the mirror that the machine's own apt uses."""


@dataclass(frozen=True)
class Place:
    """One apt or rpm source, as it is reached from here."""

    position: int
    """In the manifest's list of sources."""
    urls: tuple[str, ...]
    """The repository's root on each mirror, the best first; the index is read from the first."""
    suite: str
    components: tuple[str, ...]
    architecture: str
    key: Key
    key_urls: tuple[str, ...]
    priority: int
    only: tuple[str, ...]
    strict_suite: bool
    """The suite's own name must be in its Release file. AMD's has been seen to hold another (`focal` under
    `ubuntu`), so for a `url` source it is a warning."""
    kind: str = "apt"
    """`apt`, or `rpm`: its suite is a part of the root already."""

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def name(self) -> str:
        """For messages."""
        return self.url if self.kind == "rpm" else f"{self.url} {self.suite}"

    def in_suite(self, path: str) -> str:
        """The URL of a file below dists/SUITE."""
        return f"{self.url}/dists/{self.suite}/{path}"

    def in_repository(self, path: str) -> tuple[str, ...]:
        """The URLs of a file that the index names, on every mirror."""
        # apt leaves `+` and `~` as they are, and object stores know the files by those names.
        quoted = quote(path, safe="/+~")
        return tuple(f"{url}/{quoted}" for url in self.urls)


def locate(sources: tuple[Source, ...], host: Host, mirrors: Mirrors) -> tuple[Place, ...]:
    """The place of each source, apt's or rpm's. Raises NotFound and Failed."""
    mixed = any(one.url for one in sources) and any(one.archive for one in sources)
    return tuple(_locate(position, one, host, mirrors, mixed) for position, one in enumerate(sources))


def _locate(position: int, source: Source, host: Host, mirrors: Mirrors, mixed: bool) -> Place:
    if source.kind not in ("apt", "rpm") or source.key is None:
        raise Failed(f"a source of kind `{source.kind}` is no repository")
    moved = mirrors.chosen if source.url else None
    suite, folder = _suite(source, host), _folder(source, host)
    return Place(
        position=position,
        urls=tuple(one.replace(FOLDER, folder).replace(SUITE, suite) for one in _urls(source, mirrors, mixed)),
        suite=suite,
        components=source.components,
        architecture=host.architecture,
        key=source.key,
        key_urls=tuple(_moved(url, moved) if _same_host(url, source.url) else url for url in source.key.urls),
        priority=source.priority,
        only=source.packages,
        strict_suite=bool(source.archive),
        kind=source.kind,
    )


def tarball_url(source: Source, mirror: str | None) -> str:
    """Where a tarball is fetched from, where the user has chosen *mirror*, or none."""
    return _moved(source.url, mirror) if mirror else source.url


def _urls(source: Source, mirrors: Mirrors, mixed: bool) -> tuple[str, ...]:
    """Who chose a mirror gets that one alone: perhaps nothing else can be reached."""
    if source.url:
        return (_moved(source.url, mirrors.chosen),)
    if mirrors.chosen and not mixed:
        return (mirrors.chosen.rstrip("/"),)
    main = ARCHIVES[source.archive]
    own = mirrors.hosts.get(source.archive, main).rstrip("/")
    return (own,) if own == main else (own, main)


def _moved(url: str, mirror: str | None) -> str:
    """*url* below *mirror* instead of its own server."""
    return f"{(mirror or _server(url)).rstrip('/')}/{urlsplit(url).path.strip('/')}"


def _server(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


def _same_host(url: str, other: str) -> bool:
    return urlsplit(url).netloc == urlsplit(other).netloc


def _suite(source: Source, host: Host) -> str:
    suite = suite_for(source, host)
    if not suite and source.suites:
        known = ", ".join(f"`{name}`" for name in source.suites)
        system = host.codename if source.kind == "apt" else f"{host.distribution} {host.version}".strip()
        raise NotFound(f"`{source.url or source.archive}` has no suite for `{system}`, only for {known}")
    return suite


def _folder(source: Source, host: Host) -> str:
    """The host's own repository among those of a source. Raises NotFound."""
    folder = folder_for(source, host)
    if source.folder and not folder:
        known = ", ".join(f"`{name}`" for name in source.folder)
        raise NotFound(f"`{source.url}` has no repository for `{host.codename}`, only for {known}")
    return folder
