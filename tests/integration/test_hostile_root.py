"""A system that is mounted, and was prepared by somebody: root changes nothing outside it, and waits for nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.errors import Refused
from rocmswitch.operations.driver import look
from rocmswitch.operations.snapshot import take
from rocmswitch.store.layout import Layout
from rocmswitch.store.snapshots import Snapshots
from tests.support.disk import HastyDisk
from tests.support.kernelroots import write
from tests.support.recoveries import broken_root, copied, recovered

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")
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
    for name in ("driver/work/a", "work/a", "a", "snapshot/a", "recover.sh"):
        write(folder / name, "not the system's")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() if path.is_file() else "" for path in folder.rglob("*")}


def lead(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("name", ["..", ".", "locks", "journal", "backups", "snapshots", "work"])
def test_a_link_in_the_place_of_a_folder_of_ours_is_refused_before_anything_is_changed(
    broken: tuple[Path, Path], root: Path, elsewhere: Path, name: str
):
    lead(Path(os.path.normpath(root / OURS / name)), elsewhere)
    before = contents(elsewhere)

    with pytest.raises(Refused, match="is a symlink"):
        recovered(root, None, broken[1])

    assert contents(elsewhere) == before


def test_a_snapshot_refuses_a_link_in_the_place_of_its_locks(root: Path, elsewhere: Path):
    lead(root / OURS / "locks", elsewhere)
    before = contents(elsewhere)

    with pytest.raises(Refused, match="is a symlink"):
        take(look(root), Snapshots(Layout.driver(root), HastyDisk(), root), "user", HastyDisk(), wait=0)

    assert contents(elsewhere) == before
