"""A cut while a link is made, or an environment removed by its project's own link: the old state or the new one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.operations import link, remove
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.linked import LinkedTree
from rocmswitch.store.trees import Trees
from rocmswitch.store.verify import verify_tree
from rocmswitch.system.disk import Disk
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut, RecordingDisk, copy_folder, remove_folder
from tests.support.furnished import environment
from tests.support.power import states

OLD, NEW = (LinkedTree(Path("/usr"), version, ("libamdhip64.so.6",), (), ()) for version in ("6.2.4", "6.2.5"))
NAME = "linked"


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where it can be: many small files are made and removed."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)
        for path in Path(name).iterdir():
            remove_folder(path)


def prefixes(home: Path, disk: Disk) -> Trees:
    layout = Layout.under(home)
    return Trees(layout.prefixes, layout.locks, disk)


def ledger(home: Path, disk: Disk) -> Ledger:
    return Ledger(Layout.under(home), disk, is_side_by_side=False)


def make_link(home: Path, disk: Disk, tree: LinkedTree = NEW) -> None:
    installed = Installed((Layout.under(home),))
    link.execute(link.plan(tree, NAME, (), installed, ()), prefixes(home, disk), installed, disk)


def check_link(home: Path, finished: bool) -> None:
    installed = Installed((Layout.under(home),))
    one = installed.prefix(NAME)
    versions = {NEW.version} if finished else {OLD.version, NEW.version}
    assert one is not None and one.receipt.version in versions
    assert verify_tree(one.link, jobs=1) == ()
    make_link(home, HastyDisk())
    after = Installed((Layout.under(home),)).prefix(NAME)
    assert after is not None and after.receipt.version == NEW.version
    assert [tree.name for tree in (home / "data/prefixes/.trees").iterdir()] == [after.receipt.tree]
    assert (home / f"data/activations/{NAME}.sh").is_file()


def make_environment(home: Path) -> None:
    environment(Layout.under(home), "proj", "rocm-6.2.4", bound=False)
    (home / "project").mkdir()
    (home / "project/.venv").symlink_to("../data/venvs/proj")


def remove_environment(home: Path, disk: Disk) -> None:
    layout = Layout.under(home)
    removal = remove.plan_venv(str(home / "project/.venv"), Installed((layout,)), ledger(home, disk))
    remove.execute(removal, Trees(layout.venvs, layout.locks, disk), ledger(home, disk), disk)


def check_environment(home: Path, finished: bool) -> None:
    """No link is left that leads nowhere; what is left of the environment goes by its name."""
    layout = Layout.under(home)
    ledger(home, HastyDisk()).settle(wait=0)
    shortcut, venv = home / "project/.venv", Installed((layout,)).venv("proj")
    assert not finished or (venv is None and not shortcut.is_symlink())
    assert shortcut.exists() or not shortcut.is_symlink()
    if venv is not None:
        assert verify_tree(venv.link, jobs=1) == ()
        remove.execute(
            remove.plan_venv("proj", Installed((layout,)), ledger(home, HastyDisk())),
            Trees(layout.venvs, layout.locks, HastyDisk()),
            ledger(home, HastyDisk()),
            HastyDisk(),
        )


Act = Callable[[Path, Disk], None]
SCENES = {
    "link": (lambda home: make_link(home, HastyDisk(), OLD), make_link, check_link),
    "remove": (make_environment, remove_environment, check_environment),
}


@pytest.mark.parametrize("scene", SCENES)
def test_a_cut_before_any_change_leaves_the_old_state_or_the_new_one(scene: str, folder: Path):
    prepare, act, check = SCENES[scene]
    start = folder / "start"
    start.mkdir()
    prepare(start)
    counting = CuttingDisk(at=-1)
    copy_folder(start, folder / "counted")
    act(folder / "counted", counting)

    assert counting.seen > 5
    for at in range(counting.seen):
        home = folder / f"cut-{at}"
        copy_folder(start, home)
        with pytest.raises(PowerCut):
            act(home, CuttingDisk(at))
        check(home, False)


@pytest.mark.parametrize("scene", SCENES)
def test_every_state_that_a_power_cut_may_leave_is_the_old_one_or_the_new_one(scene: str, folder: Path):
    prepare, act, check = SCENES[scene]
    home = folder / "home"
    home.mkdir()
    prepare(home)
    disk = RecordingDisk(home)
    act(home, disk)
    remove_folder(home)

    for state in states(disk):
        state.lay_out(home)
        check(home, state.finished)
        remove_folder(home)
