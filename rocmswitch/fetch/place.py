"""Where a source of a manifest is on this machine: which server, which suite, by which keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from rocmswitch.errors import Failed, NotFound
from rocmswitch.model.host import Host
from rocmswitch.model.source import FOLDER, Key, Source

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
    """One apt source, as it is reached from here."""

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

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.url} {self.suite}"

    def in_suite(self, path: str) -> str:
        """The URL of a file below dists/SUITE."""
        return f"{self.url}/dists/{self.suite}/{path}"

    def in_repository(self, path: str) -> tuple[str, ...]:
        """The URLs of a file that the index names, on every mirror."""
        # apt leaves `+` and `~` as they are, and object stores know the files by those names.
        quoted = quote(path, safe="/+~")
        return tuple(f"{url}/{quoted}" for url in self.urls)


def locate(sources: tuple[Source, ...], host: Host, mirrors: Mirrors) -> tuple[Place, ...]:
    """The place of each source. Raises NotFound and Failed."""
    mixed = any(one.url for one in sources) and any(one.archive for one in sources)
    return tuple(_locate(position, one, host, mirrors, mixed) for position, one in enumerate(sources))


def _locate(position: int, source: Source, host: Host, mirrors: Mirrors, mixed: bool) -> Place:
    if source.kind != "apt" or source.key is None:
        raise Failed(f"a source of kind `{source.kind}` cannot be installed from yet")
    moved = mirrors.chosen if source.url else None
    return Place(
        position=position,
        urls=tuple(one.replace(FOLDER, _folder(source, host)) for one in _urls(source, mirrors, mixed)),
        suite=_suite(source, host),
        components=source.components,
        architecture=host.architecture,
        key=source.key,
        key_urls=tuple(_moved(url, moved) if _same_host(url, source.url) else url for url in source.key.urls),
        priority=source.priority,
        only=source.packages,
        strict_suite=bool(source.archive),
    )


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
    if isinstance(source.suite, str):
        return source.suite
    suite = source.suite.get(host.codename) or source.suite.get("default")
    if not suite:
        known = ", ".join(f"`{name}`" for name in source.suite)
        raise NotFound(f"`{source.url or source.archive}` has no suite for `{host.codename}`, only for {known}")
    return suite


def _folder(source: Source, host: Host) -> str:
    """The host's own repository among those of a source. Raises NotFound."""
    folder = source.folder.get(host.codename) or source.folder.get("default", "")
    if source.folder and not folder:
        known = ", ".join(f"`{name}`" for name in source.folder)
        raise NotFound(f"`{source.url}` has no repository for `{host.codename}`, only for {known}")
    return folder
