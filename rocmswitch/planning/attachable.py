"""A probe's report without what is private: people attach it to issues."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from rocmswitch.model.probe import Report

USER, HOST = "USER", "HOST"
"""What stands in the place of those names."""
_HOME = re.compile(r"(?:/home|/Users|/var/home|/export/home)/[^/\s'\"`:;,()]+")
_SHORTEST = 2
"""Letters of a name that is taken out wherever it stands; a shorter one is too many other things."""
_OF_NOBODY = {"root", "localhost", "localhost.localdomain"}
"""Names that tell nothing of anybody."""


@dataclass(frozen=True)
class Owner:
    """Who ran the probe. What is not known is empty."""

    home: str
    user: str
    host: str


def without_names(report: Report, owner: Owner) -> Report:
    """*report* without the name and the folders of *owner*, and without the host's name."""
    cleaned = _cleaner(owner)
    found = report.surroundings
    surroundings = replace(
        found,
        venv=cleaned(_last(found.venv)),
        kernel=cleaned(found.kernel),
        driver=cleaned(found.driver),
        environment=tuple((name, cleaned(value)) for name, value in found.environment),
    )
    outcomes = tuple(replace(one, detail=cleaned(one.detail)) for one in report.outcomes)
    return replace(report, surroundings=surroundings, outcomes=outcomes)


def _last(venv: str) -> str:
    """A path's last part that is a name: `proj/.venv` is `.venv`."""
    return PurePosixPath(venv).name if "/" in venv else venv


def _cleaner(owner: Owner) -> Callable[[str], str]:
    home = owner.home.rstrip("/")
    # A host is called by its first label as well.
    hosts = sorted({owner.host, owner.host.partition(".")[0]}, key=len, reverse=True)
    names = [(owner.user, USER), *((one, HOST) for one in hosts)]
    patterns = [(_whole(name), word) for name, word in names if name and name not in _OF_NOBODY]

    def cleaned(text: str) -> str:
        text = re.sub(rf"(?<![\w.-]){re.escape(home)}(?![\w.-])", "~", text) if home else text
        text = _HOME.sub("~", text)
        for pattern, word in patterns:
            text = pattern.sub(word, text)
        return text

    return cleaned


def _whole(name: str) -> re.Pattern[str]:
    """*name* where it is no part of a longer word; one letter where it is a folder or beside an @."""
    if len(name) < _SHORTEST:
        letter, end = re.escape(name), r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
        return re.compile(rf"(?<=[/@]){letter}{end}|(?<![A-Za-z0-9._/-]){letter}(?=@)", re.IGNORECASE)
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE)
