"""The recorded changes of a system that is mounted somewhere: its own paths, and nothing outside it."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import pytest

from rocmswitch.cli.machine import driver_ledger
from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import RocmswitchError
from rocmswitch.model.deployment import Generation, Intent, NewFile, NewText, NoFile, Place, Replacement, SavedFile
from rocmswitch.store.layout import Layout
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut

CONF = "etc/modprobe.d/rocmswitch.conf"
MODULE = "usr/lib/modules/6.1.0/kernel/amdgpu.ko"
INTENT = Intent("recover", Place("driver", "driver", "/", "", 0, 0))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "a disk"
    for path in (CONF, MODULE):
        (root / path).parent.mkdir(parents=True, mode=0o755)
    (root / MODULE).write_bytes(b"bad" * 1000)
    (tmp_path / "good.ko").write_bytes(b"good" * 1000)
    return root


def _change(root: Path, ledger: Ledger) -> Generation:
    good = root.parent / "good.ko"
    changes = [
        Replacement("/", MODULE, ledger.seen(MODULE), NewFile(str(good), good.stat().st_size)),
        Replacement("/", CONF, ledger.seen(CONF), NewText("options amdgpu vm_size=8\n")),
    ]
    return ledger.carry_out(INTENT, changes, wait=0)


def _undo(ledger: Ledger, done: Generation) -> Generation:
    changes = [
        Replacement(
            step.root,
            step.path,
            ledger.seen(step.path),
            SavedFile(done.number, step.saved, step.before) if step.saved else NoFile(),
        )
        for step in done.steps
    ]
    return ledger.carry_out(Intent("undo", INTENT.place, reverts=done.number), changes, wait=0)


def _view(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and "rocmswitch/driver" not in str(path))
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_records_name_paths_as_the_system_itself_does(root: Path):
    done = _change(root, driver_ledger(root))

    assert [(step.root, step.path) for step in done.steps] == [("/", MODULE), ("/", CONF)]
    assert _view(root) == {MODULE: b"good" * 1000, CONF: b"options amdgpu vm_size=8\n"}
    assert (root / CONF).stat().st_mode & 0o777 == 0o644


def test_what_was_recorded_through_one_mount_is_taken_back_through_another(root: Path):
    before = _view(root)
    done = _change(root, driver_ledger(root))
    elsewhere = root.rename(root.with_name("sysroot"))

    _undo(driver_ledger(elsewhere), done)

    assert _view(elsewhere) == before


def test_nobody_but_its_owner_reads_what_was_saved(root: Path):
    _change(root, driver_ledger(root))

    layout = Layout.driver(root)
    folders = (layout.data, layout.journal, layout.backups)
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700] * 3


@pytest.mark.parametrize("where", ("var", "var/lib", "var/lib/rocmswitch"))
def test_a_link_that_leads_out_of_the_system_is_not_followed(root: Path, where: str):
    outside = root.parent / "outside"
    outside.mkdir()
    (root / where).parent.mkdir(parents=True, exist_ok=True)
    (root / where).symlink_to(outside)

    with pytest.raises(RocmswitchError) as caught:
        _change(root, driver_ledger(root))

    assert caught.value.message == f"`{root / where}` is a symlink, where a folder is expected"
    assert (list(outside.iterdir()), (root / MODULE).read_bytes()) == ([], b"bad" * 1000)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is asked whom a folder belongs to")
def test_a_folder_that_others_may_write_is_refused_with_what_closes_it(root: Path):
    (root / CONF).parent.chmod(0o775)

    with pytest.raises(RocmswitchError) as caught:
        _change(root, driver_ledger(root))

    assert caught.value.hint == f"run `chmod go-w '{(root / CONF).parent}'`"


def test_a_change_that_was_cut_off_at_any_moment_is_old_or_new_wherever_the_system_lies_then(root: Path):
    old, seen = _view(root), set()
    number, disk = 0, CuttingDisk(0)
    while disk.is_cut or number == 0:
        here, there = root.with_name(f"a disk {number}"), root.with_name(f"mount {number}")
        shutil.copytree(root, here)
        disk = CuttingDisk(number)
        with contextlib.suppress(PowerCut):
            _change(here, Ledger(Layout.driver(here), disk, base=here))
        moved = Ledger(Layout.driver(there), HastyDisk(), base=here.rename(there))
        moved.settle(wait=0)
        is_done = moved.newest == 1
        assert (_view(there) == old) is not is_done, f"cut before change {number}"
        seen.add(is_done)
        number += 1
    assert (number > 20, seen) == (True, {False, True})
