"""What a dkms.conf says, as far as it can be read without running it: it is a script of bash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

_START = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)(?:\[(\d{1,4})\])?(\+?)=", re.MULTILINE)
_PIECE = re.compile(
    r'"(?P<double>(?:[^"\\]|\\.)*)"'
    r"|'(?P<single>[^']*)'"
    r"|(?P<variable>\$\w+|\$\{\w+\})"
    r"|\\(?P<escaped>[^\n])"
    r"|(?P<bare>[^\s;#&|<>\"'()`$\\]+)",
    re.DOTALL,
)
"""One piece of a word. No two of them can begin alike, so that nothing is tried twice, whatever the text."""
_BETWEEN = re.compile(r"(?:\s|#[^\n]*)*")
"""What stands between the words of a list."""
_END = re.compile(r"[ \t]*(?:[\n;#&|)]|\Z)")
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_UNESCAPED = re.compile(r"(?<!\\)[$`]")
_CONTINUED = re.compile(r"\\\n")

Assignments = Mapping[tuple[str, int], str]
"""By name and index; what is no array has the index 0, as in bash."""


def parse_dkms_conf(texts: Iterable[str]) -> Assignments:
    """The literal assignments of *texts*, of which later ones count more; variables that are known are put in.

    Conditions and loops are not understood: what they would assign counts as assigned. Values that take a command
    to be known are left out.
    """
    found: dict[tuple[str, int], str] = {}
    for text in texts:
        for name, index, is_added, values in _assignments(_CONTINUED.sub("", text), found):
            if len(values) == 1 and values[0] is not None and is_added and index >= 0:
                found[name, index] = found.get((name, index), "") + values[0]
                continue
            for number, value in enumerate(values, _first(found, name, index, is_added=is_added)):
                found.pop((name, number), None)
                if value is not None:
                    found[name, number] = value
    return found


def built_names(conf: Assignments) -> tuple[str, ...]:
    """What the modules that it builds are called where they are installed."""
    indexes = {index for name, index in conf if name in ("BUILT_MODULE_NAME", "DEST_MODULE_NAME")}
    names = (
        conf.get(("DEST_MODULE_NAME", index)) or conf.get(("BUILT_MODULE_NAME", index), "")
        for index in sorted(indexes)
    )
    found = tuple(dict.fromkeys(name for name in names if name))
    # As dkms does where there is one module and no name for it.
    return found or tuple(filter(None, [conf.get(("PACKAGE_NAME", 0), "")]))


def is_automatic(conf: Assignments) -> bool:
    """Whether dkms builds it for every new kernel. Until 3.1 that is so whatever AUTOINSTALL is, even `no`."""
    return bool(conf.get(("AUTOINSTALL", 0)))


def _first(found: Assignments, name: str, index: int, *, is_added: bool) -> int:
    """The index that the first of the new values gets."""
    if index >= 0 or not is_added:
        return max(index, 0)
    return max((at for one, at in found if one == name), default=-1) + 1


def _assignments(text: str, known: Assignments) -> Iterator[tuple[str, int, bool, list[str | None]]]:
    """Name, index (-1 of a list), whether it is added to, values (None for one that is not literal)."""
    start = _START.search(text)
    while start is not None:
        name, index, more = start.groups()
        if text.startswith("(", start.end()):
            values, end = _list(text, start.end() + 1, known)
            yield name, -1, bool(more), values
        else:
            value, end = _word(text, start.end(), known)
            # `A=a command` assigns for that command alone.
            value = value if _END.match(text, end) else None
            yield name, int(index or 0), bool(more), [value]
        start = _START.search(text, end)


def _list(text: str, position: int, known: Assignments) -> tuple[list[str | None], int]:
    values: list[str | None] = []
    while True:
        between = _BETWEEN.match(text, position)
        position = between.end() if between else position
        if position >= len(text):
            return [], position
        if text[position] == ")":
            return values, position
        value, end = _word(text, position, known)
        if end == position:  # nothing that a list of literals has
            return [*values, None], position
        values.append(value)
        position = end


def _word(text: str, position: int, known: Assignments) -> tuple[str | None, int]:
    """The value of the word at *position*, and where it ends."""
    pieces: list[str | None] = []
    while piece := _PIECE.match(text, position):
        pieces.append(_plain(piece, known))
        position = piece.end()
    is_whole = position >= len(text) or text[position] in " \t\n;&|)"
    if not is_whole or None in pieces:
        return None, position
    return "".join(one for one in pieces if one is not None), position


def _plain(piece: re.Match[str], known: Assignments) -> str | None:
    """What bash makes of *piece*; None where that takes more than known variables."""
    kind, inside = str(piece.lastgroup), piece[str(piece.lastgroup)]
    if kind == "variable":
        return known.get((inside.strip("${}"), 0))
    if kind != "double":
        return inside
    filled = _VARIABLE.sub(lambda match: known.get((match[1] or match[2], 0), "`"), inside)
    return None if _UNESCAPED.search(filled) else re.sub(r"\\([\"\\$`])", r"\1", filled)
