"""What is to go into a bundle: planned, and nothing of it fetched yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec import to_builtins

from rocmswitch.metadata.bundle import MadeOn
from rocmswitch.model.package import Artifact, Unhashed
from rocmswitch.planning.wheels import VenvPlan
from rocmswitch.store.cache import Cache
from rocmswitch.store.catalog import Manifest


@dataclass(frozen=True)
class Tree:
    """What the prefix of one stack is made from: sources of the kind `source`. `names` are its whole closure."""

    stack: str
    source: str
    sets: tuple[str, ...]
    packages: tuple[Artifact, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unhashed: tuple[Unhashed, ...] = ()
    """A tarball whose hash nobody states: it is taken while it arrives."""

    def with_learned(self, learned: Iterable[Artifact]) -> Tree:
        """The same once that hash is known."""
        return replace(self, packages=(*self.packages, *learned), unhashed=())


@dataclass(frozen=True)
class Order:
    """All that a bundle will have, nothing large of it fetched. `locks` are by stack, `pythons` are uv's keys."""

    manifests: tuple[Manifest, ...]
    locks: Mapping[str, bytes]
    trees: tuple[Tree, ...]
    venvs: tuple[VenvPlan, ...]
    pythons: tuple[str, ...]
    host: MadeOn
    created: datetime
    archives: Mapping[str, str]
    mirror: str = ""

    @property
    def packages(self) -> tuple[Artifact, ...]:
        """Each once, though several stacks need it."""
        return tuple({one.digest: one for tree in self.trees for one in tree.packages}.values())

    @property
    def wheels(self) -> tuple[Artifact, ...]:
        return tuple({one.digest: one for venv in self.venvs for one in venv.wheels}.values())

    @property
    def size(self) -> int:
        """Bytes of all that is large, as far as that is known before."""
        unhashed = (*self.unhashed, *(one for venv in self.venvs for one in venv.unhashed))
        return sum(one.size for one in (*self.packages, *self.wheels)) + sum(one.size for one in unhashed)

    @property
    def unhashed(self) -> tuple[Unhashed, ...]:
        """Of the prefixes."""
        return tuple(one for tree in self.trees for one in tree.unhashed)

    @property
    def notes(self) -> tuple[str, ...]:
        said = [note for tree in self.trees for note in tree.notes]
        return tuple(dict.fromkeys([*said, *(note for venv in self.venvs for note in venv.notes)]))

    def as_json(self) -> dict[str, object]:
        """What `bundle create --dry-run --json` prints, the sizes of this machine aside."""
        return {
            "created": self.created.isoformat(timespec="seconds"),
            "host": to_builtins(self.host),
            "stacks": [
                {"name": one.stack.name, "shipped": one.shipped, "sets": list(self._sets(one.stack.name))}
                for one in self.manifests
            ],
            "environments": [_environment(one) for one in self.venvs],
            "pythons": list(self.pythons),
            "packages": [*map(_as_json, self.packages), *map(_as_json, self.unhashed)],
            "wheels": [_as_json(one) for venv in self.venvs for one in venv.files],
            "size": self.size,
            "notes": list(self.notes),
        }

    def _sets(self, stack: str) -> tuple[str, ...]:
        return next((one.sets for one in self.trees if one.stack == stack), ())

    def download_size(self, cache: Cache) -> int:
        """Bytes of it that *cache* lacks."""
        have = (one.size for one in (*self.packages, *self.wheels) if cache.find(one.digest, one.size) is not None)
        return self.size - sum(have)


def _as_json(one: Artifact | Unhashed) -> dict[str, object]:
    digest = one.digest.value if isinstance(one, Artifact) else None
    return {"name": one.name, "version": one.version, "size": one.size, "sha256": digest}


def _environment(plan: VenvPlan) -> dict[str, object]:
    tag = plan.interpreter.tag
    return {"stack": plan.stack, "python": tag, "torch": plan.torch or None, "gpu": plan.gpu or None}
