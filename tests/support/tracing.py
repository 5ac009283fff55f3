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
from collections.abc import Iterator
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
    with tempfile.TemporaryDirectory() as scratch:
        outcome = _run(line, ["-ff", "-o", f"{scratch}/trace", "-e", f"trace=execve,{_all()}"], words)
        assert outcome.code == code, outcome
        first, *others = _threads(Path(scratch), line.folder)
    strangers = [str(call) for thread in others for call in _relevant(thread)]
    assert not strangers, f"changes by another thread or process: {strangers}"
    return tuple(_relevant(first))


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


def _run(line: CommandLine, options: list[str], words: tuple[str, ...]) -> Outcome:
    line.home.mkdir(parents=True, exist_ok=True)
    # -y: descriptors with their paths; -s 0: no content, in which a path might stand as well.
    command = ["strace", "-qq", "-y", "-s", "0", "-ttt", *options, sys.executable, "-m", "rocmswitch", *words]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=line.variables(),
        cwd=line.home,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@functools.cache
def _all() -> str:
    """Those of MUTATING that this machine has: not every architecture has `open`. A `?` lets strace decide."""
    return ",".join(f"?{name}" for name in MUTATING)


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


def _relevant(lines: list[str]) -> Iterator[Call]:
    for call, line in _counted(lines):
        reads = call.name in OPENING and not FOR_WRITING.search(line)
        asks = call.name == "ioctl" and "FICLONE" not in line
        if BELOW_ACCOUNT.search(line) and not reads and not asks:
            yield call


def _hit_call(lines: list[str], fault: Fault) -> Call | None:
    """The call that the fault has replaced."""
    if fault is Fault.KILL:
        killed = bool(lines) and lines[-1].startswith(f"+++ killed by {signal.Signals.SIGKILL.name}")
        return [call for call, _ in _counted(lines)][-1] if killed else None
    return next((call for call, line in _counted(lines) if line.endswith("(INJECTED)")), None)
