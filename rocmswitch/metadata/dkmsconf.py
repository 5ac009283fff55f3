"""What a dkms.conf says, as far as it can be read without running it: it is a script of bash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s;#"'()`$]|\$\{?\w+\}?)*"""
_ASSIGNMENT = re.compile(
    rf"^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)(?:\[(?P<index>\d{{1,4}})\])?(?P<more>\+?)="
    rf"(?:(?P<value>{_VALUE})|\((?P<list>[^()]*)\))[ \t]*(?:[;#].*)?$",
    re.MULTILINE,
)
_WORD = re.compile(r""""[^"]*"|'[^']*'|[^\s"']+""")
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_NOT_LITERAL = re.compile(r"[$`]")
_CONTINUED = re.compile(r"\\\n")

Assignments = Mapping[tuple[str, int], str]
"""By name and index; what is no array has the index 0, as in bash."""


def parse_dkms_conf(texts: Iterable[str]) -> Assignments:
    """The literal assignments of *texts*, of which later ones count more; variables that are known are put in.

    Conditions and loops are not understood: what they would assign counts as assigned. Values that take a command
    to be known are left out.
    """
    found: dict[tuple[str, int], str] = {}
    for match in (one for text in texts for one in _ASSIGNMENT.finditer(_CONTINUED.sub(" ", text))):
        name, index = match["name"], int(match["index"] or 0)
        if match["list"] is not None:
            start = max((at + 1 for one, at in found if one == name), default=0) if match["more"] else 0
            words = _WORD.findall(re.sub(r"(^|\s)#.*", "", match["list"]))
            values = {(name, start + number): _plain(word, found) for number, word in enumerate(words)}
        else:
            value = _plain(match["value"], found)
            values = {(name, index): found.get((name, index), "") + value if match["more"] and value else value}
        found.update({key: value for key, value in values.items() if value is not None})
        for key in (key for key, value in values.items() if value is None):
            found.pop(key, None)
    return found


def built_names(conf: Assignments) -> tuple[str, ...]:
    """What the modules that it builds are called where they are installed."""
    indexes = {index for name, index in conf if name in ("BUILT_MODULE_NAME", "DEST_MODULE_NAME")} | {0}
    names = (
        conf.get(("DEST_MODULE_NAME", index)) or conf.get(("BUILT_MODULE_NAME", index), "")
        for index in sorted(indexes)
    )
    # As dkms does where there is one module and no name for it.
    found = tuple(dict.fromkeys(name for name in names if name))
    return found or tuple(filter(None, [conf.get(("PACKAGE_NAME", 0), "")]))


def is_automatic(conf: Assignments) -> bool:
    """Whether dkms builds it for every new kernel: its AUTOINSTALL is anything at all."""
    return bool(conf.get(("AUTOINSTALL", 0)))


def _plain(value: str, known: Assignments) -> str | None:
    """What bash makes of *value*; None where that takes more than known variables."""
    pieces = []
    for piece in re.findall(r""""(?:[^"\\]|\\.)*"|'[^']*'|[^"']+""", value):
        if piece.startswith("'"):
            pieces.append(piece[1:-1])
            continue
        filled = _VARIABLE.sub(lambda match: known.get((match[1] or match[2], 0), "$"), piece.strip('"'))
        if _NOT_LITERAL.search(filled):
            return None
        pieces.append(re.sub(r"\\(.)", r"\1", filled))
    return "".join(pieces)
