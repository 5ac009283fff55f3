"""The folders of a scope that nobody else may touch: made for good, and refused where they are somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

from rocmswitch.store.layout import Layout
from rocmswitch.store.private import make_private
from rocmswitch.system.disk import Disk
from rocmswitch.system.folder import Folder, check_trusted

HERE = Path("/")
"""The base of paths that are meant as they are."""


def check_own(folder: Path, base: Path = HERE) -> None:
    """Raise Refused where somebody else could hand root what lies in *folder*, there or not: a journal, a copy.

    And where a link leads out of a system that is only mounted at *base*: its `/var` means another place while it
    runs.
    """
    if base != HERE:
        with Folder.reached(next(path for path in (folder, *folder.parents) if os.path.lexists(path))):
            pass
    there = next(path for path in (folder, *folder.parents) if path.exists())
    check_trusted(there.resolve(), os.geteuid())


def make_own(layout: Layout, disk: Disk, base: Path = HERE) -> None:
    """Make the folder of a scope's data; that of a system's kernel modules is for root's eyes alone.

    Raises Refused as `check_own` does, for the latter and for each folder in it: root makes and removes there.
    """
    if layout.scope == "driver":
        check_own(layout.data, base)
        for folder in sorted(layout.data.iterdir()) if layout.data.is_dir() else ():
            check_own(folder, base)
    if layout.scope == "driver" and not layout.data.is_dir():
        disk.make_directories(layout.data.parent)
        make_private(layout.data, layout.scope, disk)
        disk.sync_directory(layout.data.parent)
    disk.make_directories(layout.data)
