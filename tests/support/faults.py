"""What the commands do, in one thread on a disk that is handed in, and what must hold after it has failed.

with TinyServer(folder, key) as served, Stage.in_memory(served) as stage:
    stage.set_up(stage.prepare([lambda hands: hands.install()]))
    stage.hands(CuttingDisk(17)).install("compiler")      # loses power before the 18th change
    assert_sound(stage.layout)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.fetch.repository import Repositories
from rocmswitch.host.libraries import HostLibraries
from rocmswitch.model.host import Host
from rocmswitch.model.indexes import PackageIndexes
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations import backup, install, remove, repair, use
from rocmswitch.operations import cache as cache_operations
from rocmswitch.operations.building import Workshop
from rocmswitch.operations.environment import Nursery
from rocmswitch.operations.keeping import kept_trees
from rocmswitch.operations.matching import Supply
from rocmswitch.operations.rendering import script
from rocmswitch.operations.resolving import Surroundings, Wish
from rocmswitch.operations.scripts import mend_scripts, write_scripts
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.wheels import Interpreter
from rocmswitch.store.cache import Cache
from rocmswitch.store.catalog import Catalog, Manifest
from rocmswitch.store.firstuse import FirstUse
from rocmswitch.store.freshness import DIALECTS
from rocmswitch.store.installed import Installed
from rocmswitch.store.interpreters import read_interpreter
from rocmswitch.store.layout import Layout
from rocmswitch.store.relocate import Machine
from rocmswitch.store.resolution import Resolver
from rocmswitch.store.trees import Trees
from rocmswitch.store.verify import verify_tree
from rocmswitch.store.virtualenv import Uv
from rocmswitch.system.disk import Disk
from tests.support.disk import HastyDisk, copy_folder, remove_folder
from tests.support.tinystack import TINY, TinyServer

HOST = Host("ubuntu", ("debian",), "jammy", "amd64", "2.35")
HURRY = Patience(connect=2, stall=2, attempts=1, pause=0.01)
WAIT = 5.0
NOBODY = 999_999_999
"""The number of no process."""


@dataclass(frozen=True)
class Hands:
    """What the commands do, on one disk and in one thread; each call with new objects, as in a new process."""

    layout: Layout
    disk: Disk
    index: str = ""
    name: str = TINY
    python: Interpreter | None = field(default=None, compare=False)

    def install(self, *sets: str, gpus: tuple[str, ...] | None = None) -> None:
        manifest, receipt = self._manifest(), self._receipt()
        if install.is_there(manifest, sets, receipt, gpus=gpus):
            write_scripts(self.name, self.installed(), self.disk)
        else:
            install.execute(self.plan(*sets, gpus=gpus), self.workshop(), Silent(), Stages())

    def plan(self, *sets: str, gpus: tuple[str, ...] | None = None) -> InstallPlan:
        wish = install.with_installed(Wish(sets, gpus=gpus), self._receipt())
        return install.plan(self._manifest(), wish, self._repositories(), self._surroundings(), Stages())

    def repair(self) -> None:
        receipt = self._receipt()
        if receipt is not None and verify_tree(self.layout.prefixes / self.name):
            repair.execute(repair.plan(receipt, self.cache()), self.workshop(), Silent(), Stages())

    def remove(self) -> None:
        self.settle()
        if self.installed().prefix(self.name):
            remove.execute(remove.plan(self.name, self.installed()), self.prefixes(), self.ledger(), self.disk)

    def purge(self) -> None:
        """As `remove --purge`; a removal that was cut before its tree went is carried on."""
        self.settle()
        if self.installed().prefix(self.name):
            planned = remove.purged(remove.plan(self.name, self.installed()), self.ledger())
            remove.execute(planned, self.prefixes(), self.ledger(), self.disk)
        else:
            self.prune_backups()

    def settle(self) -> None:
        """What every command begins with."""
        self.ledger().settle(wait=WAIT)
        mend_scripts(self.layout, self.installed(), self.disk)

    def prune_backups(self) -> None:
        stock = backup.Stock(self.ledger(), (self.prefixes(), self.venvs()))
        backup.execute(backup.plan(stock), stock)

    def use(self, name: str) -> None:
        manifest = self._manifest()
        if self.installed().venv(name) is None:
            python = self.python or read_interpreter(Path(sys.executable))
            plan = use.plan(manifest, use.Wanted(name, python), self.supply())
            use.execute(plan, self.workshop(), self.nursery(), Silent(), Stages())
        write_scripts(name, self.installed(), self.disk)

    def enter(self, name: str) -> None:
        """What `use NAME` does for what is there."""
        write_scripts(name, self.installed(), self.disk)

    def prune(self) -> None:
        self.cache().prune(cache_operations.wanted(self.installed()))

    def sweep(self) -> None:
        for trees in (self.prefixes(), self.venvs()):
            trees.sweep()

    def installed(self) -> Installed:
        return Installed((self.layout,))

    def cache(self) -> Cache:
        return Cache(self.layout.archives, self.layout.partial, self.disk)

    def ledger(self) -> Ledger:
        return Ledger(self.layout, self.disk, is_side_by_side=False)

    def prefixes(self) -> Trees:
        return Trees(self.layout.prefixes, self.layout.locks, self.disk, lambda: kept_trees(self.ledger()))

    def venvs(self) -> Trees:
        return Trees(self.layout.venvs, self.layout.locks, self.disk, lambda: kept_trees(self.ledger()))

    def workshop(self) -> Workshop:
        machine = Machine(HostLibraries(), HOST.glibc, jobs=0)
        return Workshop(
            self._downloads(), self.prefixes(), self.disk, machine, self.installed(), self._seen(), wait=WAIT
        )

    def nursery(self) -> Nursery:
        uv = Uv(self.layout.cache / "uv", self.disk)
        return Nursery(self._downloads(), self.venvs(), self.disk, uv, self.supply(), self.ledger(), wait=WAIT)

    def supply(self) -> Supply:
        indexes = PackageIndexes(self.index)
        resolver = Resolver(self.layout.cache / "uv", self.disk, indexes)
        first_use = FirstUse(self.layout.seen / "wheels", self.disk)
        recorded = self.layout.data / "resolutions"
        return Supply(Http(HURRY), self.cache(), indexes, resolver, first_use, recorded, self.disk)

    def _downloads(self) -> Downloads:
        return Downloads(Http(HURRY), self.cache(), jobs=0)

    def _repositories(self) -> Repositories:
        return Repositories(Http(HURRY), self.layout, self.disk, datetime.now(timezone.utc))

    def _surroundings(self) -> Surroundings:
        return Surroundings(HOST, HostLibraries(), self.cache(), {}, self._seen())

    def _seen(self) -> FirstUse:
        return FirstUse(self.layout.seen / "tarballs", self.disk)

    def _manifest(self) -> Manifest:
        return Catalog(self.layout.data / "none", (self.layout.manifests,)).read(self.name)

    def _receipt(self) -> Receipt | None:
        one = self.installed().prefix(self.name)
        return one.receipt if one else None


@dataclass(frozen=True)
class Stage:
    """Where scenes are played, always in the same folder, because scripts name it."""

    served: TinyServer
    folder: Path
    python: Interpreter

    @classmethod
    @contextlib.contextmanager
    def in_memory(cls, served: TinyServer) -> Iterator[Stage]:
        """In memory where that can be: thousands of small files are made and removed."""
        memory = Path("/dev/shm")
        with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
            yield cls(served, Path(name) / "home", read_interpreter(Path(sys.executable)))
            for path in Path(name).iterdir():
                remove_folder(path)

    @property
    def layout(self) -> Layout:
        return Layout.under(self.folder)

    def hands(self, disk: Disk | None = None) -> Hands:
        """A new process's, on the real disk if no other is given."""
        return Hands(self.layout, disk or HastyDisk(), self.served.index, python=self.python)

    def prepare(self, acts: Iterable[Callable[[Hands], object]]) -> Path:
        """What lies there before a scene, kept aside for `set_up`."""
        self.served.furnish(self.layout)
        for act in acts:
            act(self.hands())
        return self.folder.rename(self.folder.with_name("before"))

    def set_up(self, before: Path) -> None:
        remove_folder(self.folder)
        copy_folder(before, self.folder)

    def trees(self) -> dict[str, str]:
        """The tree of each name, as it stands there."""
        found = (
            Trees(links, self.layout.locks, HastyDisk()) for links in (self.layout.prefixes, self.layout.venvs)
        )
        return {name: trees.current(name) for trees in found for name in trees.names()}


