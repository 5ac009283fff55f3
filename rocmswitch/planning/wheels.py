"""Which wheels an interpreter gets, and the plan of the environment that holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

from rocmswitch.errors import NotFound
from rocmswitch.model.package import PINNED, Artifact, Digest
from rocmswitch.model.stack import Wheels
from rocmswitch.planning.install import TREE_ID_LENGTH, InstallPlan


@dataclass(frozen=True)
class Interpreter:
    """A Python: its executable, its tag (`cp311`), and the wheel tags that it takes, the best first.

    One that the machine lacks has no executable yet, and `fetch` says which version uv would download.
    """

    executable: str
    tag: str
    tags: tuple[Tag, ...]
    fetch: str = ""


@dataclass(frozen=True)
class VenvPlan:
    """An environment bound to a prefix. `install` is the plan of that prefix where it has to be made first."""

    name: str
    stack: str
    stack_version: str
    prefix: str
    python: str
    python_tag: str
    wheels: tuple[Artifact, ...]
    cached: frozenset[str]
    """File names of the wheels that the cache has."""
    install: InstallPlan | None = None
    replaces: str = ""

    @property
    def download_size(self) -> int:
        """Bytes to fetch, the prefix's packages included."""
        wheels = sum(one.size for one in self.wheels if one.filename not in self.cached)
        return wheels + (self.install.download_size if self.install else 0)

    @property
    def tree(self) -> str:
        """NAME-<12 hex>: from what decides the environment's content."""
        content = {
            "name": self.name,
            "prefix": self.prefix,
            "python": self.python,
            "wheels": sorted(str(one.digest) for one in self.wheels),
            "replaces": self.replaces,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:TREE_ID_LENGTH]}"

    def as_json(self) -> dict[str, object]:
        """What `use --dry-run --json` prints."""
        return {
            "environment": self.name,
            "stack": self.stack,
            "python": self.python,
            "download_size": self.download_size,
            "wheels": [
                {
                    "name": one.name,
                    "version": one.version,
                    "url": one.urls[0],
                    "size": one.size,
                    "sha256": one.digest.value,
                    "verification": one.verification,
                    "cached": one.filename in self.cached,
                }
                for one in self.wheels
            ],
            "install": self.install.as_json() if self.install else None,
        }


def wanted_files(wheels: Wheels, stack: str, interpreter: Interpreter) -> tuple[str, ...]:
    """The file of each package that suits *interpreter* best, among those whose hash the manifest pins.

    Raises NotFound, with the Pythons that would do.
    """
    if interpreter.tag not in wheels.python:
        raise NotFound(
            f"`{stack}` has no wheels for the Python `{interpreter.executable}` ({interpreter.tag}), "
            f"only for {', '.join(wheels.python)}",
            hint=f"run `rocmswitch use {stack} --venv NAME --python {_version(wheels.python[-1])}`",
        )
    return tuple(_best(name, version, wheels, interpreter) for name, version in wheels.packages.items())


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


def _best(name: str, version: str, wheels: Wheels, interpreter: Interpreter) -> str:
    ranks = {tag: rank for rank, tag in enumerate(interpreter.tags)}
    found = []
    for filename in wheels.hashes:
        project, found_version, _, tags = parse_wheel_filename(filename)
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
        if project == canonicalize_name(name) and str(found_version) == version and rank is not None:
            found.append((rank, filename))
    if not found:
        raise NotFound(f"no wheel of {name} {version} suits `{interpreter.executable}` ({interpreter.tag})")
    return min(found)[1]


def _version(tag: str) -> str:
    """`cp311` as people type it: `3.11`."""
    return f"{tag[2]}.{tag[3:]}"
