"""Doing something without the rights of root, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534
_ENTER = 0o055


@contextmanager
def as_nobody(folder: Path | None = None) -> Iterator[None]:
    """Root may read everything: meanwhile this process is `nobody`, who can reach *folder*. Another user stays."""
    if os.geteuid() != 0:
        yield
        return
    if folder is not None:
        let_all_enter(folder)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def let_all_enter(folder: Path) -> None:
    """Let everybody reach and read *folder*: also those of its group, whose rights alone count for them."""
    for above in (folder, *folder.parents):
        if above.stat().st_mode & _ENTER != _ENTER:
            above.chmod(above.stat().st_mode | _ENTER)
