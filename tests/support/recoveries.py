"""A recovery as one call, on any disk: what the command does, without a process of its own.

root = broken_root(tmp_path / "root")
outcome = recovered(root, CuttingDisk(at=7))          # loses power before the eighth change
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.model.recovery import Disable
from rocmswitch.operations import recover
from rocmswitch.operations.recover import Infirmary, Outcome, Recovery
from rocmswitch.planning.recovery import Wishes
from rocmswitch.store.layout import Layout
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.disk import Disk
from tests.support import breaking
from tests.support.disk import HastyDisk
from tests.support.kernelroots import kernel_root
from tests.support.recoveryscenes import kernel_package

WAIT = 30.0


def infirmary(root: Path, disk: Disk | None = None, *packages: Path) -> Infirmary:
    """What a recovery of *root* works on, all in one thread."""
    disk = disk or HastyDisk()
    layout = Layout.driver(root)
    ledger = Ledger(layout, disk, base=root, is_side_by_side=False)
    return Infirmary(root, ledger, Snapshots(layout, disk, root), packages, disk, WAIT)


def planned(root: Path, *packages: Path, wishes: Wishes | None = None) -> Recovery:
    return recover.plan(infirmary(root, None, *packages), wishes or Wishes())


def recovered(
    root: Path, disk: Disk | None = None, *packages: Path, wishes: Wishes | None = None
) -> Outcome | None:
    """`recover --apply --yes`; None where nothing is to be done."""
    ground = infirmary(root, disk, *packages)
    ground.ledger.settle(wait=WAIT)
    recovery = recover.plan(ground, wishes or Wishes())
    if recovery.plan.is_empty:
        recover.tidy(recovery, ground)
        return None
    consented = frozenset(one.path for one in recovery.plan.files if isinstance(one, Disable))
    return recover.execute(recovery.agreed(consented, runs_scripts=True), ground, lambda _: None)


def broken_root(folder: Path) -> tuple[Path, Path]:
    """A small root in which three things are wrong, all in its boot image too, and the package that has the module.

    Its amdgpu is cut off, a shadow hides it, and a file of settings keeps both from being loaded.
    """
    root = kernel_root(folder / "a root", programs=True)
    package = kernel_package(folder)
    breaking.truncate_in_tree(root)
    breaking.shadow_by_hand(root)
    breaking.set_bad_value(root)
    breaking.renew_image(root)
    return root, package


def copied(root: Path, target: Path) -> Path:
    """The same root again, in the place of what is there."""
    if target.exists():
        shutil.rmtree(target)
    subprocess.run(["cp", "-a", str(root), str(target)], check=True)
    return target


def remains(root: Path) -> list[str]:
    """What a run that was broken off may have left, and no other run may leave."""
    found = [*root.rglob("*.rocmswitch-*new*"), *(root / "boot").rglob("*.new")]
    found += (root / "var/lib/rocmswitch/driver").glob("scratch")
    found += (root / "var/lib/rocmswitch/driver").glob("journal/*")
    return sorted(str(one.relative_to(root)) for one in found)
