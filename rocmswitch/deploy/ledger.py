"""All recorded changes of one scope: each is carried out whole or not at all, and can be taken back.

`BACKUPS/N` holds generation N: what it saved, and its `record`, whose appearance is the commit point.
`JOURNAL/open` says what a change that is not recorded may have touched; whoever finds it rolls it back. One lock
serves them all.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

from rocmswitch.deploy import transaction
from rocmswitch.deploy.aside import set_aside
from rocmswitch.deploy.backup import Vault
from rocmswitch.deploy.folders import Folders, reached_below
from rocmswitch.deploy.journal import JournalFile
from rocmswitch.deploy.records import Records
from rocmswitch.deploy.rollback import roll_back
from rocmswitch.deploy.room import check_room
from rocmswitch.errors import Failed, NotFound, RocmswitchError, VerificationFailed
from rocmswitch.metadata.journal import Journal
from rocmswitch.model.deployment import LINK, Generation, Intent, Replacement, Seen
from rocmswitch.store.layout import Layout
from rocmswitch.store.ownfolders import HERE, check_own, make_own
from rocmswitch.store.private import check_private, make_private
from rocmswitch.store.receipts import stack_of
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.folder import Folder
from rocmswitch.system.lock import held


class Ledger:
    """The generations of a scope, and the one way to add another. Reading takes no lock."""

    def __init__(
        self,
        layout: Layout,
        disk: Disk,
        now: datetime | None = None,
        *,
        base: Path = HERE,
        is_side_by_side: bool = True,
    ) -> None:
        """*now* stands in for the clock. Not *is_side_by_side*, all is done in this thread, in a fixed order.

        Records name paths as the system itself does whose root is the folder *base*, absolute and without a link:
        what was recorded while it was mounted somewhere can be taken back once it runs, and the other way round.
        """
        self._layout, self._disk, self._now = layout, disk, now
        self.base = base
        self._is_side_by_side = is_side_by_side
        self._journal = JournalFile(layout.journal, disk)
        self._records = Records(layout.backups, disk)

    @property
    def newest(self) -> int:
        """The number of the last generation, though its record may be damaged; 0 where there is none."""
        return self._records.newest()

    @property
    def is_interrupted(self) -> bool:
        """Whether a change was broken off and waits for `settle`: one lstat."""
        return self._journal.is_open

    @property
    def is_private(self) -> bool:
        """Whether what was recorded is another user's, whom alone it concerns."""
        return not self._records.is_readable()

    def generations(self) -> tuple[Generation, ...]:
        """Those whose records can be read, oldest first."""
        return tuple(one for _, one in self._read_all() if one is not None)

    def damaged(self) -> tuple[int, ...]:
        """The numbers of records that cannot be read."""
        return tuple(number for number, one in self._read_all() if one is None)

    def generation(self, number: int) -> Generation:
        """Raises NotFound, VerificationFailed where the record is damaged, Failed where it is a newer version's."""
        return self._records.read(number)

    def saved(self, generation: int, name: str) -> Path:
        """Where the bytes lie that *generation* calls *name*, there or not."""
        return self._records.folder(generation) / name

    def is_pruned(self, generation: int) -> bool:
        """Whether the bytes that it saved were given up: its record remains."""
        return self._records.is_pruned(generation)

    def seen(self, path: str, root: str = "/") -> Seen:
        """What stands at *path* below *root* now, for a replacement. Raises NotFound without a folder, Refused."""
        place = reached_below(self.base, root, path)
        with Folder.reached(place.parent) as folder:
            return folder.seen(place.name)

    def carry_out(
        self, intent: Intent, replacements: Sequence[Replacement], *, wait: float, expected: int | None = None
    ) -> Generation:
        """Make every path hold what its replacement says, or none; returns what was recorded.

        *wait* is seconds. *expected* is the number of the newest generation that the plan knows, 0 for none: with
        another one it raises Failed. Raises Busy, Refused where a path is not what the plan saw, MachineLacks,
        VerificationFailed where saved bytes are damaged.
        """
        if not replacements:
            raise Failed("there is nothing to change")
        with self._locked(wait):
            number = self._next(expected)
            with Folders(os.geteuid(), self.base) as folders:
                return self._carry_out(number, intent, replacements, folders)

    def settle(self, *, wait: float) -> Intent | None:
        """Roll back the change that was broken off, and remove debris; returns what it was for.

        Takes the lock only where there is something to do. Raises Busy, MachineLacks, VerificationFailed where the
        journal is damaged.
        """
        if not self._needs_settling():
            return None
        with self._locked(wait):
            return self._settle()

    def set_aside(self, *, wait: float) -> Generation | None:
        """Keep a journal that `settle` cannot read beside what its change saved, as a generation without a step.

        None where there is none, or it can be read. Raises Busy, MachineLacks.
        """
        with self._locked(wait):
            number = set_aside(self._journal, self._records, self._clock(), self._disk)
        return self._records.read(number) if number else None

    def note(self, intent: Intent, *, wait: float, expected: int | None = None) -> Generation:
        """Record what changes no file. Raises as `carry_out`."""
        with self._locked(wait):
            journal = Journal(self._next(expected), self._clock(), intent, ())
            self._records.begin(journal.number)
            self._records.commit(journal)
            return journal.generation()

    def prune(self, numbers: Collection[int], *, wait: float, expected: int | None = None) -> int:
        """Give up what these generations saved, for good; returns the bytes freed.

        *expected* is as for `carry_out`. Raises NotFound, Failed, Busy.
        """
        with self._locked(wait):
            self._next(expected)
            missing = sorted(set(numbers) - set(self._records.numbers()))
            if missing:
                raise NotFound(f"there is no generation {missing[0]}", hint="run `rocmswitch history`")
            return sum(self._records.give_up(number) for number in sorted(set(numbers)))

    def kept_trees(self) -> frozenset[str]:
        """Names of the trees (`NAME-<12 hex>`) that links of generations not pruned lead to."""
        steps = (step for one in self.generations() if not self.is_pruned(one.number) for step in one.steps)
        links = (state for step in steps for state in (step.before, step.after) if state.kind == LINK)
        names = (PurePosixPath(link.target).name for link in links)
        return frozenset(name for name in names if stack_of(name))

    def _next(self, expected: int | None) -> int:
        """The number of the generation to come, after what was broken off is taken back."""
        self._settle()
        newest = self._records.newest()
        if expected is not None and expected != newest:
            raise Failed(
                "another rocmswitch has changed something since this was planned",
                hint="run the same command again",
            )
        return newest + 1

    def _carry_out(
        self, number: int, intent: Intent, replacements: Sequence[Replacement], folders: Folders
    ) -> Generation:
        steps = transaction.begun(number, replacements)
        transaction.check(replacements, steps, folders)
        check_room(replacements, folders, self._layout.backups)
        journal = Journal(number, self._clock(), intent, steps)
        try:
            folder = self._records.begin(number)
            journal = transaction.carry_out(journal, replacements, self._workplace(folder, folders))
            self._records.commit(journal)
            if self._journal.is_open:
                self._journal.discard()
        except BaseException as error:
            # Also Ctrl-C and MemoryError: nothing ends here before it is taken back, and all of it goes on.
            self._take_back(number, folders, error)
            raise
        return journal.generation()

    def _workplace(self, folder: Path, folders: Folders) -> transaction.Workplace:
        return transaction.Workplace(
            folders, self._disk, self._journal, folder, self._vault, is_side_by_side=self._is_side_by_side
        )

    def _vault(self, number: int) -> Vault:
        return Vault(self._records.folder(number), self._disk)

    def _take_back(self, number: int, folders: Folders, error: BaseException) -> None:
        """Roll back at once a change that *error* has broken off. What is recorded is complete, and stays."""
        if self._records.is_recorded(number):
            return
        try:
            if self._journal.is_open:
                self._roll_back(self._journal.read(), folders)
            self._remove_debris()
        except (OSError, RocmswitchError) as another:
            raise Failed(
                f"the change was broken off ({error}) and could not be taken back yet ({another})",
                hint="run `rocmswitch history`",
            ) from error

    def _settle(self) -> Intent | None:
        intent = None
        if self._journal.is_open:
            journal = self._read_journal()
            if self._records.is_recorded(journal.number):
                self._records.confirm(journal.number)
                self._journal.discard()
            else:
                with Folders(os.geteuid(), self.base) as folders:
                    self._roll_back(journal, folders)
                intent = journal.intent
        self._remove_debris()
        return intent

    def _read_journal(self) -> Journal:
        try:
            return self._journal.read()
        except VerificationFailed as error:
            raise VerificationFailed(error.message, hint="run `rocmswitch history`") from error

    def _roll_back(self, journal: Journal, folders: Folders) -> None:
        alone = roll_back(journal, folders, self._vault(journal.number), self._disk)
        if alone:
            self._records.commit(_left_alone(journal, alone))
            self._records.remove_unnamed(journal.number)
        self._journal.discard()

    def _needs_settling(self) -> bool:
        return self._journal.is_open or self._journal.has_remains or self._records.has_debris()

    def _remove_debris(self) -> None:
        if self._journal.has_remains:
            self._journal.discard()
        self._records.remove_debris()

    def _read_all(self) -> Iterator[tuple[int, Generation | None]]:
        """Every number, with None where its record cannot be read."""
        for number in self._records.numbers():
            try:
                yield number, self._records.read(number)
            except (VerificationFailed, Failed):
                yield number, None

    @contextlib.contextmanager
    def _locked(self, wait: float) -> Iterator[None]:
        """Nobody else changes anything of this scope meanwhile; its folders are there, and nobody else's."""
        layout, disk = self._layout, self._disk
        with disk_errors(layout.data):
            check_own(layout.data, self.base)
            make_own(layout, disk, self.base)
            with held(layout.locks / "changes.lock", wait=wait, what="the changes of files"):
                folders = (layout.journal, layout.backups)
                missing = [folder for folder in folders if not folder.is_dir()]
                for folder in missing:
                    make_private(folder, layout.scope, disk)
                if missing:
                    disk.sync_directory(layout.data)
                for folder in folders:
                    check_private(folder)
                yield

    def _clock(self) -> str:
        return (self._now or datetime.now(timezone.utc)).isoformat(timespec="seconds")


def _left_alone(journal: Journal, indexes: Collection[int]) -> Journal:
    """The record of what could not be taken back, so that what was saved of it is not lost."""
    return replace(
        journal,
        steps=tuple(journal.steps[index] for index in indexes),
        ready=tuple(journal.ready[index] for index in indexes),
        placed=tuple(Seen() for _ in indexes),
        interrupted=True,
    )
