"""All recorded changes of one scope: each is carried out whole or not at all, and can be taken back.

`BACKUPS/N` holds generation N: its `record`, which is its commit point, and what it saved. `JOURNAL/open` says what a
change that is not complete may have touched; whoever finds it rolls it back first. One lock serves all changes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from rocmswitch.model.deployment import Generation, Intent, Replacement
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk


class Ledger:
    """The generations of a scope, and the one way to add another. Reading takes no lock."""

    def __init__(self, layout: Layout, disk: Disk, now: datetime | None = None) -> None:
        """*now* stands in for the clock."""
        self._layout, self._disk, self._now = layout, disk, now

    @property
    def is_interrupted(self) -> bool:
        """Whether a change was broken off and waits for `settle`: one lstat."""
        raise NotImplementedError

    def generations(self) -> tuple[Generation, ...]:
        """Those whose records can be read, oldest first."""
        raise NotImplementedError

    def damaged(self) -> tuple[int, ...]:
        """The numbers of records that cannot be read."""
        raise NotImplementedError

    def generation(self, number: int) -> Generation:
        """Raises NotFound, VerificationFailed where its record is damaged, Failed where a newer version wrote it."""
        raise NotImplementedError

    def saved(self, generation: int, name: str) -> Path:
        """Where the bytes lie that *generation* calls *name*, there or not."""
        raise NotImplementedError

    def is_pruned(self, generation: int) -> bool:
        """Whether the bytes that it saved were given up: its record remains."""
        raise NotImplementedError

    def carry_out(
        self, intent: Intent, replacements: Sequence[Replacement], *, wait: float, expected: int | None = None
    ) -> Generation:
        """Make every path hold what its replacement says, or none; returns what was recorded.

        *wait* is seconds. *expected* is the number of the newest generation that the plan knows, 0 for none: with
        another one it raises Failed. Raises Busy, Refused where a path is not what the plan saw, MachineLacks,
        VerificationFailed where saved bytes are damaged.
        """
        raise NotImplementedError

    def settle(self, *, wait: float) -> Intent | None:
        """Roll back the change that was broken off, and remove debris; returns what it was for.

        Takes the lock only where there is something to do.
        """
        raise NotImplementedError

    def prune(self, numbers: Collection[int], *, wait: float) -> int:
        """Give up what these generations saved, for good; returns the bytes freed. Raises NotFound."""
        raise NotImplementedError

    def kept_trees(self) -> frozenset[str]:
        """Names of the trees (`NAME-<12 hex>`) that links of generations not pruned lead to."""
        raise NotImplementedError
