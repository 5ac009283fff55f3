"""A small file of a tree that no package brought, and its entries in the list of files."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.system.disk import Disk


@dataclass(frozen=True)
class MadeFile:
    """What `path` of a tree is to be. `reason` says in the list of files why it is there."""

    path: str
    text: str
    reason: str
    mode: int = 0o644


def make_file(tree: Path, made: MadeFile, known: Mapping[str, FileEntry], disk: Disk) -> Iterator[FileEntry]:
    """Write *made* into a tree that is not published yet, and yield the entries of it and of its folders.

    Folders that are *known* are there. What had the name before, in this tree or another, is not written into.
    """
    folder = posixpath.dirname(made.path)
    while folder and folder not in known:
        disk.make_directories(tree / folder, synced=False)
        yield FileEntry(folder, "directory", (tree / folder).stat().st_mode & 0o7777)
        folder = posixpath.dirname(folder)
    content = made.text.encode()
    disk.replace_file(tree / made.path, content, made.mode, synced=False)
    digest = hashlib.sha256(content).hexdigest()
    yield FileEntry(made.path, "file", made.mode, len(content), digest, reason=made.reason)
