"""A mounted system that somebody has prepared: root changes nothing outside it, and waits for nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Refused, VerificationFailed
from rocmswitch.model.recovery import SNAPSHOT
from rocmswitch.model.snapshot import BY_USER
from rocmswitch.operations.driver import look
from rocmswitch.operations.snapshot import Taken, take
from rocmswitch.store.layout import Layout
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.inside import Inside
from tests.support.disk import HastyDisk
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import in_tree, write
from tests.support.recoveries import broken_root, copied, planned, recovered

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")
MODULE = in_tree()
OURS = "var/lib/rocmswitch/driver"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root, package = broken_root(tmp_path_factory.mktemp("broken"))
    for folder in (root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())):
        folder.chmod(0o755)
    return root, package


@pytest.fixture
def root(broken: tuple[Path, Path], tmp_path: Path) -> Path:
    return copied(broken[0], tmp_path / "a root")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """What is not the system's, with names that a recovery would remove or replace."""
    folder = tmp_path / "elsewhere"
    for name in ("driver/scratch/a", "scratch/a", "a", "snapshot/a", "recover.sh"):
        write(folder / name, "not the system's")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() if path.is_file() else "" for path in folder.rglob("*")}


def snapshot(root: Path) -> Taken:
    return take(look(root), Snapshots(Layout.driver(root), HastyDisk(), root), BY_USER, HastyDisk(), wait=0)


def lead(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("name", ["..", ".", "locks", "journal", "backups", "snapshots", "scratch"])
def test_a_link_in_the_place_of_a_folder_of_ours_is_refused_before_anything_is_changed(
    broken: tuple[Path, Path], root: Path, elsewhere: Path, name: str
):
    lead(Path(os.path.normpath(root / OURS / name)), elsewhere)
    before = contents(elsewhere)

    with pytest.raises(Refused, match="is a symlink"):
        recovered(root, None, broken[1])

    assert contents(elsewhere) == before


@pytest.mark.parametrize("name", ["recover.lock", "snapshots.lock", "changes.lock"])
def test_a_link_in_the_place_of_a_lock_is_refused(
    broken: tuple[Path, Path], root: Path, elsewhere: Path, name: str
):
    lead(root / OURS / "locks" / name, elsewhere / "new")

    with pytest.raises(Refused, match="is a symlink"):
        recovered(root, None, broken[1])

    assert not (elsewhere / "new").exists()


def test_a_snapshot_refuses_a_link_in_the_place_of_its_locks(root: Path, elsewhere: Path):
    lead(root / OURS / "locks", elsewhere)
    before = contents(elsewhere)

    with pytest.raises(Refused, match="is a symlink"):
        snapshot(root)

    assert contents(elsewhere) == before


@pytest.mark.parametrize("name", ["", "/snapshot"])
def test_a_snapshot_lays_no_copy_where_a_link_in_boot_leads(root: Path, elsewhere: Path, name: str):
    lead(root / f"boot/rocmswitch{name}", elsewhere)
    before = contents(elsewhere)

    taken = snapshot(root)

    ours = f"{root}/boot/rocmswitch"
    assert taken.notes == (f"no copy in `{ours}`: `{ours}{name}` is a symlink, where a folder is expected",)
    assert contents(elsewhere) == before


def test_no_boot_image_is_made_where_boot_is_a_link(broken: tuple[Path, Path], root: Path, tmp_path: Path):
    inner = root / str(tmp_path / "elsewhere").lstrip("/")
    inner.parent.mkdir(parents=True)
    (root / "boot").rename(inner)
    lead(root / "boot", tmp_path / "elsewhere")
    write(inner / "a.rocmswitch-new", "left by a run that was killed")
    image = f"initrd.img-{KERNEL}.new"
    for name in ("a.rocmswitch-new", image):
        write(tmp_path / "elsewhere" / name, "this machine's")

    outcome = recovered(root, None, broken[1])

    assert outcome is not None
    assert "leads elsewhere by a link" in outcome.lacks[0].what
    assert contents(tmp_path / "elsewhere") == dict.fromkeys(("a.rocmswitch-new", image), "this machine's")
    assert not (inner / "a.rocmswitch-new").exists()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    path.write_bytes(b"")
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize("trap", [fifo, endless, huge])
def test_a_copy_in_a_snapshot_that_never_ends_is_passed_over(
    broken: tuple[Path, Path], root: Path, trap: Callable[[Path], None]
):
    snapshot(root)
    copy = root / OURS / "snapshots/1/files" / MODULE
    copy.unlink()
    trap(copy)

    (found,) = (one for one in planned(root).sources if (one.kind, one.path) == (SNAPSHOT, MODULE))

    assert found.refused


@pytest.mark.parametrize("trap", [fifo, endless])
def test_a_journal_that_never_ends_is_a_damaged_one(root: Path, trap: Callable[[Path], None]):
    ledger = Ledger(Layout.driver(root), HastyDisk(), base=root)
    ledger.settle(wait=0)
    (root / OURS / "journal").mkdir(parents=True)
    for folder in (root / "var/lib/rocmswitch", root / OURS, root / OURS / "journal"):
        folder.chmod(0o700)
    trap(root / OURS / "journal/open")

    with pytest.raises(VerificationFailed, match="cannot be read"):
        ledger.settle(wait=0)

    assert ledger.set_aside(wait=0) is not None
    assert ledger.settle(wait=0) is None


def test_a_link_in_the_place_of_run_lets_no_program_write_name_servers_elsewhere(root: Path, elsewhere: Path):
    (root / "run").rmdir()
    lead(root / "run", elsewhere)
    write(root / "etc/hostname", "")
    (root / "etc/resolv.conf").symlink_to("../run/a")
    before = contents(elsewhere)

    Inside(root).run(["true"], is_online=True)

    assert contents(elsewhere) == before
