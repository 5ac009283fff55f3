"""What stands where a deployment goes: whose it is, who else has its bytes, what runs from it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.host.records import Recorded, recorded
from rocmswitch.model.deployment import FILE, Generation, Replacement, Step
from rocmswitch.planning.drift import Spot, is_as_placed, spot
from rocmswitch.system.copying import hash_opened
from rocmswitch.system.reading import open_regular
from rocmswitch.system.running import Process, running_from

_QUICK = 64 * 1000**2
"""Bytes of a file that are read to say whose it is: a tenth of a second."""


@dataclass(frozen=True)
class Standing:
    """One path before it is replaced."""

    kind: str
    size: int = 0
    package: str = ""
    """`torch 2.7.1+rocm6.2.4`, whose wheel has a file there; empty where no wheel has."""
    is_own: bool = False
    """It is the wheel's, as far as its size tells, or its hash where that is cheap."""
    stated: str = ""
    """The SHA-256 that its RECORD has."""
    generation: int = 0
    """The last one that changed this path; 0 for none."""
    verb: str = ""
    """Of that one."""
    still_there: bool = False
    """It is what that one put."""
    other_names: int = 0
    """Hard links elsewhere, which keep the old bytes."""
    is_copied: bool = False
    """Saving it takes a copy: it lies on another file system than what is saved, or is another user's."""
    programs: tuple[Process, ...] = ()
    """They have it mapped, and keep it until they end."""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def look_at(
    replacements: Sequence[Replacement], packages: Sequence[str], ledger: Ledger, backups: Path
) -> tuple[Standing, ...]:
    """What stands at each path. *packages* are the site's, *backups* is where it would be saved. Reads little."""
    mapped = running_from([_as_mapped(one) for one in replacements])
    changes = _changes(replacements, ledger.generations())
    store = _device(backups)
    return tuple(
        replace(
            _standing(one, changes[_spot(one)], _brought(one, packages), store),
            other_names=_other_names(one, changes[_spot(one)], ledger),
            programs=mapped[_as_mapped(one)],
        )
        for one in replacements
    )


def _changes(
    replacements: Sequence[Replacement], generations: Iterable[Generation]
) -> dict[Spot, list[tuple[Generation, Step]]]:
    """For each path what generations have done to it, oldest first."""
    found: dict[Spot, list[tuple[Generation, Step]]] = {_spot(one): [] for one in replacements}
    for generation in generations:
        for step in generation.steps:
            if spot(step) in found:
                found[spot(step)].append((generation, step))
    return found


def _standing(
    one: Replacement, changes: Sequence[tuple[Generation, Step]], brought: Recorded | None, store: int
) -> Standing:
    seen, (generation, step) = one.seen, changes[-1] if changes else (None, None)
    path, is_file = Path(one.root, one.path), seen.kind == FILE
    known = step.after.sha256 if step and is_as_placed(seen, step.placed) else None
    return Standing(
        seen.kind,
        seen.size if is_file else 0,
        package=f"{brought.distribution} {brought.version}" if brought else "",
        stated=brought.sha256 if brought else "",
        is_own=bool(brought and is_file and _is_own(path, known, seen.size, brought)),
        generation=generation.number if generation else 0,
        verb=generation.intent.verb if generation else "",
        still_there=known is not None,
        is_copied=is_file and not _can_link(_lstat(path), store),
    )


def _other_names(one: Replacement, changes: Sequence[tuple[Generation, Step]], ledger: Ledger) -> int:
    """Names of the file besides its own, and besides those that generations have for it."""
    found = _lstat(Path(one.root, one.path)) if one.seen.kind == FILE else None
    if found is None or found.st_nlink < 2:
        return 0
    kept = (
        _lstat(ledger.saved(generation.number, name))
        for generation, step in changes
        for name in (step.saved, step.kept)
        if name
    )
    own = sum(1 for status in kept if status and (status.st_dev, status.st_ino) == (found.st_dev, found.st_ino))
    return max(found.st_nlink - 1 - own, 0)


def _brought(one: Replacement, packages: Sequence[str]) -> Recorded | None:
    """What a wheel has at this path, whatever stands there now."""
    path = Path(one.root, one.path)
    for folder in map(Path, packages):
        if path.is_relative_to(folder):
            with contextlib.suppress(OSError):  # nothing that a deployment needs to know
                return recorded(folder, str(path.relative_to(folder)))
    return None


def _is_own(path: Path, known: str | None, size: int, brought: Recorded) -> bool:
    """By its hash, where that is *known* or cheap.

    A large file is read once, when it is saved: until then its size has to do.
    """
    if known is not None:
        return known == brought.sha256
    if brought.size and brought.size != size:
        return False
    if brought.size and size > _QUICK:
        return True
    try:
        with open_regular(path) as file:
            return hash_opened(file) == brought.sha256
    except OSError:
        return False


def _as_mapped(one: Replacement) -> str:
    """How a line of /proc/PID/maps ends whose program has mapped it: proc(5)."""
    return f"{Path(one.root, one.path)}\n"


def _spot(one: Replacement) -> Spot:
    return one.root, one.path


def _can_link(found: os.stat_result | None, store: int) -> bool:
    """A reflink would do across owners, but nobody knows before trying: at worst the plan names too much."""
    user = os.geteuid()
    # fs.protected_hardlinks: only one's own files can be linked.
    return found is not None and found.st_dev == store and user in (0, found.st_uid)


def _device(folder: Path) -> int:
    """Of the file system that *folder* is on, or will be."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return there.stat().st_dev


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None  # gone since the plan: carrying it out will notice
