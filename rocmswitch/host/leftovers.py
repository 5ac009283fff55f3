"""What ROCm by hand has left on a system and in a home, found by its places: what no package and no stack has."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.rcfiles import read_settings
from rocmswitch.host.systemroot import within
from rocmswitch.model.leftover import BACKUP, FILE, FOLDER, LINES, Leftover, Line
from rocmswitch.planning.leftovers import (
    BACKUP_WHY,
    BACKUPS,
    CACHE,
    CACHE_WHY,
    LINES_WHY,
    PLACES,
    TREES,
    USUAL,
    USUAL_WHY,
    is_alone,
)

LARGEST = 1024**3
MOST_FILES, MOST_FOLDERS = 5000, 400
"""What a folder may hold that goes by a recorded change: every folder of it is held open until the end."""
_OURS = "rocmswitch"
_START_UP = (".bashrc", ".profile", ".bash_profile", ".bash_login", ".zshrc", ".zshenv", ".zprofile", ".zlogin")
_SITE_PACKAGES = ".local/lib/python3*/site-packages/torch/lib"
_ASKED = 3
"""Files of a folder of which the owner is asked: packages own all of a tree, or nothing."""


def find_leftovers(root: Path, home: Path | None = None, kept: Collection[str] = ()) -> tuple[Leftover, ...]:
    """Everything in the known places of the system at *root*, then in *home* of the one that runs.

    *kept* are folders that linked stacks use. Raises nothing for what cannot be read: it is passed over.
    """
    root = root.resolve()
    scan = _Scan(root, [os.path.realpath(one) for one in kept])
    found = [*scan.trees(), *scan.files(), *scan.backups()]
    if home is not None:
        found += [*_backups_of(home), *_lines_of(home)]
        is_patched = any("miopen" in one.path.lower() for one in found)
        cache = home / CACHE
        found += [_folder(Path("/"), cache, CACHE_WHY, is_users=True)] if is_patched and cache.is_dir() else []
    return tuple(one for one in found if one.kind != FOLDER or one.files or one.too_large or one.odd)


class _Scan:
    """One system. Packages are asked only where there is something to ask about, and about folders first: that is
    one pass over their lists, and of a file they would read all to compare it."""

    def __init__(self, root: Path, kept: Collection[str]) -> None:
        self._root, self._kept = root, kept
        self._trees = _matching(root, TREES.pattern)
        self._files = [(place, path) for place in PLACES for path in _matching(root, place.pattern)]
        self._packages = PackageFiles(root)
        self._owned = self._owned_of([*self._trees, *(path for _, path in self._files)])
        strange = [path for path in self._trees if path not in self._owned]
        self._owned |= self._owned_of([one for path in strange for one in _first_files(_inside(root, path))])
        self._served = {"amdgpu"} if _matching(root, "usr/src/amdgpu-*") else set()
        self._served |= {"rocm"} if any(map(self._serves, self._trees)) else set()

    def trees(self) -> Iterator[Leftover]:
        for path in self._trees:
            if self._serves(path) or not (path.is_symlink() or path.is_dir()):
                continue
            below = f"/{path.relative_to(self._root)}"
            why = USUAL_WHY if below == USUAL else TREES.why
            found = Leftover(below, FILE, why) if path.is_symlink() else _folder(self._root, path, why)
            odd = found.odd or ("" if self._packages.kind else "there is no package manager to ask whose it is")
            yield replace(found, is_in_effect=below == USUAL, odd=odd)

    def files(self) -> Iterator[Leftover]:
        for place, path in self._files:
            is_wanted = path in self._owned or place.serves in self._served
            if not is_wanted and (path.is_symlink() or path.is_file()):
                below = f"/{path.relative_to(self._root)}"
                yield Leftover(below, FILE, place.why, place.is_in_effect, size=_size(path))

    def backups(self) -> Iterator[Leftover]:
        """Beside libraries of trees that stay."""
        for path in self._trees:
            if not path.is_symlink() and self._serves(path):
                for one in _put_aside(path / "lib"):
                    below = f"/{one.relative_to(self._root)}"
                    yield Leftover(below, BACKUP, BACKUP_WHY, is_in_effect=True, size=_size(one))

    def _serves(self, path: Path) -> bool:
        """Whether a package or a linked stack has what *path* leads to."""
        real = _inside(self._root, path)
        if any(Path(one).is_relative_to(real) or real.is_relative_to(one) for one in self._kept):
            return True
        return not self._owned.isdisjoint((path, real, *_first_files(real)))

    def _owned_of(self, paths: Collection[Path]) -> frozenset[Path]:
        asked = {str(path.relative_to(self._root)): path for path in paths}
        owners = self._packages.owners(asked) if asked else {}
        return frozenset(asked[path] for path, owner in owners.items() if owner is not None)


def _matching(root: Path, pattern: str) -> list[Path]:
    """What the last part of *pattern* names, by paths without a link but perhaps the last; nothing of ours."""
    where = PurePosixPath(pattern)
    try:
        folder = root / within(root, str(where.parent))
        names = sorted(os.listdir(folder))  # noqa: PTH208  names alone
    except OSError:
        return []
    found = (one for one in names if fnmatch.fnmatchcase(one, where.name) and not one.startswith(_OURS))
    return [folder / one for one in found]


def _folder(root: Path, path: Path, why: str, *, is_users: bool = False) -> Leftover:
    """*path* with what is in it, as far as a recorded change could take it."""
    found = Leftover(f"/{path.relative_to(root)}", FOLDER, why, is_users=is_users)
    size, files, odd = 0, [], ""
    unread: list[OSError] = []
    for folders, (here, below, names) in enumerate(os.walk(path, onerror=unread.append), start=1):
        below.sort()
        for one in (*map(Path(here).joinpath, sorted(names)), *_links(here, below)):
            status = one.lstat()
            odd = odd or _oddity(status.st_mode)
            size += status.st_size
            files.append(str(one.relative_to(root)))
        odd = odd or (f"a file system is mounted at `{here}`" if Path(here).is_mount() else "")
        if size > LARGEST or len(files) > MOST_FILES or folders > MOST_FOLDERS:
            return replace(found, size=size, too_large=True)
    odd = odd or (f"`{unread[0].filename}` cannot be read by this user" if unread else "")
    return replace(found, size=size, files=tuple(files), odd=odd)


def _links(here: str, below: Collection[str]) -> Iterator[Path]:
    """Links to folders, which a walk counts among the folders and does not enter."""
    return (path for path in map(Path(here).joinpath, below) if path.is_symlink())


def _oddity(mode: int) -> str:
    return "" if stat.S_ISREG(mode) or stat.S_ISLNK(mode) else "it holds what is neither a file nor a link"


def _backups_of(home: Path) -> Iterator[Leftover]:
    for folder in sorted(home.glob(_SITE_PACKAGES)):
        for one in _put_aside(folder):
            yield Leftover(str(one), BACKUP, BACKUP_WHY, is_in_effect=True, is_users=True, size=_size(one))


def _put_aside(folder: Path) -> Iterator[Path]:
    """Libraries that were put aside by hand beside one of the same name."""
    try:
        names = set(os.listdir(folder))  # noqa: PTH208  names alone
    except OSError:
        return
    for name in sorted(names):
        library = next((name.removesuffix(end) for end in BACKUPS if name.endswith(end)), "")
        if ".so" in library and library in names:
            yield folder / name


def _lines_of(home: Path) -> Iterator[Leftover]:
    """Lines of start-up files that set what is a stack's business, as `doctor` tells them."""
    found: dict[str, set[int]] = {}
    for one in read_settings({"HOME": str(home)}, home / ".nothing"):
        path = Path(one.file)
        if path.parent == home and path.name in _START_UP:
            found.setdefault(one.file, set()).add(one.line)
    for file, numbers in found.items():
        text = Path(file).read_bytes().decode("utf-8", "surrogateescape").splitlines()
        lines = tuple(
            Line(number, text[number - 1], is_alone(text[number - 1], text[number - 2] if number > 1 else ""))
            for number in sorted(numbers)
            if number <= len(text)
        )
        yield Leftover(file, LINES, LINES_WHY, is_in_effect=True, is_users=True, lines=lines)


def _first_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for here, below, names in os.walk(folder):
        below.sort()
        found += [Path(here, name) for name in sorted(names)]
        if len(found) >= _ASKED:
            break
    return found[:_ASKED]


def _inside(root: Path, path: Path) -> Path:
    """Where *path* leads, links being followed as the system at *root* itself would."""
    try:
        return root / within(root, str(path.relative_to(root)))
    except OSError:  # it leads in a circle
        return path


def _size(path: Path) -> int:
    return path.lstat().st_size
