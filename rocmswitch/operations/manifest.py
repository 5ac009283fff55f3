"""A manifest from a live repository: what kind it is, which suites and keys it has, and what its index offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.fetch.keyfile import find_key_file, fingerprints_in
from rocmswitch.fetch.keyring import MAX_KEY, Reader
from rocmswitch.fetch.release import MAX_RELEASE
from rocmswitch.fetch.repository import OpenedIndex
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.metadata.manifestwriter import write_manifest
from rocmswitch.model.grammar import FINGERPRINT, URL, is_name
from rocmswitch.model.host import Host
from rocmswitch.model.source import Key, Source
from rocmswitch.model.stack import Stack
from rocmswitch.planning.naming import by_version, resolve_name
from rocmswitch.planning.newmanifest import Draft, Repository, draft_manifest, vendor_named
from rocmswitch.planning.newroots import Contents
from rocmswitch.store.catalog import Catalog
from rocmswitch.system.disk import Disk

SUITES = ("ubuntu", "focal", "bookworm", "jammy", "trixie", "noble", "resolute", "stable")
"""Looked for where the user names none, from the oldest system to the newest: a server lists nothing by itself."""
_REPOMD = "repodata/repomd.xml"
_MAX_REPOMD = 1024 * 1024


@dataclass(frozen=True)
class Asked:
    """What the user knows of the repository."""

    url: str
    name: str = ""
    suite: str = ""
    keys: tuple[str, ...] = ()
    """Fingerprints, learned elsewhere."""
    key_url: str = ""
    alike: str = ""
    """A stack that is built in the same way."""


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


def plan(asked: Asked, desk: Desk) -> NewManifest:
    """Read the repository and write down what it has. Changes nothing but the cache of indexes.

    Raises NotFound, UsageMistake, VerificationFailed, NetworkFailed and MachineLacks.
    """
    asked = _checked(asked)
    alike = _named(asked.alike, desk.catalog) if asked.alike else None
    suites = _suites(asked, alike, desk)
    signed = _signed(asked, alike, desk.http)
    source = _source(asked, suites, signed.checked)
    opened = (desk.open if signed.is_trusted else desk.open_aside)((source,), desk.host)
    names = frozenset(name for index, _ in opened.indexes for name in index.names())
    contents = Contents(source.kind, names, opened.indexes, desk.host.architecture)
    vendor, _ = vendor_named(contents, asked.url)
    alike = alike or _newest_of(vendor.name, desk.catalog)
    repository = Repository(asked.url, _stated(source, suites, signed.stated, alike), signed.is_trusted)
    draft = draft_manifest(repository, contents, asked.name, alike)
    notes = (*signed.notes, *opened.warnings, *draft.notes)
    return _written(draft, notes, f"Written by rocmswitch manifest new on {desk.now:%Y-%m-%d} from {asked.url}.")


def execute(made: NewManifest, file: Path, disk: Disk) -> None:
    """Write *file*, whole or not at all. Raises OSError."""
    disk.replace_file(file, made.text.encode())


def _checked(asked: Asked) -> Asked:
    """*asked* in the forms that a manifest has. Raises UsageMistake."""
    keys = tuple("".join(one.split()).upper() for one in asked.keys)
    wrong = next((one for one in keys if not FINGERPRINT.fullmatch(one)), "")
    if wrong:
        raise UsageMistake(f"`{wrong}` is no fingerprint: 40 hexadecimal digits")
    for url in filter(None, (asked.url, asked.key_url)):
        if not URL.fullmatch(url):
            raise UsageMistake(f"`{url}` is no http or https URL")
    if asked.name and not is_name(asked.name):
        raise UsageMistake(f"`{asked.name}` is not a name of small letters, digits, `.`, `_`, `-`")
    return replace(asked, url=asked.url.rstrip("/"), keys=keys)


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


def _signed(asked: Asked, alike: Stack | None, http: Reader) -> _Signed:
    """Whom the index is checked by: the user's fingerprints, a manifest's key, or a key that nobody vouches for."""
    pinned = _pinned(asked, alike)
    if pinned and not asked.keys:
        return _Signed(pinned, pinned, is_trusted=True)
    url, material = _key_file(asked, pinned, http)
    if asked.keys:
        key = Key(fingerprint=asked.keys, url=url)
        return _Signed(key, key, is_trusted=True)
    found = fingerprints_in(material)
    note = (
        f"the key in {url} has the fingerprint {' or '.join(found)}; nobody vouches for it: check it elsewhere, and"
        " give it with `--key`. Until then nothing in this file is more than what that server says"
    )
    return _Signed(Key(url=url), Key(fingerprint=found, url=url), is_trusted=False, notes=(note,))


def _pinned(asked: Asked, alike: Stack | None) -> Key | None:
    """The key that *alike* pins for the same server, or for the archive that is meant."""
    for source in alike.rocm.sources if alike else ():
        same = urlsplit(source.url).netloc == urlsplit(asked.url).netloc or _is_archive(source, asked.url)
        if same and source.key and source.key.fingerprints:
            return source.key
    return None


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
        raise NotFound(
            f"no key file is in `{asked.url}` or above it",
            hint=f"run `rocmswitch manifest new --from-repository {asked.url} --key-url URL -o FILE`",
        )
    return found


def _source(asked: Asked, suites: tuple[str, ...], key: Key) -> Source:
    """As it is read now: one suite."""
    if suites:
        return Source(kind="apt", url=asked.url, suite=suites[0], key=key)
    return Source(kind="rpm", url=asked.url, key=key)


def _stated(source: Source, suites: tuple[str, ...], key: Key, alike: Stack | None) -> dict[str, object]:
    """The source as the manifest states it: every suite, and an archive by its name."""
    archive = next(
        (one.archive for one in (alike.rocm.sources if alike else ()) if _is_archive(one, source.url)), ""
    )
    stated: dict[str, object] = {"kind": source.kind, **({"archive": archive} if archive else {"url": source.url})}
    if suites:
        by_host = {**{one: one for one in suites}, "default": suites[0]}
        stated |= {"suite": by_host if len(suites) > 1 else suites[0], "components": list(source.components)}
    fields = {"fingerprint": list(key.fingerprints), "url": list(key.urls), "keyring": key.keyring}
    return {**stated, "key": {name: _single(value) for name, value in fields.items() if value}}


def _single(value: object) -> object:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
