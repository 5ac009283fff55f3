"""Which wheels an interpreter gets, and the plan of the environment that holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from rocmswitch.errors import NotFound, Refused, UsageMistake
from rocmswitch.model.activation import CardVariable
from rocmswitch.model.convolutions import Convolutions
from rocmswitch.model.convolutionwords import FALLBACK, VENDOR
from rocmswitch.model.package import FIRST_USE, PINNED, VERIFICATION_CLASSES, Artifact, Digest, Unhashed
from rocmswitch.model.stack import Wheels
from rocmswitch.planning.installplan import TREE_ID_LENGTH, InstallPlan
from rocmswitch.planning.wheelfiles import best_file, version_of

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_UNPACKED = 4
"""Times its own size that a wheel takes unpacked, where its table of contents was not read: numpy 2.2.6 has 3.5,
torch 2.13.0+cpu 3.7, pip 26.3 has 3.2. hip-python has 4.8, which is why the table of a large one is read."""


@dataclass(frozen=True)
class Interpreter:
    """A Python: its executable, its tag (`cp311`), and the wheel tags that it takes, the best first.

    One that the machine lacks has no executable yet, and `fetch` says which version uv would download.
    """

    executable: str
    tag: str
    tags: tuple[Tag, ...]
    fetch: str = ""

    @property
    def shown(self) -> str:
        """For people: `/usr/bin/python3.11`, or `3.11`, which is fetched."""
        return self.executable or self.fetch


@dataclass(frozen=True)
class VenvPlan:
    """An environment of a stack. `install` is the plan of its prefix where that has to be made first."""

    name: str
    stack: str
    stack_version: str
    interpreter: Interpreter
    wheels: tuple[Artifact, ...]
    cached: frozenset[str]
    """File names of the wheels that the cache has."""
    prefix: str = ""
    """The stack whose tree the wheels load; empty where they bring their ROCm along."""
    unhashed: tuple[Unhashed, ...] = ()
    """Wheels whose hash nobody states: it is taken while they arrive."""
    install: InstallPlan | None = None
    replaces: str = ""
    """The tree that the name means now, where another environment takes its place."""
    unlike: str = ""
    """An earlier tree of the same content, which its owner may have changed: this one is another."""
    torch: str = ""
    index: str = ""
    gpu: str = ""
    """The card that the wheels are for; empty where they are for all."""
    pins: tuple[str, ...] = ()
    """Requirements that must stay true: torch and its companions exactly, and the manifest's constraints."""
    profile: str = ""
    cards: tuple[CardVariable, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    """Variables of the ROCm among the wheels, in which `{prefix}` stands for the environment's place."""
    unpacked: int = 0
    """Bytes on disk, as far as tables of contents were read; else estimated."""
    question: str = ""
    """Names the resolution, where it is to be recorded."""
    notes: tuple[str, ...] = ()
    today: tuple[str, ...] = ()
    """Notes that are not kept with what is made: what they tell of may be mended any day."""
    convolutions: Convolutions = Convolutions()

    @property
    def python(self) -> str:
        return self.interpreter.executable

    @property
    def wheels_size(self) -> int:
        """Bytes of wheels to fetch."""
        known = sum(one.size for one in self.wheels if one.filename not in self.cached)
        return known + sum(one.size for one in self.unhashed)

    @property
    def download_size(self) -> int:
        """Bytes to fetch, the prefix's packages included."""
        return self.wheels_size + (self.install.download_size if self.install else 0)

    @property
    def whole_size(self) -> int:
        """Bytes of all archives that it is made from, the prefix's included, wherever they are now."""
        wheels = sum(one.size for one in self.wheels) + sum(one.size for one in self.unhashed)
        return wheels + (self.install.download_size + self.install.cached_size if self.install else 0)

    @property
    def tree(self) -> str:
        """NAME-<12 hex>: from what decides the environment's content. Final once every hash is known."""
        content = {
            "name": self.name,
            "prefix": self.prefix,
            "python": self.python,
            "wheels": sorted([*(str(one.digest) for one in self.installed), *(one.url for one in self.unhashed)]),
            "pins": sorted(self.pins),
            "profile": self.profile,
            "replaces": self.unlike or self.replaces,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:TREE_ID_LENGTH]}"

    def with_learned(self, learned: Iterable[Artifact]) -> VenvPlan:
        """The same once the hashes of all wheels are known."""
        wheels = tuple(sorted((*self.wheels, *learned), key=lambda one: one.name))
        return replace(self, wheels=wheels, unhashed=())

    @property
    def files(self) -> tuple[Artifact | Unhashed, ...]:
        """All wheels that are fetched, those whose hash is known first."""
        return (*self.wheels, *self.unhashed)

    @property
    def installed(self) -> tuple[Artifact, ...]:
        """The wheels whose hash is known, and the one that rocmswitch makes itself: no index has it, no lock."""
        own = self.convolutions.wheel
        return (*self.wheels, own) if own else self.wheels

    def as_json(self) -> dict[str, object]:
        """What `use --dry-run --json` prints."""
        return {
            "environment": self.name,
            "stack": self.stack,
            "torch": self.torch or None,
            "index": self.index or None,
            "prefix": self.prefix or None,
            "python": self.python or None,
            "python_tag": self.interpreter.tag,
            "python_fetched": self.interpreter.fetch or None,
            "download_size": self.download_size,
            "installed_size": self.unpacked,
            "wheels": [*map(self._as_json, self.installed), *map(self._as_json, self.unhashed)],
            "convolutions": FALLBACK if self.convolutions.wheel else VENDOR,
            "notes": [*self.notes, *self.today],
            "install": self.install.as_json() if self.install else None,
        }

    def _as_json(self, wheel: Artifact | Unhashed) -> dict[str, object]:
        url: str | None
        digest: str | None
        if isinstance(wheel, Artifact):
            url = wheel.urls[0] if wheel.urls else None
            digest, verification = wheel.digest.value, wheel.verification
        else:
            url, digest, verification = wheel.url, None, FIRST_USE
        return {
            "name": wheel.name,
            "version": wheel.version,
            "url": url,
            "size": wheel.size,
            "sha256": digest,
            "verification": verification,
            "cached": wheel.filename in self.cached or url is None,
        }


