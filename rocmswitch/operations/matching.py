"""The wheels of an environment: those of ROCm from their own index, everything else from the user's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from rocmswitch.errors import ManifestMistake, NetworkFailed, NotFound, RocmswitchError
from rocmswitch.fetch.contents import Contents, read_contents
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.wheels import Wanted, find_wheels, is_local, locate_wheels, with_size
from rocmswitch.metadata.wheelindex import IndexedFile
from rocmswitch.metadata.wheellock import LockedWheel, WheelLock, parse_wheel_lock, render_wheel_lock
from rocmswitch.model.indexes import PackageIndexes
from rocmswitch.model.package import FIRST_USE, PINNED, Artifact, Digest, Unhashed
from rocmswitch.operations.firstuses import listed, record
from rocmswitch.operations.wheelsizes import Scale
from rocmswitch.planning.companions import is_of_rocm, with_asked
from rocmswitch.planning.pytorch import CPU_INDEX, Choice
from rocmswitch.planning.wheelfiles import best_file, is_source, project_of, version_of
from rocmswitch.planning.wheels import Interpreter, VenvPlan, plan_artifacts
from rocmswitch.store.cache import Cache, hash_of
from rocmswitch.store.firstuse import FirstUse
from rocmswitch.store.resolution import Question, Resolver, Stub
from rocmswitch.system.disk import Disk, disk_errors

SEED = ("pip",)
"""Every environment has it, so that people find what they know."""
_AT_ONCE = 4
"""Wheels whose metadata is read at a time."""


@dataclass(frozen=True)
class Supply:
    """Where wheels come from, and what is remembered of them."""

    http: Http
    cache: Cache
    indexes: PackageIndexes
    resolver: Resolver
    first_use: FirstUse
    recorded: Path
    """The folder of resolutions: a lock for each question that was asked."""
    disk: Disk
    bundled: bool = False
    """Whether it is a bundle that supplies them: then a lock of it says which."""

    @property
    def scale(self) -> Scale:
        return Scale(self.http, self.cache, self.indexes.authorized)


@dataclass(frozen=True)
class Basket:
    """What was found. `key` names the resolution, to be recorded when it was carried out."""

    wheels: tuple[Artifact, ...]
    unhashed: tuple[Unhashed, ...] = ()
    unpacked: int = 0
    key: str = ""
    pins: tuple[str, ...] = ()
    """Requirements that have to stay true in the environment."""

    @property
    def files(self) -> tuple[Artifact | Unhashed, ...]:
        return (*self.wheels, *self.unhashed)

    @property
    def sizes(self) -> tuple[tuple[str, int], ...]:
        """The files with their bytes."""
        return tuple((one.filename, one.size) for one in self.files)


def match(choice: Choice, interpreter: Interpreter, supply: Supply) -> Basket:
    """The wheels of *choice* and all that they need. Nothing but metadata is fetched.

    Where the same was asked before, and the cache still has all of the answer, no server is asked.
    Raises NotFound, NetworkFailed, Failed, MachineLacks, VerificationFailed.
    """
    key = _key(choice, interpreter, supply.indexes)
    known = _recorded(key, supply)
    if known is not None:
        return known
    if choice.cpu:
        return replace(_match_for_processors(choice, interpreter, supply), key=key, pins=choice.pins(choice.wheels))
    hashes = _Hashes(supply.first_use, choice.entry.hashes, choice.entry.index)
    found = _family(choice, interpreter, hashes, supply)
    family, contents = tuple(found), tuple(found.values())
    stubs = tuple(_stub(file, said, choice) for file, said in zip(family, contents, strict=True))
    others = supply.resolver.resolve(Question(stubs, SEED, choice.constraints, interpreter))
    _check_strangers(others, choice)
    basket = _basket((*family, *others), hashes, supply)
    seen = {file.filename: said.unpacked for file, said in zip(family, contents, strict=True) if said.unpacked}
    rest = (one for one in basket.files if one.filename not in seen)
    pins = choice.pins(dict(project_of(one.filename) for one in family))
    return replace(basket, unpacked=sum(seen.values()) + supply.scale.unpacked(rest), key=key, pins=pins)


def _check_strangers(files: Iterable[IndexedFile], choice: Choice) -> None:
    """Raise NotFound where *files*, which are from the user's indexes, hold what only torch's own may have."""
    for name in (project_of(file.filename)[0] for file in files):
        if is_of_rocm(name):
            raise NotFound(
                f"`{name}` is needed, and `{choice.stack.name}` does not say which one of `{choice.index}`: "
                "from another index it is not taken"
            )


def _family(
    choice: Choice, interpreter: Interpreter, hashes: _Hashes, supply: Supply
) -> dict[IndexedFile, Contents]:
    """Torch and its companions, with what each says of itself; torch says which versions of them it needs."""
    entry, tags = choice.entry, interpreter.tags
    (torch,) = find_wheels(supply.http, Wanted(entry.index, {"torch": choice.torch}, entry.urls), tags)
    said = _contents(torch, hashes, supply)
    companions = {name: version for name, version in choice.wheels.items() if name != "torch"}
    asked = with_asked(companions, said.metadata, version_of(interpreter.tag).rstrip("t"))
    others = find_wheels(supply.http, Wanted(entry.index, asked, entry.urls), tags)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        contents = threads.map(lambda one: _contents(one, hashes, supply), others)
        return {torch: said, **dict(zip(others, contents, strict=True))}


def match_pinned(files: Sequence[str], hashes: Mapping[str, str], supply: Supply) -> Basket:
    """The wheels called *files*, wherever the user's own indexes have them: *hashes* tell the right ones.

    Where they were found before, and the cache still has them, no server is asked. Raises as `locate_wheels`.
    """
    pinned = {file: hashes[file] for file in files}
    key = _name_of({"hashes": pinned, "indexes": repr(supply.indexes)})
    known = _recorded(key, supply)
    if known is not None:
        return known
    wheels = plan_artifacts(files, hashes, locate_wheels(supply.http, supply.indexes.all, files))
    return Basket(wheels, unpacked=supply.scale.unpacked(wheels), key=key)


def match_locked(lock: WheelLock, interpreter: Interpreter) -> Basket:
    """The wheels that *lock* names: exactly those, whatever the indexes have today.

    Raises ManifestMistake where a file is not of the project and version that it is said to be, or for another
    Python.
    """
    check_locked(lock, interpreter)
    return Basket(tuple(_artifact(one, PINNED) for one in lock.wheels), unpacked=lock.unpacked, pins=lock.pins)


def check_locked(lock: WheelLock, interpreter: Interpreter) -> None:
    """Raise ManifestMistake where *lock* has a file that it should not have, or one that does not suit."""
    for one in lock.wheels:
        if project_of(one.file) != (one.name, one.version):
            raise ManifestMistake(f"the lock says that `{one.file}` is {one.name} {one.version}")
        if not is_source(one.file) and not best_file(one.name, one.version, (one.file,), interpreter.tags):
            raise ManifestMistake(f"`{one.file}` of the lock is for another Python or machine")


def remember(plan: VenvPlan, supply: Supply) -> None:
    """Record of what *plan* is made, once all was verified: the hashes by address, and the answer to its question.

    Raises VerificationFailed.
    """
    record(plan, plan.wheels, supply.first_use)
    if plan.question:
        path = supply.recorded / f"{plan.question}.lock"
        with disk_errors(path):
            supply.disk.make_directories(path.parent)
            supply.disk.discard_remains(path)
            supply.disk.replace_file(path, render_wheel_lock(_record_of(plan)))


def lock_of(plan: VenvPlan) -> WheelLock:
    """What another machine needs to get the same bytes."""
    wheels = tuple(
        LockedWheel(
            name=one.name,
            version=one.version,
            file=one.filename,
            url=one.urls[0],
            size=one.size,
            sha256=one.digest.value,
        )
        for one in plan.wheels
    )
    return WheelLock(
        schema=1,
        stack=plan.stack,
        python=plan.interpreter.tag,
        wheels=wheels,
        torch=plan.torch,
        index=plan.index,
        gpu=plan.gpu,
        pins=plan.pins,
        unpacked=plan.unpacked,
    )


def _record_of(plan: VenvPlan) -> WheelLock:
    """The same with by what each wheel was checked: whoever takes it from here learns of it."""
    lock, classes = lock_of(plan), {one.name: one.verification for one in plan.wheels}
    wheels = (msgspec.structs.replace(one, verification=classes[one.name]) for one in lock.wheels)
    return msgspec.structs.replace(lock, wheels=tuple(wheels))


def _match_for_processors(choice: Choice, interpreter: Interpreter, supply: Supply) -> Basket:
    """From the user's own indexes and folders where they have it, else from PyTorch's index of such builds.

    Where that cannot be reached, torch without its companions will do, if the user's own have it.
    """
    exact = {name: f"{name}=={version}" for name, version in choice.wheels.items()}
    question = Question((), (*exact.values(), *SEED), choice.constraints, interpreter)
    try:
        found = supply.resolver.resolve(question)
    except (NotFound, NetworkFailed):
        try:
            found = supply.resolver.resolve(question, more=(CPU_INDEX,))
        except NetworkFailed as unreachable:
            try:
                found = supply.resolver.resolve(replace(question, requirements=(exact["torch"], *SEED)))
            except NotFound:
                raise unreachable from None
    basket = _basket(found, _Hashes(supply.first_use, {}), supply)
    return replace(basket, unpacked=supply.scale.unpacked(basket.files))


def _stub(file: IndexedFile, said: Contents, choice: Choice) -> Stub:
    name, version = project_of(file.filename)
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl" if is_source(file.filename) else file.filename
    return Stub(filename, said.metadata, choice.extras if name == "torch" else ())


def _contents(file: IndexedFile, hashes: _Hashes, supply: Supply) -> Contents:
    digest = hashes.of(file)
    cached = supply.cache.find(digest, file.size or 0) if digest else None
    return read_contents(supply.http, file, cached)


@dataclass(frozen=True)
class _Hashes:
    """What is known of files that are not here yet: what the manifest pins, and what a first use has shown."""

    seen: FirstUse
    pinned: Mapping[str, str]
    index: str = ""
    """That of torch and its companions."""

    def of(self, file: IndexedFile) -> Digest | None:
        """What the manifest pins, else what the index states, else what the first use has shown; None for neither.

        What the user accepts decides before that: it is seen when it is here. Raises VerificationFailed where the
        index states another hash than the first use has shown.
        """
        if file.filename in self.pinned:
            return Digest.sha256(self.pinned[file.filename])
        places = [file.url, *([listed(self.index, file.filename)] if self.index else [])]
        if file.digest is not None:
            for place in places:
                self.seen.check(place, file.digest)
            return file.digest
        if self.seen.accepted:
            return None
        return next((known for place in places if (known := self.seen.known(place)) is not None), None)


def _basket(files: Iterable[IndexedFile], hashes: _Hashes, supply: Supply) -> Basket:
    wheels: list[Artifact] = []
    unhashed: list[Unhashed] = []
    for found in files:
        file = _read_local(found) if is_local(found.url) else with_size(supply.http, found)
        name, version = project_of(file.filename)
        digest = hashes.of(file)
        if digest is None:
            unhashed.append(Unhashed(name, version, file.filename, file.url, file.size or 0))
        else:
            kind = PINNED if file.filename in hashes.pinned else FIRST_USE
            wheels.append(Artifact(name, version, file.filename, (file.url,), file.size or 0, digest, kind))
    return Basket(tuple(sorted(wheels, key=lambda one: one.name)), tuple(unhashed))


def _read_local(file: IndexedFile) -> IndexedFile:
    path = Path(unquote(urlsplit(file.url).path))
    with disk_errors(path):
        return replace(file, size=path.stat().st_size, digest=Digest.sha256(hash_of(path, "sha256")))


def _key(choice: Choice, interpreter: Interpreter, indexes: PackageIndexes) -> str:
    """Names what is asked: the same words give the same answer as long as nobody asks anew."""
    entry = choice.entry
    asked = {
        "wheels": choice.wheels,
        "extras": choice.extras,
        "constraints": choice.constraints,
        "index": choice.index,
        "hashes": entry.hashes,
        "urls": entry.urls,
        "python": interpreter.tag,
        "machine": [str(tag) for tag in interpreter.tags[:1]],
        "indexes": repr(indexes),
    }
    return _name_of(asked)


def _name_of(question: object) -> str:
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:24]


def _recorded(key: str, supply: Supply) -> Basket | None:
    if supply.first_use.accepted:
        return None
    path = supply.recorded / f"{key}.lock"
    try:
        lock = parse_wheel_lock(path.read_bytes(), str(path))
    except (FileNotFoundError, RocmswitchError):
        # One that cannot be read is no loss: the question is asked again, and its answer takes that place.
        return None
    wheels = tuple(_artifact(one, one.verification or FIRST_USE) for one in lock.wheels)
    if not all(supply.cache.find(one.digest, one.size) for one in wheels):
        return None
    return Basket(wheels, unpacked=lock.unpacked, key=key, pins=lock.pins)


def _artifact(wheel: LockedWheel, verification: str) -> Artifact:
    digest = Digest.sha256(wheel.sha256)
    return Artifact(wheel.name, wheel.version, wheel.file, (wheel.url,), wheel.size, digest, verification)
