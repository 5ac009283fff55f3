"""Our own symlinks, as what a recorded change replaces."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rocmswitch.model.deployment import Content, Place, Replacement
from rocmswitch.system.folder import Folder


def replacement(path: Path, content: Content) -> Replacement:
    """*content* in the place of what stands at *path* now, whose folder may be reached by symlinks.

    Raises OSError and Refused where the folder cannot be looked at.
    """
    root = Path(os.path.realpath(path.parent))
    with Folder.reached(root) as folder:
        return Replacement(str(root), path.name, folder.seen(path.name), content)


def place(kind: str, name: str, path: Path) -> Place:
    """What a change of *path*, our own folder or the published name of a tree, is about."""
    resolved = os.path.realpath(path)  # not Path.resolve: before Python 3.13 it raises for a loop
    with contextlib.suppress(OSError):  # a damaged one may lead nowhere
        found = Path(resolved).stat()
        return Place(kind, name, str(path), resolved, found.st_dev, found.st_ino)
    return Place(kind, name, str(path), resolved, 0, 0)
