"""The real program under strace: which of its system calls change files, and a fault at exactly one of them.

calls = mutating_calls(line, "deploy", …)
outcome = hit(line, calls[7], Fault.KILL, "deploy", …)      # killed where it was about to make its 8th such call

A call is found again by its name and its ordinal, which strace counts for each thread. That is exact where the
program does the same every time: `frozen` gives it code that nobody edits meanwhile and a fixed order of sets.
"""

from __future__ import annotations

import compileall
import dataclasses
import enum
import functools
import py_compile
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import rocmswitch
from tests.support.commandline import PATIENCE, CommandLine, Outcome

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
BELOW_ACCOUNT = re.compile(r'["<]~')
VARIES = re.compile(r"[0-9a-f]{6,}|\d+")


class Fault(enum.Enum):
    """What happens instead of the call."""

    KILL = "signal=SIGKILL"
    FULL = "error=ENOSPC"
    BROKEN = "error=EIO"


@dataclass(frozen=True)
class Call:
    """One system call: its name, and its ordinal among those of that name in its thread, from 1."""

    name: str
    ordinal: int
    arguments: str = dataclasses.field(compare=False, default="")
    """As strace shows them, without what differs from run to run."""

    @property
    def changes(self) -> bool:
        """Whether it changes something, or has a change reach the disk."""
        if self.name in OPENING:
            return bool(FOR_WRITING.search(self.arguments))
        return self.name in MUTATING and (self.name != "ioctl" or "FICLONE" in self.arguments)

    def __str__(self) -> str:
        return f"{self.name}#{self.ordinal}({self.arguments})"


def frozen(line: CommandLine, folder: Path) -> CommandLine:
    """The same person with a copy of the program in *folder*, compiled, which does the same every time."""
    package = Path(rocmswitch.__file__).parent
    if not (folder / "rocmswitch").exists():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, folder / "rocmswitch", ignore=ignored)
        shutil.copytree(package.parent / "manifests", folder / "manifests")
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(str(folder / "rocmswitch"), quiet=2, invalidation_mode=unchecked)
    fixed = {"PYTHONPATH": str(folder), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return dataclasses.replace(line, environment={**line.environment, **fixed})


@functools.cache
def why_not() -> str:
    """Why nothing can be traced here; empty where it can."""
    if shutil.which("strace") is None:
        return "no strace here: install strace"
    tried = ["strace", "-f", "-y", "-o", "/dev/null", "-e", "inject=fsync:error=EIO:when=1", "true"]
    done = subprocess.run(tried, capture_output=True, text=True, check=False)
    return f"strace may not trace here: {done.stderr.strip()}" if done.returncode else ""


def need_tracing() -> None:
    """Skip the test where nothing can be traced."""
    if reason := why_not():
        pytest.skip(reason)


def mutating_calls(line: CommandLine, *words: str, code: int = 0) -> tuple[Call, ...]:
    """The calls of `rocmswitch WORDS`, which must end with *code*, that change something below the person's folder.

    In their order. All must be the first thread's: another one's would not be found again by ordinal alone.
    """
    first, *others = _traced(line, MUTATING, words, code)
    strangers = [str(call) for thread in others for call in _below_account(thread) if call.changes]
    assert not strangers, f"changes by another thread or process: {strangers}"
    return tuple(call for call in _below_account(first) if call.changes)


def touching_calls(line: CommandLine, *words: str) -> tuple[Call, ...]:
    """Also those with which it looks at something there."""
    return tuple(_below_account(_traced(line, (*MUTATING, *LOOKING), words, code=0)[0]))


def hit(line: CommandLine, call: Call, fault: Fault, *words: str) -> Outcome:
    """`rocmswitch WORDS` with *fault* in the place of *call*. It must come to exactly that call."""
    with tempfile.TemporaryDirectory() as scratch:
        injected = f"inject={call.name}:{fault.value}:when={call.ordinal}"
        outcome = _run(
            line, ["-ff", "-o", f"{scratch}/trace", "-e", f"trace=execve,{call.name}", "-e", injected], words
        )
        found = _hit_call(_threads(Path(scratch), line.folder)[0], fault)
    assert found == call and found.arguments == call.arguments, f"{call} was meant, {found} was hit: {outcome}"
    return outcome


def command(options: list[str], words: Sequence[str]) -> list[str]:
    """What runs `rocmswitch WORDS` under strace."""
    # -y: descriptors with their paths; -s 0: no content, in which a path might stand as well.
    return ["strace", "-qq", "-y", "-s", "0", "-ttt", *options, sys.executable, "-m", "rocmswitch", *words]


def _run(line: CommandLine, options: list[str], words: Sequence[str]) -> Outcome:
    line.home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command(options, words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=line.variables(),
        cwd=line.home,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def _traced(line: CommandLine, names: Sequence[str], words: Sequence[str], code: int) -> list[list[str]]:
    # Not every architecture has `open`: the `?` says that this is no mistake.
    traced = ",".join(["execve", *(f"?{name}" for name in names)])
    with tempfile.TemporaryDirectory() as scratch:
        outcome = _run(line, ["-ff", "-o", f"{scratch}/trace", "-e", f"trace={traced}"], words)
        assert outcome.code == code, outcome
        return _threads(Path(scratch), line.folder)


def _threads(folder: Path, account: Path) -> list[list[str]]:
    """The lines of each thread, without their times, the one that began first at the top. *account* is `~`."""
    threads = sorted((path.read_text().splitlines() for path in folder.iterdir()), key=lambda lines: lines[:1])
    return [[line.partition(" ")[2].replace(str(account), "~") for line in lines] for lines in threads]


def _counted(lines: list[str]) -> Iterator[tuple[Call, str]]:
    counts: Counter[str] = Counter()
    for line in lines:
        if found := LINE.match(line):
            name = found["name"]
            counts[name] += 1
            yield Call(name, counts[name], VARIES.sub("#", found["arguments"])), line


def _below_account(lines: list[str]) -> Iterator[Call]:
    return (call for call, _ in _counted(lines) if BELOW_ACCOUNT.search(call.arguments))


def _hit_call(lines: list[str], fault: Fault) -> Call | None:
    """The call that the fault has replaced."""
    if fault is Fault.KILL:
        killed = bool(lines) and lines[-1].startswith(f"+++ killed by {signal.Signals.SIGKILL.name}")
        return [call for call, _ in _counted(lines)][-1] if killed else None
    return next((call for call, line in _counted(lines) if line.endswith("(INJECTED)")), None)
