"""What strace has written, one file per thread, as calls; and how strace is told which of them is meant.

strace counts the calls of one name in each thread by itself, of those alone that have to do with the path of `-P`,
where there is one. A `Call` is told by such a path, where its name and ordinal alone could be another thread's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MUTATING = (
    *("open", "openat", "creat"),
    *("write", "pwrite64", "writev", "pwritev", "sendfile", "splice", "copy_file_range"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat"),
    *("mkdir", "mkdirat", "rmdir", "mknod", "mknodat"),
    *("chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "utimensat"),
    *("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
    *("truncate", "ftruncate", "fallocate", "ioctl"),
    *("fsync", "fdatasync", "syncfs", "sync", "sync_file_range"),
)
"""System calls that change files, or that have what was changed reach the disk."""
LOOKING = ("newfstatat", "stat", "lstat", "fstat", "readlink", "readlinkat", "getdents64")
OPENING = {"open", "openat", "creat"}
FOR_WRITING = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC)")
LINE = re.compile(r"(?P<name>\w+)\((?P<arguments>.*?)(\) += .*| <unfinished.*)?$")
PATH = re.compile(r'"([^"]+)"|(?<!AT_FDCWD)<(/[^>]+)>')
VARIES = re.compile(r"[0-9a-f]{6,}|\d+")

Key = tuple[int, str, str]
"""A thread, a system call and a path."""


@dataclass(frozen=True)
class Line:
    """One call as it was written, in the thread with this number: 0 is the program's first."""

    time: float
    name: str
    arguments: str
    thread: int
    is_hit: bool = False
    """It ended as we wanted it to; or it was the last when the process was killed."""
    is_vain: bool = False
    """What it should have made was there already."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Those by which `-P` finds it, the most particular ones first."""
        found = [one or other for one, other in PATH.findall(self.arguments)]
        # pathtrace.c of strace 6.1 compares neither the second path of rename nor what a symlink says.
        compared = found[:1] if self.name == "rename" else found[1:] if self.name.startswith("symlink") else found
        return tuple(sorted(set(compared), key=len, reverse=True))


@dataclass(frozen=True)
class Call:
    """One call: its ordinal, from 1, among those of that name in its thread that have to do with *path*, if any.

    `~` stands for the account's folder.
    """

    name: str
    ordinal: int
    path: str = ""
    arguments: str = field(compare=False, default="")
    """As strace shows them, without what differs from run to run."""

    @property
    def changes(self) -> bool:
        """Whether it changes something, or has a change reach the disk."""
        if self.name in OPENING:
            return bool(FOR_WRITING.search(self.arguments))
        return self.name in MUTATING and (self.name != "ioctl" or "FICLONE" in self.arguments)

    def __str__(self) -> str:
        return f"{self.name}({self.arguments})"


@dataclass(frozen=True)
class Trace:
    """All calls of a run. `number` is that of its process."""

    lines: tuple[Line, ...]
    account: Path
    number: str

    @classmethod
    def read(cls, folder: Path, account: Path) -> Trace:
        """Of `-ff -ttt` in *folder*; who began first is the first."""
        files = sorted(folder.iterdir(), key=lambda path: path.read_text()[:30])
        lines = (one for thread, path in enumerate(files) for one in _lines(path.read_text(), thread))
        return cls(tuple(sorted(lines, key=lambda one: one.time)), account, files[0].suffix[1:])

    def calls(self) -> Iterator[Call]:
        """Those that touch something below the account's folder and can be told, in their order."""
        counts: Counter[Key] = Counter()
        total = Counter(key for one in self.lines for key in _keys(one))
        below = re.compile(rf'["<]{re.escape(str(self.account))}')
        for one in self.lines:
            counts.update(_keys(one))
            if not one.is_vain and below.search(one.arguments.replace(f"AT_FDCWD<{self.account}", "")):
                call = self._call(one, counts, total)
                assert call.ordinal or not call.changes, f"another thread does the same: {one}"
                if call.ordinal:
                    yield call

    def plain(self, arguments: str) -> str:
        """Without what differs from run to run."""
        return VARIES.sub("#", arguments.replace(str(self.account), "~"))

    def _call(self, one: Line, counts: Counter[Key], total: Counter[Key]) -> Call:
        """Told by a path if possible, so that no other thread comes that far; ordinal 0 if nothing tells it.

        How often a path is touched is certain, while how many calls it takes to load all modules is not quite.
        """
        for path in (*one.paths, ""):
            ordinal = counts[one.thread, one.name, path]
            others = (total[key] for key in total if key[1:] == (one.name, path) and key[0] != one.thread)
            if self.number not in path and max(others, default=0) < ordinal:
                return Call(one.name, ordinal, path.replace(str(self.account), "~"), self.plain(one.arguments))
        return Call(one.name, 0, "", self.plain(one.arguments))


def _keys(one: Line) -> Iterable[Key]:
    return ((one.thread, one.name, path) for path in ("", *one.paths))


def _lines(text: str, thread: int) -> Iterator[Line]:
    killed = text.rstrip().rpartition("\n")[2].partition(" ")[2].startswith("+++ killed")
    split = [line.partition(" ") for line in text.splitlines()]
    calls = [(float(time), found) for time, _, line in split if (found := LINE.match(line))]
    for number, (time, one) in enumerate(calls, start=1):
        is_hit = one.string.endswith("(INJECTED)") or (killed and number == len(calls))
        yield Line(time, one["name"], one["arguments"], thread, is_hit, " = -1 EEXIST" in one.string)
