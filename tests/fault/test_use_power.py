"""An environment with PyTorch, made on a disk that loses power before any change: the old state or the new one."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rocmswitch.fetch.download import Silent
from rocmswitch.operations import use
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.pytorch import Choice
from rocmswitch.store.catalog import Catalog
from rocmswitch.store.intact import changes
from rocmswitch.store.interpreters import read_interpreter
from rocmswitch.store.layout import Layout
from rocmswitch.store.verify import verify_tree
from rocmswitch.system.disk import Disk
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut, copy_folder, remove_folder
from tests.support.faults import Hands, assert_sound, assert_tidy, left_by_a_dead_process
from tests.support.smalltorch import BUILD, STACK, SmallTorch

PYTHON = read_interpreter(Path(sys.executable))


@dataclass(frozen=True)
class Account:
    """Somebody's folders, always at the same place, because scripts name it."""

    served: SmallTorch
    folder: Path

    @property
    def layout(self) -> Layout:
        return Layout.under(self.folder)

    def begin_anew(self, before: Path) -> None:
        remove_folder(self.folder)
        copy_folder(before, self.folder)

    def use(self, name: str, disk: Disk) -> None:
        """What `use STACK --venv NAME --yes` does, as a new process."""
        hands = Hands(self.layout, disk, self.served.simple, STACK)
        stack = Catalog(self.layout.data / "none", (self.layout.manifests,)).read(STACK).stack
        plan = use.plan_pytorch(Choice(stack, stack.pytorch[0]), use.Wanted(name, PYTHON), hands.supply())
        use.execute(plan, hands.workshop(), hands.nursery(), Silent(), Stages())

    def check(self, names: set[str]) -> None:
        """Exactly *names* are there, whole, each with what protects it."""
        assert assert_sound(self.layout).keys() == names
        for name in names:
            assert verify_tree(self.layout.venvs / name, jobs=1) == ()
            assert changes(self.layout.venvs / name, thorough=True) == ()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallTorch]:
    with SmallTorch(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def account(served: SmallTorch) -> Iterator[Account]:
    """In memory where that can be: thousands of small files are made and removed."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        account = Account(served, Path(name) / "home")
        served.furnish(account.layout)
        yield account
        for path in Path(name).iterdir():
            remove_folder(path)


def test_a_cut_before_any_change_leaves_no_environment_or_a_whole_one(account: Account) -> None:
    before = account.folder.rename(account.folder.with_name("before"))
    account.begin_anew(before)
    account.use("demo", counting := CuttingDisk(-1))
    account.check({"demo"})
    found = {False: 0, True: 0}

    for at in range(counting.seen):
        account.begin_anew(before)
        with pytest.raises(PowerCut):
            account.use("demo", CuttingDisk(at))
        left_by_a_dead_process(account.layout)
        there = "demo" in assert_sound(account.layout)
        found[there] += 1
        account.use("demo", HastyDisk())
        account.check({"demo"})
        assert_tidy(account.layout)

    print(f"{counting.seen} cuts: {found}")
    assert all(found.values())
    assert BUILD.torch in (account.layout.venvs / "demo/constraints.txt").read_text()


def test_a_cut_while_a_second_is_linked_from_the_first_harms_neither(account: Account) -> None:
    before = account.folder.rename(account.folder.with_name("before"))
    account.begin_anew(before)
    account.use("first", HastyDisk())
    account.use("second", counting := CuttingDisk(-1))
    old, new = {"first"}, {"first", "second"}

    for at in range(counting.seen):
        account.begin_anew(before)
        account.use("first", HastyDisk())
        with contextlib.suppress(PowerCut):
            account.use("second", CuttingDisk(at))
        left_by_a_dead_process(account.layout)
        assert assert_sound(account.layout).keys() in (old, new), at
        account.use("second", HastyDisk())
        account.check(new)

    assert counting.seen > 2
