"""Repositories of dnf, yum and zypper: files of sections, as each of the three reads them (dnf.conf(5))."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from dataclasses import dataclass

_OFF = ("0", "no", "false", "off")
_WANTED = ("enabled", "baseurl", "mirrorlist", "metalink", "gpgkey")


@dataclass(frozen=True)
class RepoEntry:
    """One enabled repository. `line` counts from 1 and is that of its address."""

    line: int
    name: str
    uri: str
    keys: tuple[str, ...] = ()
    """Addresses, `file:///…` among them."""


def parse_repositories(text: str) -> tuple[RepoEntry, ...]:
    """The enabled repositories of one file; of one that is no such file, none."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return ()
    return tuple(_entries(parser, text))


def _entries(parser: configparser.RawConfigParser, text: str) -> Iterator[RepoEntry]:
    for name in parser.sections():
        told = {field: (parser.get(name, field, fallback="") or "").strip() for field in _WANTED}
        if told["enabled"].lower() in _OFF:
            continue
        for uri in (told["baseurl"] or told["mirrorlist"] or told["metalink"]).split():
            yield RepoEntry(_line(text, name, uri), name, uri, tuple(told["gpgkey"].split()))


def _line(text: str, section: str, uri: str) -> int:
    """Where *uri* stands in *section*: configparser keeps no numbers."""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\[.*\]", line):
            inside = line.strip() == f"[{section}]"
        elif inside and uri in line:
            return number
    return 1
