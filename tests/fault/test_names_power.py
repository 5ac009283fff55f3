"""A cut while a name, the default or what was kept goes or comes back: the next command finds old or new, whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.operations import backup, remove, undo
from rocmswitch.operations.access import Means
from rocmswitch.operations.default import set_default
from rocmswitch.operations.keeping import kept_trees
from rocmswitch.operations.scripts import mend_scripts, refresh_scripts
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from rocmswitch.store.verify import verify_tree
from rocmswitch.system.disk import Disk
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut, copy_folder, remove_folder
from tests.support.furnished import environment, prefix

FIRST, SECOND = "rocm-6.1.0", "rocm-6.2.4"
ALL = ("prefixes", "venvs", "activations", "shell")


@dataclass(frozen=True)
class Account:
    """What commands do in the folder *home*, each with new objects, as in a new process."""

    home: Path
    disk: Disk

    @property
    def layout(self) -> Layout:
        return Layout.under(self.home)

    @property
    def installed(self) -> Installed:
        return Installed((self.layout,))

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.layout, self.disk, is_side_by_side=False)

    def trees(self, links: Path) -> Trees:
        return Trees(links, self.layout.locks, self.disk, lambda: kept_trees(self.ledger))

    def remove(self, name: str, *, purge: bool = False) -> None:
        found = remove.plan(name, self.installed)
        trees = self.trees(found.link.parent)
        remove.execute(remove.purged(found, self.ledger) if purge else found, trees, self.ledger, self.disk)

    def default(self, name: str) -> None:
        set_default(self.layout, self.installed.find(name) if name else None, self.ledger, self.disk)

    def undo(self) -> None:
        means = Means(self.layout, self.ledger, self.disk, 0)
        undo.execute(undo.plan(None, means, {})[1], means, {})

    def prune(self) -> None:
        stock = backup.Stock(self.ledger, (self.trees(self.layout.prefixes), self.trees(self.layout.venvs)))
        backup.execute(backup.plan(stock), stock)

    def settle(self) -> None:
        """What every command begins with."""
        self.ledger.settle(wait=0)
        mend_scripts(self.layout, self.installed, self.disk)

    def state(self) -> dict[str, object]:
        """Every file and link of ours and the project's, with what it holds."""
        found: dict[str, object] = {}
        for folder in (*(self.layout.data / kind for kind in ALL), self.home / "project"):
            for path in sorted(folder.rglob("*")):
                content = str(path.readlink()) if path.is_symlink() else path.is_dir() or path.read_bytes()
                found[str(path.relative_to(self.home))] = content
        return found


def furnish(account: Account) -> None:
    prefix(account.layout, FIRST)
    prefix(account.layout, SECOND)
    environment(account.layout, "proj", FIRST, bound=False)
    refresh_scripts(account.layout, account.installed, account.disk)
    (account.home / "project").mkdir()
    (account.home / "project/.venv").symlink_to(account.layout.venvs / "proj")
    account.default(SECOND)


Act = Callable[[Account], None]


def removes(name: str) -> Act:
    return lambda account: account.remove(str(account.home / name) if "/" in name else name)


SCENES: dict[str, tuple[tuple[Act, ...], Act]] = {
    "default": ((), lambda account: account.default(FIRST)),
    "no default": ((), lambda account: account.default("")),
    "remove the default": ((), removes(SECOND)),
    "remove by the project's link": ((), removes("project/.venv")),
    "undo a removal": ((removes(SECOND),), Account.undo),
    "undo a removal by a link": ((removes("project/.venv"),), Account.undo),
    "undo a default": ((lambda account: account.default(FIRST),), Account.undo),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where it can be; always the same place, because scripts name it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)
        for path in Path(name).iterdir():
            remove_folder(path)


def prepared(folder: Path, before: tuple[Act, ...]) -> Path:
    account = Account(folder / "home", HastyDisk())
    account.home.mkdir()
    for act in (furnish, *before):
        act(account)
    return account.home.rename(folder / "before")


def set_up(folder: Path) -> Path:
    remove_folder(folder / "home")
    copy_folder(folder / "before", folder / "home")
    return folder / "home"


@pytest.mark.parametrize("scene", SCENES)
def test_after_a_cut_before_any_change_the_next_command_finds_the_old_state_or_the_new(scene: str, folder: Path):
    before, act = SCENES[scene]
    prepared(folder, before)
    old = Account(set_up(folder), HastyDisk()).state()
    act(Account(folder / "home", counting := CuttingDisk(-1)))
    new = Account(folder / "home", HastyDisk()).state()
    found = {"old": 0, "new": 0}

    for at in range(counting.seen):
        home = set_up(folder)
        with pytest.raises(PowerCut):
            act(Account(home, CuttingDisk(at)))
        after = Account(home, HastyDisk())
        after.settle()
        state = after.state()
        assert state in (old, new), at
        found["new" if state == new else "old"] += 1
        if state == old:
            act(after)
            assert after.state() == new, at

    print(f"{counting.seen} cuts: {found}")
    assert all(found.values())


@pytest.mark.parametrize("scene", ["prune", "purge"])
def test_after_a_cut_while_trees_go_each_is_whole_or_gone_and_the_next_sweep_ends_it(scene: str, folder: Path):
    prepared(folder, (removes(SECOND), removes("proj")) if scene == "prune" else ())
    act: Act = Account.prune if scene == "prune" else lambda account: account.remove(SECOND, purge=True)
    act(Account(set_up(folder), counting := CuttingDisk(-1)))
    new = Account(folder / "home", HastyDisk()).state()

    for at in range(counting.seen):
        home = set_up(folder)
        with pytest.raises(PowerCut):
            act(Account(home, CuttingDisk(at)))
        after = Account(home, HastyDisk())
        after.settle()
        for links in (after.layout.prefixes, after.layout.venvs):
            trees = after.trees(links)
            whole = [tree for tree in (links / ".trees").iterdir() if trees.is_whole(tree.name)]
            assert all(verify_tree(tree, jobs=1) == () for tree in whole), at
        if scene == "purge" and SECOND in after.trees(after.layout.prefixes).names():
            act(after)
        after.prune()
        assert after.state() == new, at
