"""What an earlier environment of the same wheel has cost already: hashes of its files, and its bytecode.

uv links the files of a wheel into every environment. A file that is the very one that was hashed for an
environment before (its inode, its size and its time of change say so) need not be hashed again, and what was
compiled of it need not be compiled again: it is linked as well. A note is believed only while the environment that
it was made for is whole, for then all of it has reached the disk.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rocmswitch.store.receipts import receipt_path
from rocmswitch.store.wheelfiles import Wheel
from rocmswitch.system.disk import Disk

_NO_LINKS_HERE = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.ENOENT)


@dataclass(frozen=True)
class KnownFile:
    """A file that was hashed, and by what it is recognised."""

    sha256: str
    size: int
    changed: int
    """st_mtime_ns."""
    inode: int
    carried: bool = True
    """By the wheel, which states its hash; else compiled here."""

    def is_still(self, found: os.stat_result) -> bool:
        return (found.st_ino, found.st_size, found.st_mtime_ns) == (self.inode, self.size, self.changed)


@dataclass(frozen=True)
class KnownWheel:
    """The files of one wheel in the site-packages of an environment, with the bytecode that was compiled there."""

    site: Path
    files: Mapping[str, KnownFile]
    """By their paths below `site`."""
    unstated: tuple[str, ...] = ()
    """Files of the wheel that are new in each environment: its RECORD."""

    def recorded(self) -> dict[str, str]:
        """The wheel's own files with their hashes, as `Wheel.recorded` gives them."""
        return dict.fromkeys(self.unstated, "") | {
            name: one.sha256 for name, one in self.files.items() if one.carried
        }

    @cached_property
    def bytecode(self) -> Mapping[str, str]:
        """Compiled files by the source of each."""
        sources = ((path, source_of(path)) for path in self.files if path.endswith(".pyc"))
        return {source: path for path, source in sources if source in self.files}


class Known:
    """Notes on wheels, one file each for a wheel and a version of Python, in *folder*."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk
        self._found: dict[Path, KnownWheel] = {}

    def find(self, wheel: Wheel, site: Path) -> KnownWheel | None:
        """What is known of *wheel* for the Python of *site*; None where it no longer lies where it was hashed."""
        note = self._note(wheel, site)
        if note not in self._found:
            found = _read(note)
            if found is None:
                return None
            self._found[note] = found
        return self._found[note]

    def note(self, wheel: Wheel, tree: Path, found: KnownWheel) -> None:
        """Remember what was *found* of *wheel*, believed from the moment on when *tree* is published."""
        path = self._note(wheel, found.site)
        said = {
            "tree": str(tree),
            "site": str(found.site),
            "files": {name: list(vars(one).values()) for name, one in found.files.items()},
            "unstated": found.unstated,
        }
        self._disk.make_directories(path.parent, synced=False)
        self._disk.discard_remains(path)
        new = path.with_name(f".{path.name}.{os.getpid()}.new")
        self._disk.discard(new)
        with self._disk.create(new) as file:
            file.write(json.dumps(said, separators=(",", ":")).encode())
        self._disk.rename(new, path)

    def _note(self, wheel: Wheel, site: Path) -> Path:
        return self._folder / f"{wheel.digest.value}-{site.parent.name}.json"


def _read(note: Path) -> KnownWheel | None:
    try:
        said = json.loads(note.read_bytes())
        files = {path: KnownFile(*values) for path, values in said["files"].items()}
        found = KnownWheel(Path(said["site"]), files, tuple(said["unstated"]))
        return found if receipt_path(Path(said["tree"])).exists() and _is_compiled(found) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Never made, half written when the power went, or of an environment that is gone: nothing is known.
        return None


def _is_compiled(wheel: KnownWheel) -> bool:
    """Whether its bytecode is still there. Raises OSError where it is not."""
    return all(wheel.files[path].is_still(os.lstat(wheel.site / path)) for path in wheel.bytecode.values())


def link_bytecode(wheels: Iterable[KnownWheel], site: Path, disk: Disk) -> bool:
    """Give *site*, which has the files of *wheels*, their bytecode. False where it cannot have it by linking.

    Bytecode fits one source of one time, which is another one when uv has unpacked the wheel anew.
    """
    try:
        for wheel in wheels:
            _link(wheel, site, disk)
    except _Unlike:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS_HERE:
            raise
        return False
    return True


def _link(wheel: KnownWheel, site: Path, disk: Disk) -> None:
    for source, compiled in wheel.bytecode.items():
        if not wheel.files[source].is_still(os.lstat(site / source)):
            raise _Unlike
        target = site / compiled
        if not target.parent.is_dir():
            disk.make_directory(target.parent)
        disk.discard(target)  # some wheels carry bytecode of their own
        disk.link(wheel.site / compiled, target)


class _Unlike(Exception):
    """A source is not the one that was compiled."""


def source_of(path: str) -> str:
    """`a/b.py` of `a/__pycache__/b.cpython-311.pyc`; empty for what is no bytecode with a tag."""
    if not path.endswith(".pyc") or "__pycache__/" not in path:
        return ""
    folder, _, name = path.rpartition("__pycache__/")
    return f"{folder}{name.split('.')[0]}.py"
