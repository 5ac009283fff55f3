"""That nothing writes through a hard link: what uv has unpacked is shared by every environment.

with cache_unchanged(layout.cache / "uv"):
    line.run("use", …)
"""

from __future__ import annotations

import contextlib
import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def cache_unchanged(folder: Path) -> Iterator[None]:
    """Every file below *folder* that has another name, too, holds after the block what it held before."""
    before = shared_files(folder)
    yield
    after = shared_files(folder, only=set(before))
    changed = sorted(path for path in before.keys() & after.keys() if before[path] != after[path])
    assert not changed, f"written through a link: {changed}"


def shared_files(folder: Path, only: set[str] | None = None) -> dict[str, str]:
    """Hashes of the files with more than one link; of *only* these, whatever their links are now."""
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        shared = str(path) in only if only is not None else status.st_nlink > 1
        if stat.S_ISREG(status.st_mode) and shared:
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def disk_use(*folders: Path) -> int:
    """Bytes on the disk of all *folders* together: a file with two names there counts once."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            status = path.lstat()
            found[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(found.values())
