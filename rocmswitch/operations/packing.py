"""The list of a bundle, made of what was planned and fetched: each member once, by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import msgspec

from rocmswitch import __version__
from rocmswitch.fetch.http import shown
from rocmswitch.metadata.bundle import INVALID, Bundle, BundledFile, BundledStack, BundledVenv, Kind, member_path
from rocmswitch.metadata.wheellock import render_wheel_lock
from rocmswitch.model.package import Artifact, Digest
from rocmswitch.operations.bundleorder import Order
from rocmswitch.operations.matching import lock_of
from rocmswitch.planning.wheels import VenvPlan
from rocmswitch.store.bundle import Source
from rocmswitch.store.cache import hash_of
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.compression import packed_anew


@dataclass(frozen=True)
class Answers:
    """What servers said while a bundle was planned, and this machine's own copies of keys, by where they were."""

    by_url: Mapping[str, bytes]
    keyrings: Mapping[str, bytes]
    plain: Mapping[str, str] = field(default_factory=dict)
    """By the address of each list of packages that came packed, that of its plain form."""

    @property
    def size(self) -> int:
        """Bytes, about: a list that is packed anew is a little smaller."""
        return sum(map(len, (*self.by_url.values(), *self.keyrings.values())))


def pack(
    order: Order,
    answers: Answers,
    fetched: Mapping[Digest, Path],
    pythons: Iterable[tuple[str, str, Path]],
) -> tuple[Bundle, dict[str, Source]]:
    """The list of the whole bundle, and where each member's content is.

    *pythons* are uv's key of each, what uv calls its archive, and where that is.
    """
    packing = _Packing(order)
    stacks = tuple(packing.stack(one) for one in order.manifests)
    keys = _key_urls(order.manifests)
    for url, content in answers.by_url.items():
        if url in answers.plain:
            packing.index(content, answers.plain[url])
        else:
            packing.add("key" if url in keys else "index", content, _last(url), urls=(url,))
    for keyring, content in answers.keyrings.items():
        packing.add("key", content, _last(keyring), name=keyring)
    venvs = tuple(packing.venv(one) for one in order.venvs)
    for one in order.packages:
        packing.artifact("package", one, fetched[one.digest])
    for one in order.wheels:
        packing.artifact("wheel", one, fetched[one.digest])
    for key, archive, path in pythons:
        packing.python(key, archive, path)
    bundle = Bundle(
        schema=1,
        rocmswitch=__version__,
        created=order.created.isoformat(timespec="seconds"),
        host=order.host,
        stacks=stacks,
        venvs=venvs,
        members=tuple(packing.members[path] for path in sorted(packing.members)),
        archives=dict(order.archives),
        mirror=order.mirror,
    )
    return bundle, packing.sources


def _key_urls(manifests: Iterable[Manifest]) -> set[str]:
    return {url for one in manifests for source in one.stack.rocm.sources if source.key for url in source.key.urls}


class _Packing:
    """Collects members; what is there twice is packed once, with the addresses of both."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self.members: dict[str, BundledFile] = {}
        self.sources: dict[str, Source] = {}

    def add(self, kind: Kind, content: bytes, filename: str, *, urls: tuple[str, ...] = (), name: str = "") -> str:
        member = BundledFile(
            path="", kind=kind, size=len(content), sha256=hashlib.sha256(content).hexdigest(), urls=urls, name=name
        )
        return self._put(member, filename, content)

    def index(self, content: bytes, plain: str) -> None:
        """A list of packages, kept so that whoever installs waits least. Signed is the hash of its plain form."""
        packed = packed_anew(content)
        sha256 = hashlib.sha256(packed).hexdigest()
        member = BundledFile(path="", kind="index", size=len(packed), sha256=sha256, urls=(plain,), packed=True)
        self._put(member, f"{_last(plain)}.zst", packed)

    def artifact(self, kind: Kind, one: Artifact, path: Path) -> str:
        urls = tuple(_address(url, one.filename) for url in one.urls)
        sha256 = one.digest.value if one.digest.algorithm == "sha256" else hash_of(path, "sha256")
        member = BundledFile(
            path="", kind=kind, size=one.size, sha256=sha256, urls=urls, name=one.name, version=one.version
        )
        return self._put(member, _last(one.filename), path)

    def python(self, key: str, archive: str, path: Path) -> None:
        member = BundledFile(
            path="",
            kind="python",
            size=path.stat().st_size,
            sha256=path.name,
            urls=(f"{INVALID}{archive}",),
            name=key,
        )
        self._put(member, archive.partition("-")[2], path)

    def stack(self, manifest: Manifest) -> BundledStack:
        name = manifest.stack.name
        tree = next((one for one in self._order.trees if one.stack == name), None)
        lock = self._order.locks.get(name)
        return BundledStack(
            name=name,
            source=_kind(tree.source if tree else ""),
            manifest=self.add("manifest", manifest.file.read_bytes(), f"{name}.yaml", name=name),
            shipped=manifest.shipped,
            lock="" if lock is None else self.add("lock", lock, f"{name}.lock", name=name),
            sets=tree.sets if tree else (),
            packages=tree.names if tree else (),
        )

    def venv(self, plan: VenvPlan) -> BundledVenv:
        lock = lock_of(plan)
        wheels = tuple(msgspec.structs.replace(one, url=_address(one.url, one.file)) for one in lock.wheels)
        content = render_wheel_lock(msgspec.structs.replace(lock, wheels=wheels))
        path = self.add("wheels", content, f"{plan.stack}-{lock.python}.lock", name=plan.stack)
        return BundledVenv(stack=plan.stack, python=lock.python, wheels=path, torch=lock.torch, gpu=lock.gpu)

    def _put(self, member: BundledFile, filename: str, source: Source) -> str:
        path = member_path(member.kind, member.sha256, filename)
        there = self.members.get(path)
        urls = member.urls if there is None else tuple(dict.fromkeys((*there.urls, *member.urls)))
        self.members[path] = msgspec.structs.replace(member, path=path, urls=urls)
        self.sources[path] = source
        return path


def _kind(source: str) -> Literal["", "apt", "rpm", "tarball"]:
    known: tuple[Literal["apt", "rpm", "tarball"], ...] = ("apt", "rpm", "tarball")
    return next((one for one in known if one == source), "")


def _address(url: str, filename: str) -> str:
    """Where something was, for a list that others read: without a password, and without this machine's folders."""
    return f"{INVALID}{quote(_last(filename))}" if url.startswith("file:") else shown(url)


def _last(path: str) -> str:
    return path.rpartition("/")[2]
