"""Backups that somebody made by hand, `libMIOpen.so.original`: told from the wheel's own files, and recorded."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.errors import NotFound
from rocmswitch.host.condarecords import recorded_by_conda
from rocmswitch.host.libraryfiles import below_root, walked
from rocmswitch.host.records import Recorded, recorded
from rocmswitch.host.sites import is_conda
from rocmswitch.metadata.elf import ElfFacts, parse_elf
from rocmswitch.model.deployment import Adopted, Generation, Intent, Replacement, Seen, Site, Step
from rocmswitch.operations.access import Means, alone, check_rights
from rocmswitch.planning.drift import Spot, uppermost
from rocmswitch.store.trees import Trees
from rocmswitch.system.copying import hash_opened
from rocmswitch.system.folder import Folder
from rocmswitch.system.reading import open_regular

SUFFIXES = (".original", ".orig", ".backup", ".bak", ".old")
"""What people call them."""

ADOPT, COVERED, SWAPPED, SAME, DOUBTFUL, BROKEN = "adopt", "covered", "swapped", "same", "doubtful", "broken"
"""What can become of a pair: it is adopted; a generation has it; the *backup* is the patched one; both are the
same; no record tells which one is the wheel's own; the backup is no such library.
"""


@dataclass(frozen=True)
class Pair:
    """A library below `root` at `path`, and the backup beside it."""

    root: str
    path: str
    backup: str
    verdict: str
    why: str = ""
    """One sentence without a full stop."""
    seen: Seen = Seen()
    """The library, before it was read."""


@dataclass(frozen=True)
class _Side:
    """One file of a pair. `facts` is None where it is no library."""

    facts: ElfFacts | None
    size: int
    sha256: str


def pairs(site: Site, generations: Sequence[Generation]) -> tuple[Pair, ...]:
    """Every backup beside a library of *site*, and what becomes of it. Reads both files of each pair.

    What *generations* in force have changed is covered. Of several backups of one library, one is adopted at
    most. Raises NotFound where there is none, OSError.
    """
    covered = uppermost(generations)
    beside = (one for root in walked(site) for one in _beside(Path(root)))
    found = [_judge(site, library, backup, covered) for library, backup in beside]
    if not found:
        endings = ", ".join(SUFFIXES)
        raise NotFound(f"no backup made by hand ({endings}) lies beside a library of `{site.place.name}`")
    return tuple(_each_once(found))


def chosen(found: Sequence[Pair], *, despite_doubts: bool) -> tuple[Pair, ...]:
    """Those that are adopted: with a reason of the user's also those of which nothing tells which is which."""
    taken = {(one.root, one.path): one for one in reversed(found) if despite_doubts and one.verdict == DOUBTFUL}
    taken |= {(one.root, one.path): one for one in found if one.verdict == ADOPT}
    return tuple(one for one in found if one in taken.values())


def execute(
    adopted: Sequence[Pair], site: Site, means: Means, trees: Trees | None, intent: tuple[str, int]
) -> Generation:
    """Record them as one generation; nothing changes in the environment.

    *intent* is the user's reason, and the number of the newest generation that the plan knows.
    """
    reason, expected = intent
    for folder in {Path(one.root, one.path).parent: None for one in adopted}:
        check_rights(folder, means.line)
    doubts = tuple(one.why for one in adopted if one.verdict == DOUBTFUL)
    # Nothing changes where a library stands: what its backup holds is recorded as what stood there before.
    changes = [Replacement(one.root, one.path, one.seen, Adopted(one.backup)) for one in adopted]
    with alone(site.place, trees, means.wait):
        what = Intent("adopt", site.place, reason, notes=doubts)
        return means.ledger.carry_out(what, changes, wait=means.wait, expected=expected)


def _beside(root: Path) -> Iterator[tuple[Path, Path]]:
    """Libraries that have a backup beside them, and the backups, below *root*. Follows no link."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        there = set(files)
        for name in sorted(files):
            library = next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), "")
            if library in there and ".so" in library:
                yield Path(folder, library), Path(folder, name)


def _each_once(found: list[Pair]) -> Iterator[Pair]:
    """The pairs, the second one to be adopted for the same library set aside: the first is as good."""
    taken: set[Spot] = set()
    for one in found:
        if one.verdict == ADOPT and (one.root, one.path) in taken:
            yield replace(one, verdict=COVERED, why="another backup beside it holds the same")
        else:
            taken |= {(one.root, one.path)} if one.verdict == ADOPT else set()
            yield one


def _judge(site: Site, library: Path, beside: Path, covered: Mapping[Spot, tuple[Generation, Step]]) -> Pair:
    root, path = below_root(site, str(library))
    backup = str(beside.relative_to(root))

    def told(verdict: str, why: str, seen: Seen | None = None) -> Pair:
        return Pair(root, path, backup, verdict, why, seen or Seen())

    if (root, path) in covered:
        return told(COVERED, f"generation {covered[root, path][0].number} has saved what stood there before")
    odd = next((one for one in (path, backup) if not stat.S_ISREG(Path(root, one).lstat().st_mode)), None)
    if odd:
        return told(BROKEN, f"`{odd}` is no regular file")
    with Folder.reached(Path(root, path).parent) as folder:
        seen = folder.seen(Path(path).name)
    there, saved = _side(library), _side(beside)
    wrong = _unlike(there, saved, path, backup)
    if wrong:
        return told(BROKEN, wrong)
    if there.sha256 == saved.sha256:
        return told(SAME, f"`{path}` and `{backup}` hold the same")
    return told(*_by_record(_recorded(site, root, path), there, saved, (path, backup)), seen)


def _recorded(site: Site, root: str, path: str) -> Recorded | None:
    """What a wheel has brought there, or a package of conda's."""
    found = recorded(Path(root), path) if root in site.packages else None
    environment, whole = Path(site.place.resolved), Path(root, path)
    if found is None and is_conda(environment) and whole.is_relative_to(environment):
        return recorded_by_conda(environment, str(whole.relative_to(environment)))
    return found


def _by_record(known: Recorded | None, library: _Side, saved: _Side, names: tuple[str, str]) -> tuple[str, str]:
    """Which of two different libraries the package has brought, by its record."""
    path, backup = names
    if known is None:
        return DOUBTFUL, f"no package's record names `{path}`, so nothing tells which of the two is the original"
    wheel = f"{known.distribution} {known.version}"
    if saved.sha256 == known.sha256:
        return ADOPT, f"`{backup}` is what {wheel} brought, `{path}` is not"
    if library.sha256 == known.sha256:
        return SWAPPED, f"`{path}` is what {wheel} brought, so `{backup}` is the other one"
    return DOUBTFUL, f"neither `{path}` nor `{backup}` is what {wheel} brought: the backup may be another version's"


def _unlike(library: _Side, saved: _Side, path: str, backup: str) -> str:
    """Why *saved* cannot be what *library* was before; empty where it can."""
    if library.facts is None or saved.facts is None:
        return f"`{path if library.facts is None else backup}` is no library"
    if (library.facts.machine, library.facts.bits) != (saved.facts.machine, saved.facts.bits):
        return f"`{backup}` is for another processor than `{path}`"
    if library.facts.soname != saved.facts.soname:
        return f"`{backup}` is `{saved.facts.soname}` and `{path}` is `{library.facts.soname}`"
    return ""


def _side(path: Path) -> _Side:
    """Raises OSError."""
    with open_regular(path) as file:
        facts = parse_elf(file)
        file.seek(0)
        return _Side(facts, os.fstat(file.fileno()).st_size, hash_opened(file))
