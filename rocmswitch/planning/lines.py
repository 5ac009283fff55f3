"""Looking for many expressions in the lines of a long text, in a time that grows with the text alone.

Most lines of a log say nothing. An expression is tried only on lines that have the letters without which it cannot
match, and those are found by the fast search of str.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate, islice

_SHORTEST = 3
"""Fewer letters are in nearly every line."""
_TRIED = 2000
"""Lines that an expression is tried on, of those that have its letters."""
_TOKEN = re.compile(
    r"\\(?P<escape>.)"
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]"
    r"|(?P<open>\()|(?P<close>\))"
    r"|(?P<quantifier>[*?]|\{[0-9,]*\})"
    r"|(?P<or>\|)"
    r"|(?P<break>[.^$+])"
    r"|(?P<letter>.)",
    re.DOTALL,
)


class Lines:
    """Lines that are searched without regard to case."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        small = [line.lower() for line in lines]
        self._text = "\n".join(small)
        self._starts = list(accumulate((len(line) + 1 for line in small), initial=0))
        self.said = sum(not line.isspace() for line in small if line)
        """How many of them are not blank."""

    def find(self, pattern: str) -> tuple[int, re.Match[str]] | None:
        """The first line, from 0, in which a match begins, and the match, which may reach into the next line."""
        expression = re.compile(pattern, re.IGNORECASE)
        found = [hit for letters in letters_of(pattern) if (hit := self._first(letters, expression))]
        return min(found, key=lambda hit: hit[0], default=None)

    def _first(self, letters: str, expression: re.Pattern[str]) -> tuple[int, re.Match[str]] | None:
        for number in islice(self._with(letters), _TRIED):
            line = self._lines[number]
            match = expression.search("\n".join(self._lines[number : number + 2]))
            if match and match.start() <= len(line):
                return number, match
        return None

    def _with(self, letters: str) -> Iterator[int]:
        """The lines that have *letters*."""
        at = self._text.find(letters)
        while at >= 0:
            number = bisect_right(self._starts, at) - 1
            yield number
            at = self._text.find(letters, self._starts[number + 1])


@cache
def letters_of(pattern: str) -> tuple[str, ...]:
    """What each alternative of *pattern* cannot match without, in small letters: its longest piece that is literal.

    What stands in parentheses counts for nothing. Raises ValueError where an alternative has no such piece.
    """
    alternatives: list[list[str]] = [[""]]
    depth = 0
    for token in _TOKEN.finditer(pattern):
        if token["open"] or token["close"]:
            depth += 1 if token["open"] else -1
            alternatives[-1].append("")
        elif depth == 0:
            _take(token, alternatives)
    longest = tuple(max(pieces, key=len).lower() for pieces in alternatives)
    if any(len(piece) < _SHORTEST for piece in longest):
        raise ValueError(f"`{pattern}` has an alternative without {_SHORTEST} letters that must be there")
    return longest


def _take(token: re.Match[str], alternatives: list[list[str]]) -> None:
    """*token* adds a letter, or ends a piece, or begins an alternative."""
    pieces = alternatives[-1]
    escaped = token["escape"]
    if token["or"]:
        alternatives.append([""])
    elif token["letter"] or (escaped and not escaped.isalnum()):
        pieces[-1] += token["letter"] or escaped
    else:
        if token["quantifier"]:
            pieces[-1] = pieces[-1][:-1]
        pieces.append("")
