"""What the kernel has said of cards since this boot, from wherever this user may read it.

Of the machine that runs its ring buffer is asked first, which takes a millisecond and needs no program, then its
journal, for no longer than _JOURNAL_LIMIT; of any other, and where both are closed, the files that syslog writes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from subprocess import TimeoutExpired

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.kernellog import is_relevant, messages, of_this_boot, parse_record
from rocmswitch.model.machine import KernelLog, LogLine
from rocmswitch.system import process

_KMSG = Path("/dev/kmsg")
JOURNAL = ("journalctl", "-k", "-b", "0", "-q", "--no-pager", "-o", "short-monotonic")
_JOURNAL_LIMIT = 2.0
"""Seconds. A journal of years on a slow disk may take longer, and the other findings are worth having now."""
_JOURNAL_FOLDER = "var/log/journal"
_FILES = ("var/log/kern.log", "var/log/dmesg", "var/log/syslog", "var/log/messages")
_PLAIN = "dmesg"
_TAIL = 8 * 1024 * 1024
"""Bytes of a log that are read, from its end."""
_COUNTED = 256 * 1024 * 1024
"""Bytes before those that are looked through for the number of the first line."""
_RECORD = 16 * 1024
_MOST = 5000
"""Lines that are kept: one that comes at every frame says no more the thousandth time."""


def read_kernel_log(files: SystemRoot, *, is_running: bool, kmsg: Path = _KMSG) -> KernelLog:
    """Of the system whose *files* these are. Raises nothing: what this user may not read says nothing."""
    ring, is_whole = _ring(kmsg) if is_running else (None, False)
    if ring is not None and is_whole:
        return ring
    log = _journal(JOURNAL, "journalctl -k -b") if is_running else None
    if log is None and ring is None:
        log = _files(files)
    if log is None and not is_running and files.is_folder(_JOURNAL_FOLDER):
        folder = files.root / files.within(_JOURNAL_FOLDER)
        log = _journal([*JOURNAL, f"--directory={folder}"], f"/{_JOURNAL_FOLDER}")
    return log or ring or KernelLog()


def _ring(path: Path) -> tuple[KernelLog | None, bool]:
    """What is in the kernel's buffer, and whether that begins with the boot; None where it may not be read."""
    try:
        records = list(_records(path))
    except OSError:
        return None, False
    found = [one for one in map(parse_record, records) if one is not None]
    lines = [LogLine(text, str(path)) for _, text in found if is_relevant(text)]
    return KernelLog(tuple(lines[:_MOST]), str(path)), bool(found) and found[0][0] == 0


def _records(path: Path) -> Iterator[bytes]:
    """One for each read(2), until the kernel would have us wait for the next."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while True:
            try:
                record = os.read(descriptor, _RECORD)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.EPIPE:  # overwritten while we read: the next one is there
                    continue
                raise
            if not record:
                return
            yield record
    finally:
        os.close(descriptor)


def _journal(command: Sequence[str], source: str) -> KernelLog | None:
    """None where there is no journal, where this user may not read it, and where it takes too long."""
    try:
        done = process.run(command, timeout=_JOURNAL_LIMIT)
    except (OSError, TimeoutExpired):
        return None
    if done.code or not done.stdout.strip():
        return None
    # `[    4.825127] host kernel: text`
    lines = (line.partition(" kernel: ") for line in done.stdout.decode(errors="replace").splitlines())
    found = of_this_boot((0, f"{time.partition(']')[0]}] {text}") for time, _, text in lines if text)
    return KernelLog(tuple(LogLine(text, source) for _, text in found[:_MOST]), source)


def _files(files: SystemRoot) -> KernelLog | None:
    """The first of the files that has anything of the kernel's; None where there is none that may be read."""
    for path in _FILES:
        content, before = _tail(files, path)
        lines = content.decode(errors="replace").split("\n")
        said = list(messages(lines, is_plain=path.endswith(_PLAIN)))
        if said and content:
            found = of_this_boot(said)[:_MOST]
            return KernelLog(tuple(_line(path, text, number, before) for number, text in found), f"/{path}")
    return None


def _line(path: str, text: str, number: int, before: int | None) -> LogLine:
    return LogLine(text, f"/{path}" if before is None else f"/{path}:{before + number}")


def _tail(files: SystemRoot, path: str) -> tuple[bytes, int | None]:
    """The end of a log and how many lines are before it, None where that would take too long to count."""
    try:
        with files.open(path) as file:
            start = max(0, os.fstat(file.fileno()).st_size - _TAIL)
            if start > _COUNTED:
                file.seek(start)
                return file.read(_TAIL), None
            before = _lines(file.read(_TAIL) for _ in range(start // _TAIL))
            before += file.read(start % _TAIL).count(b"\n")
            return file.read(_TAIL), before
    except OSError:
        return b"", 0


def _lines(pieces: Iterator[bytes]) -> int:
    return sum(piece.count(b"\n") for piece in pieces)
