"""Carrying a change out, up to the point where it only has to be recorded.

Nothing is replaced before all that stood there is saved and all that shall stand there lies beside it, complete and
on the disk; and nothing is written among the files of others before the journal says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from rocmswitch.deploy.backup import Vault
from rocmswitch.deploy.folders import Folders, is_same_file, not_as_seen, vanished
from rocmswitch.deploy.journal import JournalFile
from rocmswitch.deploy.newfile import write_new, write_text
from rocmswitch.errors import NotFound, Refused
from rocmswitch.metadata.journal import Journal, Ready, Touched, is_plain
from rocmswitch.model.deployment import (
    ABSENT,
    FILE,
    NOTHING,
    Adopted,
    FileState,
    NewFile,
    NewLink,
    NewText,
    NoFile,
    Replacement,
    SavedFile,
    Seen,
)
from rocmswitch.system.disk import Disk
from rocmswitch.system.folder import Folder

_LONGEST = 200
"""Bytes of a name that still has room for what is added to it: a file system gives a name 255."""


@dataclass(frozen=True)
class Workplace:
    """What a change works with. `saved` is the folder of the generation to come; `vault_of` is told a number."""

    folders: Folders
    disk: Disk
    journal: JournalFile
    saved: Path
    vault_of: Callable[[int], Vault]
    is_side_by_side: bool = True
    """Whether old and new are read at the same time, in two threads."""

    @property
    def vault(self) -> Vault:
        return Vault(self.saved, self.disk)


def begun(number: int, replacements: Sequence[Replacement]) -> tuple[Touched, ...]:
    """What the journal says before anything is touched."""
    return tuple(
        Touched(
            one.root,
            one.path,
            one.seen,
            "" if isinstance(one.content, Adopted) else _temporary(one.path, number, index),
            one.content.source if isinstance(one.content, NewFile) else "",
        )
        for index, one in enumerate(replacements)
    )


def check(replacements: Sequence[Replacement], steps: Sequence[Touched], folders: Folders) -> None:
    """Raise Refused where a path is not what the plan saw, or a name that we need is taken, and OSError where this
    user cannot change it. Changes nothing.

    All *folders* are reached then.
    """
    seen: set[tuple[str, str]] = set()
    for step, one in zip(steps, replacements, strict=True):
        paths = {(one.root, one.path), (one.root, _old_path(one))}
        if seen & paths or not all(is_plain(root, path) for root, path in paths):
            raise Refused(f"`{one.path!a}` below `{one.root!a}` is there twice, or is no plain path")
        seen |= paths
        folders.of(one.root, _old_path(one))
        folder, name = folders.of(step.root, step.path)
        if folder.seen(name) != step.seen:
            raise not_as_seen(folder.path_of(name))
        if step.temporary:
            folder.check_writable()
            if folder.seen(step.temporary).kind != ABSENT:
                raise Refused(f"`{folder.path_of(step.temporary)}` is in the way")


def carry_out(journal: Journal, replacements: Sequence[Replacement], work: Workplace) -> Journal:
    """The journal of the change, complete but for being recorded. Raises Refused, VerificationFailed, OSError.

    *replacements* are those of its steps, in their order. Whoever calls this rolls back what it leaves.
    """
    is_touching = any(step.temporary for step in journal.steps)
    if is_touching:
        work.journal.write(journal)
    try:
        journal = replace(journal, ready=_prepared(journal.steps, replacements, work))
    except (NotFound, FileNotFoundError) as error:
        raise vanished(error) from error
    if any(ready.saved or ready.kept for ready in journal.ready):
        work.disk.sync_directory(work.saved)
    if is_touching:
        work.journal.write(journal)
    changed = [_put_in_place(step, ready, work) for step, ready in zip(journal.steps, journal.ready, strict=True)]
    for folder in dict.fromkeys(folder for folder in changed if folder is not None):
        work.disk.sync_folder(folder)
    return replace(journal, placed=_placed(journal, work))


def _temporary(path: str, number: int, index: int) -> str:
    name = PurePosixPath(path).name
    return f".{name if len(os.fsencode(name)) <= _LONGEST else index}.rocmswitch-{number}.new"


def _prepared(steps: Sequence[Touched], replacements: Sequence[Replacement], work: Workplace) -> tuple[Ready, ...]:
    """Old and new are read side by side: hashing them takes as long as copying one."""
    numbered = [*enumerate(zip(steps, replacements, strict=True))]

    def save() -> list[FileState]:
        return [_save(one, f"{index}.before", work) for index, (_, one) in numbered]

    if work.is_side_by_side:
        with ThreadPoolExecutor(1) as beside:
            saving = beside.submit(save)
            after = [_write(step, one, work) for _, (step, one) in numbered]
            before = saving.result()
    else:
        before, after = save(), [_write(step, one, work) for _, (step, one) in numbered]
    return tuple(
        _ready(index, step, states, work)
        for (index, (step, _)), *states in zip(numbered, before, after, strict=True)
    )


def _save(one: Replacement, saved: str, work: Workplace) -> FileState:
    """What stood at a path before, whose bytes, if it is a file, are *saved* now."""
    adopted = isinstance(one.content, Adopted)
    folder, name = work.folders.of(one.root, _old_path(one))
    return work.vault.save(folder, name, saved, known=None if adopted else one.known)


def _old_path(one: Replacement) -> str:
    """Where the bytes lie that stood there before."""
    return one.content.original if isinstance(one.content, Adopted) else one.path


def _write(step: Touched, one: Replacement, work: Workplace) -> FileState:
    """Make what shall stand there, beside it, complete."""
    folder, name = work.folders.of(step.root, step.path)
    match one.content:
        case NewFile():
            like = folder.state(name, sha256="") if one.seen.kind == FILE else None
            if like is not None and like.kind != FILE:
                raise not_as_seen(folder.path_of(name))
            return write_new(one.content, folder, step.temporary, like, work.disk)
        case NewText(text):
            return write_text(text, folder, step.temporary, work.disk)
        case SavedFile(generation, saved, state, is_apart):
            work.vault_of(generation).put(saved, state, folder, step.temporary, is_apart=is_apart)
            return folder.state(step.temporary, sha256=state.sha256)
        case NewLink(target):
            work.disk.symlink_in(folder, step.temporary, target)
            return folder.state(step.temporary)
        case Adopted():
            return folder.state(name, sha256=one.known.sha256 if one.known else None)
        case NoFile():
            return NOTHING


def _ready(index: int, step: Touched, states: Sequence[FileState], work: Workplace) -> Ready:
    before, after = states
    folder, name = work.folders.of(step.root, step.path)
    if not is_same_file(folder.seen(name), step.seen):
        raise not_as_seen(folder.path_of(name))
    saved, kept = f"{index}.before", f"{index}.after"
    is_kept = after.kind == FILE and work.vault.keep(folder, step.temporary or name, kept)
    written = folder.seen(step.temporary) if step.temporary else Seen()
    return Ready(before, after, saved if before.kind == FILE else "", kept if is_kept else "", written)


def _put_in_place(step: Touched, ready: Ready, work: Workplace) -> Folder | None:
    """Returns the folder that changed."""
    if not step.temporary:
        return None
    folder, name = work.folders.of(step.root, step.path)
    work.folders.check(folder)
    now = folder.seen(name)
    if not is_same_file(now, step.seen):
        raise not_as_seen(folder.path_of(name))
    if ready.after.kind != ABSENT:
        work.disk.rename_in(folder, step.temporary, name)
    elif now.kind != ABSENT:
        work.disk.remove_in(folder, name)
    return folder


def _placed(journal: Journal, work: Workplace) -> tuple[Seen, ...]:
    """What stands there now. Raises Refused where that is not what was put."""
    placed = []
    for step, ready in zip(journal.steps, journal.ready, strict=True):
        folder, name = work.folders.of(step.root, step.path)
        work.folders.check(folder)
        now = folder.seen(name)
        if not is_same_file(now, ready.written if step.temporary else step.seen):
            raise not_as_seen(folder.path_of(name))
        placed.append(now)
    return tuple(placed)
