"""A parameter that is set while the power goes, or the program is killed: the next command ends well."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.model.snapshot import BEFORE_SET
from rocmswitch.operations import drivercopies, parameters
from rocmswitch.operations.booting import silent
from rocmswitch.operations.driver import look
from rocmswitch.operations.snapshot import take
from rocmswitch.planning.parameters import CONF, FIRST_LINE, parse_word
from rocmswitch.store.layout import Layout
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.disk import Disk
from tests.support.commandline import PATIENCE
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut
from tests.support.drivercommand import Driver, need_root
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import kernel_root, write
from tests.support.recoveryscenes import OLDER

WISH = "amdgpu.vm_size=8"
TEXT = "options amdgpu vm_size=8"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Looked at only: without a boot image, so that no program has a part in it."""
    return kernel_root(tmp_path / "disk")


def _set(root: Path, disk: Disk) -> parameters.Done | None:
    layout, system = Layout.driver(root), look(root)
    ledger = Ledger(layout, disk, base=root, is_side_by_side=False)
    ledger.settle(wait=0)
    change = parameters.plan(system, "set", [parse_word(WISH, is_set=True)], ledger)
    if change.plan.is_empty:
        return None
    tools = parameters.Tools(ledger, Snapshots(layout, disk, root), disk, 0)
    return parameters.execute(change, system, tools, silent)


def _says(root: Path) -> str:
    return (root / CONF).read_text() if (root / CONF).exists() else ""


def _beside(root: Path) -> list[str]:
    """What lies in modprobe.d, and what snapshots and generations there are."""
    data = Layout.driver(root).data
    folders = ((root / CONF).parent, data / "snapshots", data / "backups", data / "journal")
    return [path.name for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]


def _prune(root: Path, disk: Disk) -> None:
    layout, system = Layout.driver(root), look(root)
    shelf = drivercopies.Shelf(root, Snapshots(layout, disk, root), disk)
    agreed = drivercopies.plan(shelf, system, everything=True)
    drivercopies.execute(agreed, shelf, system, everything=True, wait=0)


def test_whenever_the_power_goes_while_copies_are_let_go_of_each_is_whole_or_gone(root: Path):
    layout, image = Layout.driver(root), f"initrd.img-{OLDER}.before"
    snapshots = Snapshots(layout, HastyDisk(), root)
    for number in (1, 2):
        write(root / CONF, f"{FIRST_LINE}\noptions amdgpu vm_size={number}\n")
        take(look(root), snapshots, BEFORE_SET, HastyDisk())
        write(layout.quarantine / f"{number}/manifest", "")
    write(root / "boot/rocmswitch" / image, "from before")
    number, disk = 0, CuttingDisk(0)
    while disk.is_cut or number == 0:
        here = root.with_name(f"disk {number}")
        shutil.copytree(root, here, symlinks=True)
        disk = CuttingDisk(number)
        with contextlib.suppress(PowerCut):
            _prune(here, disk)
        left = Snapshots(Layout.driver(here), HastyDisk(), here)
        assert [left.damaged(one) for one in left.numbers()] in ([(), ()], [()]), f"cut before change {number}"

        _prune(here, HastyDisk())

        own = Layout.driver(here)
        assert _names(own.snapshots, own.quarantine) == ["2", "2"], f"cut before change {number}"
        assert _names(here / "boot/rocmswitch") == ["recover.sh", "snapshot"]
        shutil.rmtree(here)
        number += 1
    assert number > 8


def _names(*folders: Path) -> list[str]:
    return [path.name for folder in folders for path in sorted(folder.iterdir())]


def test_whenever_the_power_goes_the_same_command_ends_well_and_a_third_has_nothing_to_do(root: Path):
    number, disk, seen = 0, CuttingDisk(0), set()
    while disk.is_cut or number == 0:
        here = root.with_name(f"disk {number}")
        shutil.copytree(root, here, symlinks=True)
        disk = CuttingDisk(number)
        with contextlib.suppress(PowerCut):
            _set(here, disk)
        Ledger(Layout.driver(here), HastyDisk(), base=here).settle(wait=0)
        seen.add(bool(_says(here)))
        assert _says(here) in ("", f"{FIRST_LINE}\n{TEXT}\n"), f"cut before change {number}"

        again = _set(here, HastyDisk())

        assert (again is None or again.taken.snapshot.number) == 1
        assert (TEXT in _says(here), _set(here, HastyDisk())) == (True, None)
        assert _beside(here) == ["rocmswitch.conf", "1", "1"], f"cut before change {number}"
        shutil.rmtree(here)
        number += 1
    assert (seen, number > 40) == ({False, True}, True)


KILLED_AT = {
    "while the snapshot is made": "var/lib/rocmswitch/driver/snapshots/.1.new/files",
    "when the snapshot is there": "var/lib/rocmswitch/driver/snapshots/1",
    "when the journal is written": "var/lib/rocmswitch/driver/journal/open",
    "when the file is in its place": CONF,
    "while the boot image is made": f"boot/initrd.img-{KERNEL}.new",
}


@pytest.mark.parametrize("path", KILLED_AT.values(), ids=KILLED_AT)
def test_killed_at_any_stage_the_same_command_ends_well(tmp_path: Path, path: str):
    need_root()
    driver = Driver.of(tmp_path)

    with _running(driver, "driver", "set", WISH, "--yes") as process:
        _wait_for(driver.root / path, process)
    driver.succeed("driver", "set", WISH, "--yes")

    assert TEXT in (driver.conf or "")
    assert driver.packed_conf(KERNEL) == driver.conf
    again = driver.succeed("driver", "set", WISH)
    assert "no boot image has to be made anew" in again.err
    assert [path.name for path in (driver.root / CONF).parent.iterdir()] == ["rocmswitch.conf"]


@contextlib.contextmanager
def _running(driver: Driver, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program, which is killed where the block ends."""
    command = [sys.executable, "-m", "rocmswitch", *words, "--root", str(driver.root)]
    process = subprocess.Popen(
        command,
        env=driver.line.variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:  # else its number may be another's by now
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Or until it has ended: then the kill comes too late, and the same must hold."""
    deadline = time.monotonic() + PATIENCE
    while not os.path.lexists(path) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
