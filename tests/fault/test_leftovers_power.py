"""What ROCm by hand has left goes whole or not at all, before whichever change of the disk the power goes."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.host.leftovers import find_leftovers
from rocmswitch.model.leftover import LINES
from rocmswitch.operations.leftovers import Broom, execute
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut
from tests.support.leftoverroots import by_hand, contents, write


def broom_for(machine: Path, disk: Disk) -> Broom:
    layout = Layout.driver(machine)
    return Broom(layout, Ledger(layout, disk, base=machine, is_side_by_side=False), disk, "rocmswitch doctor", 0)


def broom_of(home: Path, disk: Disk) -> Broom:
    layout = Layout.under(home / "rocmswitch")
    return Broom(layout, Ledger(layout, disk, is_side_by_side=False), disk, "rocmswitch doctor", 0)


@pytest.mark.parametrize("path", ["/opt/rocm-patched", "/etc/modprobe.d/amdgpu.conf"])
def test_what_is_roots_is_all_there_or_gone(tmp_path: Path, path: str):
    machine = tmp_path / "machine"
    before = contents(by_hand(machine))
    batch = tuple(one for one in find_leftovers(machine) if one.path == path)
    counting = CuttingDisk(-1)
    execute(batch, broom_for(machine, counting))
    after, seen = contents(machine), set()

    for number in range(counting.seen):
        shutil.rmtree(machine)
        by_hand(machine)
        with contextlib.suppress(PowerCut):
            execute(batch, broom_for(machine, CuttingDisk(number)))
        broom_for(machine, HastyDisk()).ledger.settle(wait=0)
        assert contents(machine) in (before, after), number
        seen.add(contents(machine) == after)

    assert seen == {True, False}


def test_a_start_up_file_has_its_lines_or_has_not(tmp_path: Path):
    home, text = tmp_path / "home", "# mine\nexport HSA_OVERRIDE_GFX_VERSION=10.3.0\n"
    write(home, {".bashrc": text})
    (batch,) = (one for one in find_leftovers(tmp_path / "root", home) if one.kind == LINES)
    counting = CuttingDisk(-1)
    execute([batch], broom_of(home, counting))
    seen = set()

    for number in range(counting.seen):
        shutil.rmtree(home)
        write(home, {".bashrc": text})
        with contextlib.suppress(PowerCut):
            execute([batch], broom_of(home, CuttingDisk(number)))
        broom_of(home, HastyDisk()).ledger.settle(wait=0)
        seen.add((home / ".bashrc").read_text())

    assert seen == {text, "# mine\n"}
