"""A manifest from a live repository: what kind it is, which suites and keys it has, and what its index offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.fetch.keyfile import find_key_file, fingerprints_in
from rocmswitch.fetch.keyring import MAX_KEY, Reader
from rocmswitch.fetch.release import MAX_RELEASE
from rocmswitch.fetch.repository import OpenedIndex
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.metadata.manifestwriter import write_manifest
from rocmswitch.model.grammar import FINGERPRINT, URL, is_name
from rocmswitch.model.host import Host
from rocmswitch.model.package import SIGNED, Artifact
from rocmswitch.model.source import Key, Source
from rocmswitch.model.stack import Stack
from rocmswitch.planning.naming import by_version, resolve_name
from rocmswitch.planning.newmanifest import (
    Draft,
    Repository,
    draft_manifest,
    vendor_named,
    with_cards,
    with_kernels,
)
from rocmswitch.planning.newroots import Contents
from rocmswitch.store.catalog import Catalog
from rocmswitch.store.gpufiles import kernel_bytes
from rocmswitch.system.disk import Disk

SUITES = ("ubuntu", "focal", "bookworm", "jammy", "trixie", "noble", "resolute", "stable")
"""Looked for where the user names none, from the oldest system to the newest: a server lists nothing by itself."""
FIRST_PRIORITY, PRIORITY_STEP = 500, 50
"""What of several repositories the first one has, and by how much less each further one."""
_REPOMD = "repodata/repomd.xml"
_MAX_REPOMD = 1024 * 1024


@dataclass(frozen=True)
class Asked:
    """What the user knows of the repository, or of several that belong together: the first one wins."""

    urls: tuple[str, ...]
    name: str = ""
    suite: str = ""
    keys: tuple[str, ...] = ()
    """Fingerprints, learned elsewhere."""
    key_url: str = ""
    alike: str = ""
    """A stack that is built in the same way."""
    reads_packages: bool = False
    """Fetch the package with rocBLAS's kernels, hundreds of megabytes, and look for which cards they are."""

    @property
    def url(self) -> str:
        return self.urls[0]


@dataclass(frozen=True)
class Desk:
    """What reading a repository takes. `open_aside` is for what nobody vouches for: nothing of that is kept."""

    http: Reader
    open: Callable[[tuple[Source, ...], Host], OpenedIndex]
    open_aside: Callable[[tuple[Source, ...], Host], OpenedIndex]
    host: Host
    catalog: Catalog
    now: datetime
    disk: Disk
    fetch: Callable[[Artifact], Path]


@dataclass(frozen=True)
class NewManifest:
    """The text of a manifest, the stack that it pins, and what could not be found."""

    stack: Stack
    text: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Signed:
    """Who may sign, as the manifest will say it; what the index is checked with; what to tell of it."""

    stated: Key
    checked: Key
    is_trusted: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    """One repository: its suites, the source that it is read by, and who signs it."""

    suites: tuple[str, ...]
    source: Source
    signed: _Signed


def plan(asked: Asked, desk: Desk) -> NewManifest:
    """Read the repositories and write down what they have. Changes nothing but the cache of indexes.

    Raises NotFound, UsageMistake, VerificationFailed, NetworkFailed and MachineLacks.
    """
    asked = _checked(asked)
    alike = _named(asked.alike, desk.catalog) if asked.alike else None
    found = tuple(_find(position, asked, alike, desk) for position in range(len(asked.urls)))
    is_trusted = all(one.signed.is_trusted for one in found)
    sources = tuple(one.source for one in found)
    if len({one.kind for one in sources}) > 1:
        raise UsageMistake("packages of apt and of rpm make two sets of roots: give repositories of one kind")
    opened = (desk.open if is_trusted else desk.open_aside)(sources, desk.host)
    names = frozenset(name for index, _ in opened.indexes for name in index.names())
    contents = Contents(sources[0].kind, names, opened.indexes, desk.host.architecture)
    vendor, _ = vendor_named(contents, asked.url)
    alike = alike or _newest_of(vendor.name, desk.catalog)
    stated = [_stated(one, alike) for one in found]
    repository = Repository(asked.url, (*stated, *_behind(stated, alike)), is_trusted)
    draft = draft_manifest(repository, contents, asked.name, alike)
    if asked.reads_packages:
        draft = _with_cards(draft, asked, contents, opened, desk)
    notes = (*(note for one in found for note in one.signed.notes), *opened.warnings, *draft.notes)
    whole = f"Written by rocmswitch manifest new on {desk.now:%Y-%m-%d} from {' and '.join(asked.urls)}."
    return _written(draft, tuple(dict.fromkeys(notes)), whole)


