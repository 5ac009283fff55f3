"""A copy of what a change of kernel modules could touch, as it is recorded beside the copied files."""

from __future__ import annotations

from dataclasses import dataclass

from rocmswitch.model.deployment import FileState

SNAPSHOT_SCHEMA = 1

BY_USER, BEFORE_SET, BEFORE_RECOVERY, BEFORE_UNDO = "asked for", "before set", "before recover", "before undo"
BEFORE_CLEARING = "before doctor --fix leftovers"
"""Why a snapshot was made. What one from before a recovery holds was wrong then, at least in part."""
DOUBTFUL = (BEFORE_RECOVERY, BEFORE_UNDO)
"""What such a snapshot holds was wrong then, or was put back from what was wrong."""


@dataclass(frozen=True)
class SnapshotFile:
    """One file: `path` is below the root of its system, without a symlink in it."""

    path: str
    state: FileState
    vermagic: str = ""
    """Of a kernel module, as in Contents."""

    @property
    def kernel(self) -> str:
        return self.vermagic.partition(" ")[0]


@dataclass(frozen=True)
class Snapshot:
    """`files` are in the order of their paths. `created` is ISO 8601, UTC."""

    number: int
    created: str
    why: str
    kernels: tuple[str, ...]
    """The releases that were installed."""
    files: tuple[SnapshotFile, ...]
    links: tuple[tuple[str, str], ...] = ()
    """By path, what each symlink among them says."""

    def holds_the_same(self, files: tuple[SnapshotFile, ...], links: tuple[tuple[str, str], ...]) -> bool:
        """Whether *files* and *links* say nothing that it does not; times do not count."""
        return [_essence(one) for one in self.files] == [_essence(one) for one in files] and self.links == links

    def find(self, path: str) -> SnapshotFile | None:
        return next((one for one in self.files if one.path == path), None)


def _essence(one: SnapshotFile) -> tuple[object, ...]:
    state = one.state
    return one.path, state.sha256, state.mode, state.owner, state.group, state.attributes
