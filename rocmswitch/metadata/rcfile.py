"""Variables that a shell's start-up file sets: read as text, never run.

What such a file does in the end only the shell knows; this finds the lines that a person would look for. A line
that is only sometimes reached (`if`, functions) counts too: it is shown with its number, and the reader decides.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from itertools import dropwhile

_LONGEST_LINE = 4096
"""Characters. What is longer is data that somebody has put into a script."""

_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)\+?=(?P<value>.*)", re.DOTALL)
_KEYWORDS = {"then", "else", "do", "{", "begin", "and", "or", "if", "not", "builtin", "command"}
_EXPORTS = {"export", "declare", "typeset", "readonly"}
_UNIVERSAL = re.compile(r"SETUVAR (?P<flags>(?:--\w+ )*)(?P<name>[A-Za-z_][A-Za-z0-9_]*):(?P<value>.*)")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")

Found = tuple[int, str, str]
"""Line number from 1, name, value without its quotes."""


def parse_posix(text: str) -> tuple[Found, ...]:
    """Assignments and exports in a script for bash, zsh or sh; `setenv` of csh too."""
    return tuple(_in_commands(text, _posix))


def parse_fish(text: str) -> tuple[Found, ...]:
    """Exported and universal variables in a script for fish."""
    return tuple(_in_commands(text, _fish))


def parse_plain(text: str) -> tuple[Found, ...]:
    """Lines NAME=VALUE of /etc/environment and environment.d(5)."""
    return parse_posix(text)


def parse_universal(text: str) -> tuple[Found, ...]:
    """fish's own `fish_variables`, which `set -U` writes: lists are joined by 0x1e, odd bytes are `\\xHH`."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _UNIVERSAL.fullmatch(line)
        if match and "--export" in match["flags"]:
            value = _ESCAPE.sub(lambda code: chr(int(code[1], 16)), match["value"])
            found.append((number, match["name"], value.replace("\x1e", ":")))
    return tuple(found)


def read_along(text: str) -> tuple[str, ...]:
    """The files that a script for any of these shells reads with `source` or `.`, as they are written there."""
    return tuple(file for _, _, file in _in_commands(text, _source))


def _source(words: list[str]) -> Iterator[tuple[str, str]]:
    if words[:1] in (["source"], ["."]) and len(words) > 1:
        yield words[0], words[1]


def _in_commands(text: str, read: Callable[[list[str]], Iterator[tuple[str, str]]]) -> Iterator[Found]:
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > _LONGEST_LINE or line.lstrip().startswith("#"):
            continue
        for command in _commands(line):
            words = list(dropwhile(_KEYWORDS.__contains__, command))
            yield from ((number, name, value) for name, value in read(words))


def _commands(line: str) -> list[list[str]]:
    """The words of each simple command in *line*; none where its quotes go on in the next line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word.strip(";&|()"):
                commands[-1].append(word)
            else:
                commands.append([])
    except ValueError:
        return []
    return commands


def _posix(words: list[str]) -> Iterator[tuple[str, str]]:
    if words[:1] == ["setenv"] and len(words) == 3:
        yield words[1], words[2]
        return
    exported = bool(words) and words[0] in _EXPORTS
    pairs = [_ASSIGNMENT.fullmatch(word) for word in words[exported:]]
    # `NAME=value program` sets it for that one program.
    if exported or all(pairs):
        yield from ((pair["name"], pair["value"]) for pair in pairs if pair)


def _fish(words: list[str]) -> Iterator[tuple[str, str]]:
    if words[:1] != ["set"]:
        yield from _posix(words)
        return
    flags = [word for word in words[1:] if word.startswith("-")]
    rest = words[1 + len(flags) :]
    short = "".join(flag[1:] for flag in flags if not flag.startswith("--"))
    exported = {"x", "U"} & set(short) or {"--export", "--universal"} & set(flags)
    erased = {"e", "q", "u"} & set(short) or {"--erase", "--query", "--unexport"} & set(flags)
    if rest and exported and not erased:
        yield rest[0], ":".join(rest[1:])
