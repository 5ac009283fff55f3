"""What a change of an environment's files is made with, and whether this user may make it, alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Failed, MachineLacks
from rocmswitch.model.deployment import Place
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.folder import check_trusted


@dataclass(frozen=True)
class Means:
    """What a change of files that other programs use is made with."""

    layout: Layout
    """Of the scope that records it."""
    ledger: Ledger
    disk: Disk
    wait: float
    """Seconds for each lock."""
    line: str = ""
    """The command line that was typed, with the program's whole path: for sudo. A way back asks for no rights."""


@contextlib.contextmanager
def alone(place: Place, trees: Trees | None, wait: float) -> Iterator[None]:
    """Nobody else changes the environment of ours meanwhile, and its name still means what was looked at."""
    if trees is None:
        yield
        return
    name = Path(place.folder).name
    with trees.locked(name, wait):
        if os.path.realpath(place.folder) != place.resolved:
            raise Failed(f"`{name}` was changed by another rocmswitch meanwhile", hint="run the same command again")
        yield


def check_rights(folder: Path, line: str) -> None:
    """Raise MachineLacks where this user may not change *folder*, and Refused where root should not."""
    user = os.geteuid()
    with disk_errors(folder):
        check_trusted(folder, user)
        if user == 0 or os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            return
        if folder.stat().st_uid == 0:
            raise MachineLacks(f"only root may change `{folder}`", hint=f"run `sudo {line}`")
        raise MachineLacks(f"`{folder}` is another user's, and this one may not change it")
