"""The folders that one change works in: each is reached once, without following a link, and held until the end."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path, PurePosixPath
from types import TracebackType

from rocmswitch.errors import NotFound, Refused
from rocmswitch.model.deployment import Seen
from rocmswitch.store.ownfolders import HERE
from rocmswitch.system.folder import Folder, check_trusted

MOST = 500
"""Folders that one change may work in: a process gets 1024 descriptors, and one that runs out of them half-way
would run out of them again while it takes the change back."""


def reached_below(base: Path, root: str, path: str) -> Path:
    """Where *path* below *root* is found, of a system whose own root is the folder *base*."""
    return base / PurePosixPath(root).relative_to("/") / path


class Folders:
    """Whoever swaps a folder on the way meanwhile changes nothing about where these lead; `check` notices it."""

    def __init__(self, user: int, base: Path = HERE) -> None:
        """*user* is an effective id: root is refused what others could swap. *base* is as for a ledger."""
        self._user = user
        self._base = base
        self._stack = contextlib.ExitStack()
        self._held: dict[Path, Folder] = {}

    def __enter__(self) -> Folders:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def of(self, root: str, path: str) -> tuple[Folder, str]:
        """The folder of *path* below *root*, and its name there. Raises NotFound, Refused, OSError."""
        place = reached_below(self._base, root, path).parent
        if place not in self._held:
            if len(self._held) == MOST:
                raise Refused(f"the change is about more than {MOST} folders")
            folder = self._stack.enter_context(Folder.reached(place))
            check_trusted(place, self._user)
            self._held[place] = folder
        return self._held[place], PurePosixPath(path).name

    def held(self) -> tuple[Folder, ...]:
        """All that were asked for."""
        return tuple(self._held.values())

    def check(self, folder: Folder) -> None:
        """Raise Refused where the path of *folder* leads to another one by now, or nowhere."""
        with contextlib.suppress(NotFound, Refused), Folder.reached(folder.path) as found:
            if os.path.samestat(os.fstat(found.descriptor), os.fstat(folder.descriptor)):
                return
        raise not_as_seen(folder.path)


def not_as_seen(path: Path) -> Refused:
    return Refused(f"`{path}` is not what the plan saw", hint="run the same command again")


def vanished(error: NotFound | FileNotFoundError) -> Refused:
    """What was there when the change began is not there any more."""
    if isinstance(error, FileNotFoundError):
        return not_as_seen(Path(os.fsdecode(error.filename)))
    return Refused(error.message, hint="run the same command again")


def is_same_file(one: Seen, other: Seen) -> bool:
    """Whether both are the same file with the same content, though it may have got another name since.

    Another name changes st_ctime, and saving a file by a link gives it one.
    """
    return (one.kind, one.device, one.inode, one.size, one.modified, one.target) == (
        other.kind,
        other.device,
        other.inode,
        other.size,
        other.modified,
        other.target,
    )
