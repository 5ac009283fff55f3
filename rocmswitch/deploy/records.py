"""The generations as they lie on the disk: `BACKUPS/N/record`, and beside it what N saved."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace
from pathlib import Path

from rocmswitch.deploy.journal import is_there, unfinished, write_beside
from rocmswitch.errors import NotFound, VerificationFailed
from rocmswitch.metadata.journal import Journal, encode_journal, parse_journal
from rocmswitch.model.deployment import Generation, Seen
from rocmswitch.system.disk import Disk
from rocmswitch.system.folder import seen_of

RECORD, PRUNED = "record", "pruned"
_OWN_MODE = 0o400


class Records:
    """A folder without a record is no generation: debris of a change that was broken off."""

    def __init__(self, backups: Path, disk: Disk) -> None:
        self._backups = backups
        self._disk = disk
        self._parsed: dict[int, tuple[Seen, Generation]] = {}
        """Records never change: what was read once is not read again while the file is the same."""

    def folder(self, number: int) -> Path:
        return self._backups / str(number)

    def numbers(self) -> tuple[int, ...]:
        """Of all that are recorded, in order."""
        return tuple(number for number in self._folders() if self.is_recorded(number))

    def is_readable(self) -> bool:
        """Whether this user may read all of them: another user's are for that user's eyes alone."""
        try:
            return all(os.access(self.folder(number) / RECORD, os.R_OK) for number in self.numbers())
        except PermissionError:
            return False

    def has_debris(self) -> bool:
        """Whether `remove_debris` has something to do."""
        return any(
            not self.is_recorded(one) or self.given_up(one) or self._unfinished(one).exists()
            for one in self._folders()
        )

    def newest(self) -> int:
        """0 where nothing is recorded."""
        return max(self.numbers(), default=0)

    def is_recorded(self, number: int) -> bool:
        """Raises OSError where that cannot be told: what is not recorded is removed."""
        return is_there(self.folder(number) / RECORD)

    def is_pruned(self, number: int) -> bool:
        return (self.folder(number) / PRUNED).exists()

    def read(self, number: int) -> Generation:
        """Raises NotFound, VerificationFailed where the record is damaged, Failed where it is a newer version's."""
        path = self.folder(number) / RECORD
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise VerificationFailed(f"`{path}` cannot be read (it is no regular file)")
            seen = seen_of(found)
            if number not in self._parsed or self._parsed[number][0] != seen:
                journal = parse_journal(path.read_bytes(), str(path), done=True)
                self._parsed[number] = seen, replace(journal.generation(), number=number)
        except FileNotFoundError as error:
            if is_there(path):
                raise VerificationFailed(f"`{path}` cannot be read (it leads nowhere)") from error
            raise NotFound(f"there is no generation {number}", hint="run `rocmswitch history`") from error
        return self._parsed[number][1]

    def unrecorded(self) -> int:
        """The newest folder that has no record, where it is newer than all that have one; else 0."""
        found = max(self._folders(), default=0)
        return found if found > self.newest() else 0

    def begin(self, number: int) -> Path:
        """An empty, private folder for what *number* saves, whose name has reached the disk."""
        folder = self.folder(number)
        self._disk.make_directory(folder, 0o700)
        self._disk.sync_directory(self._backups)
        return folder

    def commit(self, journal: Journal) -> None:
        """Record *journal* for good: the commit point of a change."""
        write_beside(self.folder(journal.number) / RECORD, encode_journal(journal), _OWN_MODE, self._disk)

    def confirm(self, number: int) -> None:
        """See to it that a record that is there stays there: a killed process may not have waited for the disk."""
        self._disk.sync_directory(self.folder(number))

    def remove_unnamed(self, number: int) -> None:
        """Remove what was saved for the paths that the record of *number* does not name."""
        steps = self.read(number).steps
        named = {RECORD, PRUNED, *(name for step in steps for name in (step.saved, step.kept))}
        for path in sorted(self.folder(number).iterdir()):
            if path.name not in named:
                self._disk.discard(path)

    def remove_debris(self) -> None:
        """Remove what was saved for changes that were not recorded, and the rest of what was given up."""
        for number in self._folders():
            if not self.is_recorded(number):
                self._disk.remove_tree(self.folder(number))
        for number in self.numbers():
            self._disk.discard(self._unfinished(number))
            for path in self.given_up(number):
                self._disk.discard(path)

    def give_up(self, number: int) -> int:
        """Remove what *number* saved, for good; returns the bytes freed. Its record stays."""
        folder = self.folder(number)
        if not self.is_pruned(number):
            self._mark(folder)
            self._disk.sync_directory(folder)
        freed = 0
        for path in self.given_up(number):
            found = path.lstat()
            freed += found.st_size if found.st_nlink == 1 else 0
            self._disk.remove(path)
        return freed

    def _mark(self, folder: Path) -> None:
        """An empty file says it; on a full disk another name of the record does, which needs less room."""
        try:
            with self._disk.create(folder / PRUNED, _OWN_MODE):
                pass
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._disk.link(folder / RECORD, folder / PRUNED)

    def given_up(self, number: int) -> tuple[Path, ...]:
        """What is left of the saved bytes of a generation that was pruned."""
        if not self.is_pruned(number):
            return ()
        found = self.folder(number).iterdir()
        return tuple(sorted(path for path in found if path.name not in (RECORD, PRUNED)))

    def _unfinished(self, number: int) -> Path:
        return unfinished(self.folder(number) / RECORD)

    def _folders(self) -> tuple[int, ...]:
        if not self._backups.is_dir():
            return ()
        names = (path.name for path in self._backups.iterdir() if path.is_dir() and not path.is_symlink())
        return tuple(sorted(int(name) for name in names if name.isascii() and name.isdecimal() and name[0] != "0"))
