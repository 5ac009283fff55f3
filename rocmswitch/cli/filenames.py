"""What places and their files are called on a screen: the same in every plan of a change."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePath

from rocmswitch.model.deployment import Place
from rocmswitch.model.printable import printable


def called(place: Place) -> str:
    """What the user calls it, in words that mean the same in any folder."""
    return str(Path(place.name).absolute()) if "/" in place.name or place.name.startswith(".") else place.name


def files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def heading(what: str, place: Place, roots: Iterable[str]) -> str:
    """The line before the files of a change, which are named below the folder that it names.

    Where they lie in several folders it names none, and each file is named whole.
    """
    folder = _only(roots)
    if not folder:
        return printable(f"{what}:")
    path = PurePath(folder)
    if path.is_relative_to(place.resolved):  # by its name that lasts, not that of the tree behind it
        path = PurePath(place.folder) / path.relative_to(place.resolved)
    return printable(f"{what}, below {path}:")


def below(roots: Iterable[str], path: str | PurePath) -> str:
    """The *path*, whole, as it is named under a `heading` of the same *roots*."""
    folder = _only(roots)
    whole = PurePath(path)
    return printable(str(whole.relative_to(folder) if folder and whole.is_relative_to(folder) else whole))


def text_only(value: object) -> object:
    """Names of files may hold bytes that are no text, and JSON is text."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _only(roots: Iterable[str]) -> str:
    """The folder that is the only one; empty where there are several."""
    found = set(roots)
    return found.pop() if len(found) == 1 else ""
