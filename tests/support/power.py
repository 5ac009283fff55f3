"""What may lie on a disk after the power was cut: every legal state, within bounds.

Legal is: what was synced is there. Of the rest, each change of names happened or did not, whatever happened to
the others (a rename is one change); the content of a file is absent, half there, zeros or whole; modes are the
old or the new ones. A power cut is looked at just before each sync and at the end: earlier moments are among the
choices of what did not happen. Bounds, for each such moment:

- changes of names: up to `ALL_SUBSETS` pending ones in all combinations; of more, the beginnings, all but one,
  one alone and `RANDOM` random choices (always the same);
- contents: all files alike in each of four ways, and each file alone empty where all names are there;
- modes: all old or all new.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.disk import ROOT, ContentWritten, ModeSet, NamesChanged, RecordingDisk, Synced

ALL_SUBSETS = 5
RANDOM = 16

Paths = Mapping[str, tuple[str, bytes, int]]
"""Each path with kind, content (or target) and mode."""


@dataclass(frozen=True)
class State:
    """What a disk may hold. `finished` where the power was cut after the last call had returned."""

    paths: tuple[tuple[str, tuple[str, bytes, int]], ...]
    finished: bool

    def lay_out(self, folder: Path) -> None:
        """Make it real in *folder*, which must not exist."""
        folder.mkdir()
        for path, (kind, content, _) in self.paths:
            if kind == "directory":
                (folder / path).mkdir()
            elif kind == "link":
                (folder / path).symlink_to(os.fsdecode(content))
            else:
                (folder / path).write_bytes(content)
        for path, (kind, _, mode) in reversed(self.paths):
            if kind != "link":
                (folder / path).chmod(mode)


def states(recorded: RecordingDisk) -> Iterator[State]:
    """Every legal state after a cut at any moment of what was recorded, each once."""
    seen = set()
    moments = [number for number, event in enumerate(recorded.events) if isinstance(event, Synced)]
    for moment in (*moments, len(recorded.events)):
        for paths in _states_at(recorded, moment):
            state = State(tuple(sorted(paths.items())), finished=moment == len(recorded.events))
            if state not in seen:
                seen.add(state)
                yield state


def _states_at(recorded: RecordingDisk, moment: int) -> Iterator[Paths]:
    before = list(enumerate(recorded.events[:moment]))
    names = [(number, one) for number, one in before if isinstance(one, NamesChanged)]
    pending = [number for number, one in names if not _is_synced(recorded, number, one.folder, moment)]
    unsynced = [
        one.node
        for number, one in before
        if isinstance(one, ContentWritten) and not _is_synced(recorded, number, one.node, moment)
    ]
    written = {one.node: one.content for _, one in before if isinstance(one, ContentWritten)}
    modes = {chosen: _modes(recorded, moment, newest=chosen) for chosen in (False, True)}
    for happened in _choices(pending):
        entries = dict(recorded.first_names)
        for number, one in names:
            if number not in pending or number in happened:
                _apply(entries, one)
        whole = len(happened) == len(pending)
        for contents, newest in itertools.product(_contents(written, unsynced, whole), modes):
            yield dict(_paths(recorded, entries, contents, modes[newest]))


def _is_synced(recorded: RecordingDisk, number: int, node: int, moment: int) -> bool:
    later = recorded.events[number + 1 : moment]
    return any(isinstance(one, Synced) and one.node in (None, node) for one in later)


def _apply(entries: dict[tuple[int, str], int], change: NamesChanged) -> None:
    for entry, node in change.entries:
        if node is None:
            entries.pop(entry, None)
        else:
            entries[entry] = node


def _choices(pending: list[int]) -> Iterator[frozenset[int]]:
    if len(pending) <= ALL_SUBSETS:
        for count in range(len(pending) + 1):
            yield from map(frozenset, itertools.combinations(pending, count))
        return
    yield from (frozenset(pending[:count]) for count in range(len(pending) + 1))
    yield from (frozenset(pending) - {one} for one in pending)
    yield from (frozenset({one}) for one in pending)
    chance = random.Random(len(pending))
    yield from (frozenset(one for one in pending if chance.random() < 0.5) for _ in range(RANDOM))


def _contents(written: Mapping[int, bytes], unsynced: list[int], every_name: bool) -> Iterator[Mapping[int, bytes]]:
    yield written
    if unsynced:
        yield {**written, **dict.fromkeys(unsynced, b"")}
        yield {**written, **{node: written[node][: len(written[node]) // 2] for node in unsynced}}
        yield {**written, **{node: bytes(len(written[node])) for node in unsynced}}
    if every_name and len(unsynced) > 1:
        yield from ({**written, node: b""} for node in unsynced)


def _modes(recorded: RecordingDisk, moment: int, *, newest: bool) -> Mapping[int, int]:
    modes = dict(recorded.first_modes)
    for number, event in enumerate(recorded.events[:moment]):
        if isinstance(event, ModeSet) and (
            newest or event.node not in modes or _is_synced(recorded, number, event.node, moment)
        ):
            modes[event.node] = event.mode
    return modes


def _paths(
    recorded: RecordingDisk,
    entries: Mapping[tuple[int, str], int],
    contents: Mapping[int, bytes],
    modes: Mapping[int, int],
) -> Iterator[tuple[str, tuple[str, bytes, int]]]:
    below: dict[int, list[tuple[str, int]]] = {}
    for (folder, name), node in entries.items():
        below.setdefault(folder, []).append((name, node))
    open_folders = [("", ROOT)]
    while open_folders:
        start, folder = open_folders.pop()
        for name, node in below.get(folder, ()):
            what = recorded.nodes[node]
            yield f"{start}{name}", (what.kind, contents.get(node, what.content), modes.get(node, 0o755))
            if what.kind == "directory":
                open_folders.append((f"{start}{name}/", node))
