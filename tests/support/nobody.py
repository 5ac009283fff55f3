"""Doing something without the rights of root, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534


@contextmanager
def as_nobody(folder: Path | None = None) -> Iterator[None]:
    """Root may read everything: meanwhile this process is `nobody`, who can reach *folder*. Another user stays."""
    if os.geteuid() != 0:
        yield
        return
    for above in (folder, *folder.parents) if folder is not None else ():
        if above.stat().st_mode & 0o005 != 0o005:
            above.chmod(0o755)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