def _with_cards(draft: Draft, asked: Asked, contents: Contents, opened: OpenedIndex, desk: Desk) -> Draft:
    """*draft* with the cards that rocBLAS is built for, read from its package, which is checked by its hash."""
    package = with_kernels(contents, asked.url, asked.name)
    if package is None:
        return with_cards(draft, None, ())
    artifact = Artifact(
        package.name,
        package.version,
        package.filename,
        opened.urls(package),
        package.size,
        package.digest,
        verification=SIGNED,
    )
    return with_cards(draft, package, kernel_bytes(desk.fetch(artifact)))


def execute(made: NewManifest, file: Path, disk: Disk) -> None:
    """Write *file*, whole or not at all. Raises OSError."""
    disk.replace_file(file, made.text.encode())


def _checked(asked: Asked) -> Asked:
    """*asked* in the forms that a manifest has. Raises UsageMistake."""
    keys = tuple("".join(one.split()).upper() for one in asked.keys)
    wrong = next((one for one in keys if not FINGERPRINT.fullmatch(one)), "")
    if wrong:
        raise UsageMistake(f"`{wrong}` is no fingerprint: 40 hexadecimal digits")
    for url in filter(None, (*asked.urls, asked.key_url)):
        if not URL.fullmatch(url):
            raise UsageMistake(f"`{url}` is no http or https URL")
    if asked.name and not is_name(asked.name):
        raise UsageMistake(f"`{asked.name}` is not a name of small letters, digits, `.`, `_`, `-`")
    return replace(asked, urls=tuple(one.rstrip("/") for one in asked.urls), keys=keys)


def _written(draft: Draft, notes: tuple[str, ...], head: str) -> NewManifest:
    """The text, read back: what is written is what `manifest check` passes."""
    text = write_manifest(draft.stack, (head, *notes))
    return NewManifest(parse_manifest(text.encode(), "the new manifest"), text, notes)


def _named(name: str, catalog: Catalog) -> Stack:
    return catalog.read(resolve_name(name, catalog.names())).stack


def _newest_of(vendor: str, catalog: Catalog) -> Stack | None:
    """The newest stack of *vendor* that there is a manifest of."""
    names = [one for one in catalog.names() if one.startswith(f"{vendor}-")]
    return catalog.read(max(names, key=by_version)).stack if names else None


def _find(position: int, asked: Asked, alike: Stack | None, desk: Desk) -> _Found:
    """The repository at that *position*, as it is read now: by one suite."""
    one = replace(asked, urls=(asked.urls[position],))
    suites, signed = _suites(one, alike, desk), _signed(one, alike, desk)
    priority = FIRST_PRIORITY - position * PRIORITY_STEP
    if suites:
        source = Source(kind="apt", url=one.url, suite=suites[0], key=signed.checked, priority=priority)
    else:
        source = Source(kind="rpm", url=one.url, key=signed.checked, priority=priority)
    return _Found(suites, source, signed)


def _suites(asked: Asked, alike: Stack | None, desk: Desk) -> tuple[str, ...]:
    """The suites of apt that are there; none for a repository of rpm. Raises NotFound."""
    if not asked.suite and _is_there(f"{asked.url}/{_REPOMD}", desk.http, _MAX_REPOMD):
        return ()
    likely = [suite for source in (alike.rocm.sources if alike else ()) for suite in source.suites.values()]
    wanted = (asked.suite,) if asked.suite else tuple(dict.fromkeys((*SUITES, desk.host.codename, *likely)))
    found = tuple(one for one in wanted if one and _has_suite(asked.url, one, desk.http))
    if not found:
        looked = ", ".join(f"`dists/{one}`" for one in wanted if one)
        raise NotFound(
            f"`{asked.url}` is no repository of rpm (`{_REPOMD}`), nor one of apt with one of {looked}",
            hint=f"run `rocmswitch manifest new --from-repository {asked.url} --suite SUITE -o FILE`",
        )
    return found


