"""What is done about the module files of one kernel: what comes back from where, and what is set aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rocmswitch.model.kernel import AMDGPU, DAMAGED, EMPTY, FOREIGN, Kernel, System
from rocmswitch.model.recovery import SNAPSHOT, Candidate, Lack, Restore, SetAside
from rocmswitch.planning.modules import covered, missing
from rocmswitch.planning.reinstalling import recover, remedy
from rocmswitch.planning.sources import Target, choose, misplaced, target_of
from rocmswitch.planning.vouching import ALIEN, CHANGED, TWIN, Verdict, judge, required

_BYTES = (EMPTY, DAMAGED, FOREIGN, CHANGED)
"""Rows in which another file comes to the same path."""


@dataclass(frozen=True)
class FilesPlan:
    """What is done in one kernel's folder, and what cannot be."""

    restores: tuple[Restore, ...] = ()
    aside: tuple[SetAside, ...] = ()
    lacks: tuple[Lack, ...] = ()
    is_mended: bool = True
    """Whether nothing wrong will be loaded afterwards: else the boot image, which may hold better, stays."""


def plan_files(system: System, kernel: Kernel, candidates: Sequence[Candidate], *, in_tree: bool) -> FilesPlan:
    """*in_tree*: shadows are set aside whoever vouches for them."""
    verdicts = judge(system, kernel)
    pool = (*candidates, *misplaced(system, kernel))
    targets = tuple(_targets(system, kernel, verdicts, in_tree=in_tree))
    chosen = [(target, choose(target, pool)) for target in targets]
    restores = tuple(one for _, one in chosen if isinstance(one, Restore))
    back = {one.path for one in restores}
    is_ready = _in_tree_is_ready(kernel, verdicts, back, candidates, in_tree=in_tree)
    aside = tuple(_aside(kernel, verdicts, back, is_ready=is_ready, in_tree=in_tree))
    gone = {one.path for one in aside}
    lacks = tuple(
        _no_source(system, kernel, target, passed)
        for target, passed in chosen
        if not isinstance(passed, Restore) and target.path not in gone
    )
    stuck = tuple(_stuck(system, kernel, verdicts, {one.path for one in targets} | gone, in_tree=in_tree))
    left = [one for one in verdicts if one.row and one.file.path not in back | gone]
    return FilesPlan(restores, aside, (*lacks, *stuck), not lacks and not left)


def _targets(system: System, kernel: Kernel, verdicts: Sequence[Verdict], *, in_tree: bool) -> Iterator[Target]:
    stated = {one.path: one for one in required(kernel)}
    for one in missing(kernel):
        if in_tree or covered(system, kernel, one) is None:
            yield target_of(one, kernel)
    for verdict in verdicts:
        file = verdict.file
        if verdict.row in _BYTES and (file.is_in_tree or file.owner):
            yield Target(file.path, kernel.release, file.name, file.owner)
        elif verdict.row == ALIEN and file.path in stated:
            yield target_of(stated[file.path], kernel)


def _in_tree_is_ready(
    kernel: Kernel, verdicts: Sequence[Verdict], back: set[str], candidates: Sequence[Candidate], *, in_tree: bool
) -> bool:
    """Whether the kernel's own modules can be loaded once a shadow is gone: the package's, or brought back."""
    right = {one.file.path: one.file for one in verdicts if one.is_right and one.file.is_in_tree}
    needed = [one.path for one in required(kernel)]
    if needed:
        return all(path in right or path in back for path in needed)
    snapshots = {(one.path, one.contents.sha256) for one in candidates if one.kind == SNAPSHOT and one.contents}
    mine = [file for file in right.values() if file.name == AMDGPU]
    return any(in_tree or (file.path, file.contents.sha256) in snapshots for file in mine) or any(
        one.file.path in back for one in verdicts if one.file.is_in_tree and one.file.name == AMDGPU
    )


def _aside(
    kernel: Kernel, verdicts: Sequence[Verdict], back: set[str], *, is_ready: bool, in_tree: bool
) -> Iterator[SetAside]:
    needed = {one.name: one.path for one in required(kernel)}
    kept = {one.folder for one in verdicts if one.is_right and not one.file.is_in_tree and one.file.owner}
    for verdict in verdicts:
        file = verdict.file
        if file.path in back or file.path in needed.values():
            continue
        if _is_spare(verdict, verdicts, back, needed) or (
            is_ready and not file.is_in_tree and (in_tree or _goes(verdict, kept))
        ):
            yield SetAside(file.path, verdict.evidence or "the kernel's own module is wanted", kernel.release)


def _is_spare(verdict: Verdict, verdicts: Sequence[Verdict], back: set[str], needed: dict[str, str]) -> bool:
    """A twin, or a stray copy in `kernel/`, of a module that is right or comes back at its own path."""
    file = verdict.file
    beside = (one for one in verdicts if one.folder == verdict.folder and one.file.name == file.name)
    if verdict.row and file.owner is None and any(one.file.path in back for one in beside):
        return True
    if verdict.row != TWIN and not (verdict.row == ALIEN and file.is_in_tree):
        return False
    right = [one for one in verdicts if one.is_right and one.file.name == file.name]
    if file.is_in_tree and file.name in needed:
        return needed[file.name] in back or any(one.file.path == needed[file.name] for one in right)
    return any(one.folder == verdict.folder for one in right)


def _goes(verdict: Verdict, kept: set[str]) -> bool:
    """A package's own module is not parted from the intact ones beside it."""
    return bool(verdict.row) and (verdict.file.owner is None or verdict.folder not in kept)


def _no_source(system: System, kernel: Kernel, target: Target, passed: Restore | tuple[str, ...]) -> Lack:
    why = "; ".join(passed) if isinstance(passed, tuple) and passed else "there is no copy of it here"
    what = f"`/{target.path}` cannot be brought back: {why}"
    return Lack(what, remedy(system, target.owner, kernel), target.path)


def _stuck(
    system: System, kernel: Kernel, verdicts: Sequence[Verdict], done: set[str], *, in_tree: bool
) -> Iterator[Lack]:
    """Shadows that stay, because nothing would be loaded in their place."""
    is_own = not required(kernel) and any(one.file.is_in_tree and one.is_right for one in verdicts)
    folders = set()
    for verdict in verdicts:
        path = verdict.file.path
        is_wanted = verdict.row or (in_tree and not verdict.file.is_in_tree)
        if not is_wanted or path in done or verdict.folder in folders:
            continue
        folders.add(verdict.folder)
        if is_own:
            why, cure = "no package vouches for the module in `kernel/`", f"run `{recover(system, '--in-tree')}`"
        else:
            why = f"kernel {kernel.release} has no other `{verdict.file.name}` to load"
            cure = remedy(system, None, kernel)
        yield Lack(f"`/{path}` stays: {why}", cure, path)