def check_required(plan: VenvPlan, required: str | None) -> None:
    """Raise Refused where a wheel of *plan* is checked by less than *required*."""
    if required is None:
        return
    rank = VERIFICATION_CLASSES.index
    found = [(one.name, one.verification) for one in plan.wheels] + [(one.name, FIRST_USE) for one in plan.unhashed]
    name, verified = min(found, key=lambda one: rank(one[1]), default=("", required))
    if rank(verified) < rank(required):
        raise Refused(
            f"`{name}` is only `{verified}`, and `{required}` is required",
            hint=f"run the same command with `--require {verified}`",
        )


def check_accepted(plans: Sequence[VenvPlan], accepted: Iterable[Digest]) -> None:
    """Raise UsageMistake where a hash that the user accepts is that of no wheel of *plans*.

    As long as the hash of one is unknown, nobody can tell.
    """
    known = {wheel.digest for plan in plans for wheel in plan.wheels}
    stray = next((one for one in accepted if one not in known), None)
    if stray is not None and not any(plan.unhashed for plan in plans):
        raise UsageMistake(
            f"`--accept` names the hash `{stray.value}`, and none of the wheels has that",
            hint="run the same command without `--accept`: if a wheel was replaced, it names that and its hash",
        )


def wanted_files(wheels: Wheels, stack: str, interpreter: Interpreter) -> tuple[str, ...]:
    """The file of each package that suits *interpreter* best, among those whose hash the manifest pins.

    Raises NotFound, with the Pythons that would do.
    """
    check_python(wheels.python, stack, interpreter)
    versions = {**wheels.packages, **wheels.python_packages.get(interpreter.tag, {})}
    found = (
        (name, version, best_file(name, version, wheels.hashes, interpreter.tags))
        for name, version in versions.items()
    )
    files = []
    for name, version, file in found:
        if not file:
            raise NotFound(f"no wheel of {name} {version} suits `{interpreter.shown}` ({interpreter.tag})")
        files.append(file)
    return tuple(files)


def check_python(tags: Sequence[str], what: str, interpreter: Interpreter, *, torch: str = "") -> None:
    """Raise NotFound where *what* has wheels for other Pythons only: it names those that would do."""
    if interpreter.tag in tags:
        return
    usual = [tag for tag in tags if not tag.endswith("t")] or tags
    newest = version_of(usual[-1])
    hint = f"run `rocmswitch use {what} --venv NAME --python {newest}`"
    if torch:
        hint = f"run `rocmswitch use {what} --venv NAME --torch {torch} --python {newest}`"
    raise NotFound(
        f"`{what}` has no wheels for the Python `{interpreter.shown}` ({interpreter.tag}), "
        f"only for {', '.join(tags)}",
        hint=hint,
    )


def plan_artifacts(
    files: Sequence[str], hashes: Mapping[str, str], listed: Mapping[str, tuple[str, int]]
) -> tuple[Artifact, ...]:
    """The artifacts of *files*; *listed* gives the URL and the size in bytes that the index states for each."""
    artifacts = []
    for filename in files:
        if filename not in listed:
            raise NotFound(f"the package index does not list `{filename}`")
        url, size = listed[filename]
        name, version, _, _ = parse_wheel_filename(filename)
        artifacts.append(
            Artifact(name, str(version), filename, (url,), size, Digest.sha256(hashes[filename]), PINNED)
        )
    return tuple(artifacts)


def unencrypted(wheels: Iterable[Artifact], unhashed: Iterable[Unhashed]) -> tuple[str, ...]:
    """What to say of wheels whose hashes come over a connection that anybody on the way can change."""
    urls = [one.urls[0] for one in wheels if one.verification == FIRST_USE] + [one.url for one in unhashed]
    hosts = {urlsplit(url).hostname or "" for url in urls if url.startswith("http:")} - _LOOPBACK
    return tuple(
        f"`http://{host}` is not encrypted: whoever controls the network decides what comes from there"
        for host in sorted(hosts)
    )


def estimated_size(archives: Iterable[int]) -> int:
    """Bytes on disk of wheels whose table of contents was not read."""
    return _UNPACKED * sum(archives)
