"""What probes have found: `MACHINE/STACK/TIME.json` below the data folder, without anything private.

Reports outlive the environments that they are about, and stay readable: what a later version adds is passed over.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.metadata.probereport import encode_report, parse_report
from rocmswitch.model.probe import Report
from rocmswitch.planning.attachable import Owner, without_names
from rocmswitch.planning.naming import resolve_name
from rocmswitch.store.layout import Layout
from rocmswitch.store.machineid import machine_id
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.lock import held
from rocmswitch.system.reading import open_regular

KEPT = 20
"""Reports of each stack; of more, those that were stopped go first, then the oldest."""
_LARGEST = 16 << 20
"""Bytes of a report: a hostile file shall not fill the memory."""
_WAIT = 10.0
"""Seconds for another rocmswitch that is keeping a report."""
_LIST = "run `rocmswitch probe --list`"


@dataclass(frozen=True)
class Unreadable:
    """A file that is passed over, and why: a sentence without a full stop."""

    path: Path
    why: str


class Probes:
    """Those of this machine; its number is read below *root*."""

    def __init__(self, layout: Layout, disk: Disk, root: Path = Path("/")) -> None:
        self._layout, self._disk = layout, disk
        self.folder = layout.probes / machine_id(root)

    def save(self, report: Report) -> Path:
        """Keep *report*, without the names of its owner. Raises MachineLacks, Busy; then nothing was kept."""
        folder = self.folder / _kind(report)
        with disk_errors(folder):
            self._disk.make_directories(folder)
            with held(self._layout.locks / "probes.lock", wait=_WAIT, what="reports of the probe"):
                path = _free(folder, report.created)
                self._disk.replace_file(path, encode_report(attachable(report)))
                self._drop_beyond(path)
        return path

    def read_all(self, stack: str = "*") -> tuple[Report, ...]:
        """Those that can be read, or those of one *stack*, the newest first."""
        found = [one for _, one in self._look(stack) if isinstance(one, Report)]
        return tuple(sorted(found, key=lambda one: one.created, reverse=True))

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        return tuple(Unreadable(path, one) for path, one in self._look() if isinstance(one, str))

    def find(self, word: str) -> Report:
        """What a person means: `1` is the newest, a stack's or an environment's newest, or a file's, JSON or HTML.

        Raises NotFound, UsageMistake.
        """
        if "/" in word or word.endswith((".json", ".html")):
            return read_report(Path(word))
        reports = self.read_all()
        if re.fullmatch("[0-9]{1,4}", word):
            if not 0 < int(word) <= len(reports):
                raise NotFound(f"there is no report {int(word)} of a probe here", hint=_LIST)
            return reports[int(word) - 1]
        return _named(word, reports)

    def _look(self, kind: str = "*") -> Iterator[tuple[Path, Report | str]]:
        # Of one second the later name is the later report.
        for path in sorted(self.folder.glob(f"{kind}/*.json"), key=lambda one: one.name, reverse=True):
            try:
                yield path, parse_report(_content(path))
            except (OSError, ValueError) as error:
                yield path, str(error)

    def _drop_beyond(self, newest: Path) -> None:
        """Let go of what is too much beside *newest*. What cannot be read stays: it may be a later version's."""
        beside = (pair for pair in self._look(newest.parent.name) if pair[0] != newest)
        known = [(path, one) for path, one in beside if isinstance(one, Report)]
        last_to_go = sorted(known, key=lambda pair: pair[1].is_partial)
        for path, _ in last_to_go[KEPT - 1 :]:
            self._disk.discard(path)


def read_report(path: Path) -> Report:
    """The report in a file that somebody names. Raises NotFound, UsageMistake."""
    try:
        return parse_report(_content(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"there is no file `{path}`", hint=_LIST) from error
    except (OSError, ValueError) as error:
        raise UsageMistake(
            f"`{path}` is no report of a probe ({' '.join(str(error).split())})", hint=_LIST
        ) from error


def attachable(report: Report) -> Report:
    """*report* without the names of this machine and of the user who runs this."""
    return without_names(report, Owner(os.path.expanduser("~"), _user(), os.uname().nodename))  # noqa: PTH111


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's made-up user is in no database
        return ""


def _kind(report: Report) -> str:
    """The folder: the stack, or for an environment that rocmswitch did not make a hash of its path."""
    found = report.surroundings
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", found.stack):
        return found.stack
    path = os.path.abspath(found.venv)  # noqa: PTH100  # a link may be what it is called by
    return f"path-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"


def _free(folder: Path, created: str) -> Path:
    """A name that no report has: two may be made in one second."""
    time = re.sub(r"[^0-9TZ]", "", created) or "undated"
    names = (f"{time}{f'_{number:02}' if number else ''}.json" for number in range(10_000))
    return next(path for path in (folder / name for name in names) if not path.exists())


def _named(word: str, reports: tuple[Report, ...]) -> Report:
    for one in reports:
        if word in (one.surroundings.stack, one.surroundings.venv):
            return one
    stacks = {one.surroundings.stack for one in reports if one.surroundings.stack}
    try:
        stack = resolve_name(word, stacks)
    except NotFound as error:
        raise NotFound(f"no probe of `{word}` was kept here", hint=_LIST) from error
    return next(one for one in reports if one.surroundings.stack == stack)


def _content(path: Path) -> bytes:
    with open_regular(path, buffered=True) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("it is too large to be one")
    return content