def _has_suite(url: str, suite: str, http: Reader) -> bool:
    return any(_is_there(f"{url}/dists/{suite}/{name}", http, MAX_RELEASE) for name in ("InRelease", "Release"))


def _is_there(url: str, http: Reader, limit: int) -> bool:
    try:
        http.read(url, limit=limit)
    except NotFound:
        return False
    return True


def _signed(asked: Asked, alike: Stack | None, desk: Desk) -> _Signed:
    """Whom the index is checked by: the user's fingerprints, a manifest's key, or a key that nobody vouches for."""
    by, pinned = _pinned(asked.url, alike, desk.catalog)
    if pinned and not asked.keys:
        return _Signed(pinned, pinned, is_trusted=True, notes=(f"{asked.url} is signed by a key that {by} pins",))
    url, material = _key_file(asked, pinned, desk.http)
    if asked.keys:
        key = Key(fingerprint=asked.keys, url=url)
        return _Signed(key, key, is_trusted=True)
    found = fingerprints_in(material)
    note = (
        f"the key in {url} has the fingerprint {' or '.join(found)}; nobody vouches for it: check it elsewhere, and"
        " give it with `--key`. Until then nothing in this file is more than what that server says"
    )
    return _Signed(Key(url=url), Key(fingerprint=found, url=url), is_trusted=False, notes=(note,))


def _pinned(url: str, alike: Stack | None, catalog: Catalog) -> tuple[str, Key | None]:
    """The key that *alike*, or else any manifest here, pins for the same server or archive, and who does."""
    for stack in [alike] if alike else [one.stack for one in catalog.read_all()[0]]:
        for source in stack.rocm.sources:
            same = urlsplit(source.url).netloc == urlsplit(url).netloc or _is_archive(source, url)
            if same and source.key and source.key.fingerprints:
                return stack.name, source.key
    return "", None


def _is_archive(source: Source, url: str) -> bool:
    """Whether *url* is a mirror of the archive that *source* names: they all end alike."""
    return bool(source.archive) and urlsplit(url).path.rstrip("/").endswith(f"/{source.archive}")


def _key_file(asked: Asked, pinned: Key | None, http: Reader) -> tuple[str, bytes]:
    """Where the key is, and what it holds. Raises NotFound."""
    stated = asked.key_url or (pinned.urls[0] if pinned and pinned.urls else "")
    if stated:
        return stated, http.read(stated, limit=MAX_KEY)
    found = find_key_file(asked.url, http)
    if found is None:
        suite = f" --suite {asked.suite}" if asked.suite else ""
        raise NotFound(
            f"no key file is in `{asked.url}` or above it",
            hint=f"run `rocmswitch manifest new --from-repository {asked.url}{suite} --key-url URL -o FILE`",
        )
    return found


def _stated(found: _Found, alike: Stack | None) -> dict[str, object]:
    """The source as the manifest states it: every suite, and an archive by its name."""
    source, key, suites = found.source, found.signed.stated, found.suites
    there = alike.rocm.sources if alike else ()
    archive = next((one.archive for one in there if _is_archive(one, source.url)), "")
    stated: dict[str, object] = {"kind": source.kind, **({"archive": archive} if archive else {"url": source.url})}
    if suites:
        by_host = {**{one: one for one in suites}, "default": suites[0]}
        stated |= {"suite": by_host if len(suites) > 1 else suites[0], "components": list(source.components)}
    if source.priority != FIRST_PRIORITY:
        stated["priority"] = source.priority
    fields = {"fingerprint": list(key.fingerprints), "url": list(key.urls), "keyring": key.keyring}
    return {**stated, "key": {name: _single(value) for name, value in fields.items() if value}}


def _behind(stated: Sequence[Mapping[str, object]], alike: Stack | None) -> Iterator[dict[str, object]]:
    """The archives that *alike* has behind its own repository, for what a machine may lack."""
    there = {one.get("archive") for one in stated}
    for one in alike.rocm.sources if alike else ():
        if one.kind == stated[0]["kind"] and one.archive and one.archive not in there:
            yield msgspec.to_builtins(one)


def _single(value: object) -> object:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
