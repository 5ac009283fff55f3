"""Take away all that rocmswitch has made in a scope, in an order in which nothing is left that leads nowhere.

There is no record and no way back: whoever is stopped runs it again, and it takes away what is left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Refused, UsageMistake
from rocmswitch.model.deployment import Step
from rocmswitch.operations.modulefiles import modulefile_folder, wanted_modulefiles
from rocmswitch.operations.remains import QUICK, survey
from rocmswitch.planning.drift import COVERED, DEPLOYED, PRUNED, TAKEN_BACK, Facts, judge, spot
from rocmswitch.store.layout import Layout
from rocmswitch.store.receipts import TREES, stack_of
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.lock import held
from rocmswitch.system.usage import usage

WAIT = 10.0
"""Seconds to wait for another rocmswitch that changes something."""
_OF_OTHERS = ("foreign", "user")
"""Kinds of places that are not ours and stay."""
_SETTLED = (TAKEN_BACK, COVERED, PRUNED)
"""What became of a deployment that another one answers for, or nobody any more."""


@dataclass(frozen=True)
class Forest:
    """The trees below one folder of links."""

    trees: Trees
    links: Path

    def names(self) -> tuple[str, ...]:
        """Of all trees, those that have lost theirs among them. What somebody else has put there is none."""
        if not self.links.is_dir():
            return ()
        there = {stack_of(path.name) for path in _listed(self.links / TREES)} - {""}
        return tuple(name for name in sorted({*self.trees.names(), *there}) if self._is_ours(name))

    def _is_ours(self, name: str) -> bool:
        try:
            self.trees.current(name)
        except (Refused, UsageMistake):
            return False
        return True


@dataclass(frozen=True)
class Uninstall:
    """What would go. *names* are prefixes and environments, *folders* what goes whole, *freed* in bytes."""

    layout: Layout
    forests: tuple[Forest, ...]
    names: tuple[str, ...]
    folders: tuple[Path, ...]
    freed: int

    @property
    def is_nothing(self) -> bool:
        there = self.names or self.folders or self.layout.config_file.is_file() or self.layout.locks.is_dir()
        return not (there or any(map(_is_empty, _frame(self.layout))))


@dataclass(frozen=True)
class Elsewhere:
    """Places of others into which something was deployed, as `restore` calls them."""

    there: tuple[str, ...] = ()
    """Some of it still stands: its originals are put back first."""
    gone: tuple[str, ...] = ()
    """The place is gone, or a disk is not mounted; its originals would go, too."""
    adopted: tuple[str, ...] = ()
    """What stands there stood there before rocmswitch came, and stays."""
    replaced: tuple[str, ...] = ()
    """Something else stands there than what was put, and than what stood there before, which goes."""


def plan(layout: Layout, forests: tuple[Forest, ...], *, keep_cache: bool) -> Uninstall:
    """Look at what is there. Changes nothing. Raises Refused where a program runs from it."""
    for one in forests:
        _check_idle(one)
    folders = (*_leading(layout), *_remembering(layout), *(() if keep_cache else _cached(layout)))
    there = tuple(path for path in folders if path.is_dir())
    names = tuple(name for one in forests for name in one.names())
    freed = usage((*there, *(one.links for one in forests))).freed
    return Uninstall(layout, forests, names, there, freed)


def look_elsewhere(ledger: Ledger) -> Elsewhere:
    """Where originals would be lost. What was let go of, or replaced altogether since, has none to be put back."""
    generations = ledger.generations()
    facts = survey(ledger, generations, {one.number for one in generations}, limit=QUICK)
    found: dict[str, dict[str, None]] = {"deploy": {}, "adopt": {}, "gone": {}, "replaced": {}}
    for one in judge(generations, facts):
        verb, place = one.generation.intent.verb, one.generation.intent.place
        if verb in DEPLOYED and place.kind in _OF_OTHERS and one.state not in _SETTLED:
            if facts.places.get(one.generation.number) == "gone":
                found["gone"][place.name] = None
            elif any(_stands(step, facts) for step in one.generation.steps):
                found[verb][place.name] = None
            elif not all(_is_back(step, facts) for step in one.generation.steps):
                found["replaced"][place.name] = None
    adopted = tuple(place for place in found["adopt"] if place not in found["deploy"])
    return Elsewhere(tuple(found["deploy"]), tuple(found["gone"]), adopted, tuple(found["replaced"]))


def _stands(step: Step, facts: Facts) -> bool:
    """Whether what was put there is there, as far as anybody knows."""
    ground = facts.ground.get(spot(step))
    if ground is None or not ground.is_reached:
        return False
    return not ground.is_told or ground.state.holds_the_same(step.after)


def _is_back(step: Step, facts: Facts) -> bool:
    """Whether what stood there before stands there again, as after a reinstall: nothing is lost then."""
    ground = facts.ground.get(spot(step))
    return ground is not None and ground.is_told and ground.state.holds_the_same(step.before)


@contextlib.contextmanager
def alone(plan: Uninstall, wait: float = WAIT) -> Iterator[None]:
    """Nobody else works on any of the trees meanwhile: who waits in vain finds all as it was. Raises Busy."""
    with disk_errors(plan.layout.data), contextlib.ExitStack() as locks:
        for one in plan.forests:
            for name in one.names():
                locks.enter_context(one.trees.locked(name, wait))
        yield


def execute(plan: Uninstall, disk: Disk, wait: float = WAIT) -> tuple[Path, ...]:
    """Within `alone`: first what leads to the trees, then those, then what was remembered, and the locks last.

    Returns the folders that stay, because somebody else has put something there. Raises Busy.
    """
    layout = plan.layout
    with disk_errors(layout.data), held(layout.locks / "changes.lock", wait=wait, what="the changes of files"):
        for folder in _leading(layout):
            disk.remove_tree(folder)
        for one in plan.forests:
            for name in one.names():
                one.trees.remove(name)
        for path in wanted_modulefiles(layout):
            disk.discard(path)
        for folder in plan.folders:
            disk.remove_tree(folder)
        disk.discard(layout.config_file)
        disk.remove_tree(layout.locks)
        return tuple(_left(layout, disk))


def _check_idle(forest: Forest) -> None:
    trees = [path.name for path in _listed(forest.links / TREES) if stack_of(path.name)]
    running = [program for programs in forest.trees.users(trees).values() for program in programs]
    if running:
        raise Refused(
            f"a program runs from what would go: {running[0].command} ({running[0].number})",
            hint="run the same command again when it has ended",
        )


def _leading(layout: Layout) -> tuple[Path, ...]:
    return layout.activations, layout.shell


def _remembering(layout: Layout) -> tuple[Path, ...]:
    """What users have put there too: manifests of their own."""
    found = (layout.checks, layout.probes, layout.pythons, layout.manifests, layout.seen, layout.resolutions)
    return (*found, layout.drafts, layout.journal, layout.backups)


def _cached(layout: Layout) -> tuple[Path, ...]:
    return layout.archives, layout.partial, layout.indexes, layout.uv, layout.scratch


def _left(layout: Layout, disk: Disk) -> Iterator[Path]:
    """Folders that hold nothing go too; those of a scope that hold something are given."""
    for folder in _frame(layout):
        if _is_empty(folder):
            disk.remove_tree(folder)
    yield from (folder for folder in (layout.data, layout.cache, layout.config) if folder.exists())


def _frame(layout: Layout) -> tuple[Path, ...]:
    """The folders in which somebody else may have put something, what lies within another before that one."""
    trees = (folder for links in (layout.prefixes, layout.venvs) for folder in (links / TREES, links))
    modulefiles = (modulefile_folder(layout), layout.modulefiles)
    return (*trees, *modulefiles, layout.data, layout.cache, layout.config)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink() and not _listed(folder)


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