def left_by_a_dead_process(layout: Layout) -> None:
    """Give temporary files of this process to one that is no more, as after a restart."""
    for path in tuple(layout.data.parent.rglob(f".*.{os.getpid()}.new")):
        folder_mode = path.parent.stat().st_mode & 0o7777
        path.parent.chmod(0o755)
        path.rename(path.with_name(path.name.replace(f".{os.getpid()}.", f".{NOBODY}.")))
        path.parent.chmod(folder_mode)


def assert_sound(layout: Layout, damaged: Collection[str] = ()) -> dict[str, str]:
    """What is installed is all there, and nothing but trees *damaged* before only pretends to be.

    The cache holds no wrong bytes under a right name. Returns the tree of each name.
    """
    current = {}
    for links in (layout.prefixes, layout.venvs):
        trees = Trees(links, layout.locks, HastyDisk())
        for name in trees.names():
            current[name] = trees.current(name)
            assert trees.receipt(name).tree == current[name]
        for tree in (links / ".trees").glob("*"):
            if trees.is_whole(tree.name) and tree.name not in damaged:
                assert verify_tree(tree, jobs=1) == (), tree.name
        assert all(trees.is_whole(tree) for name, tree in current.items() if name in trees.names())
    for archive in Cache(layout.archives, layout.partial, HastyDisk()).files():
        assert archive.partial or hashlib.sha256(archive.path.read_bytes()).hexdigest() == archive.name
    for seen in layout.seen.glob("[!.]*.json"):
        assert datetime.fromisoformat(json.loads(seen.read_bytes())["date"])
    return current


def assert_tidy(layout: Layout) -> None:
    """Nothing is left of what was interrupted: each name has its tree and its script, and no more lies there."""
    installed = Installed((layout,))
    found = (*installed.prefixes(), *installed.venvs())
    scripts = {one.script(kind): script(kind, one, installed) for one in found for kind in DIALECTS}
    lying = {path: path.read_text() for path in layout.activations.glob("*")}
    assert {path: text for path, text in lying.items() if not path.is_symlink()} == scripts
    assert all(path.resolve() in scripts for path in lying)
    carried = {f"functions.{kind}" for kind in DIALECTS} | {"aliases.json"}
    assert {path.name for path in layout.shell.glob("*")} in (carried, set())
    trees = {path.name for links in (layout.prefixes, layout.venvs) for path in (links / ".trees").glob("*")}
    ledger = Ledger(layout, HastyDisk())
    assert not ledger.is_interrupted
    assert trees == {one.receipt.tree for one in found} | ledger.kept_trees()
    leftover = [str(path) for path in layout.data.parent.rglob(".*") if path.suffix in (".new", ".bound")]
    assert not leftover, leftover
    assert list(layout.data.rglob(".relocated-*")) == []
