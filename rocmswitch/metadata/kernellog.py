"""The kernel's log in the forms in which it is kept: /dev/kmsg, journalctl's, syslog's files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

FIRST = "Linux version "
"""How the first message of every boot begins (init/main.c)."""
_RELEVANT = re.compile(
    r"amdgpu|amdkfd|\bkfd\b|amdttm|amdkcl|amd[-_]sched|amddrm|amdxcp|"
    r"iommu: Default domain|[Ll]oading of .* is rejected|Lockdown: |Secure boot"
)
_BY_KERNEL = re.compile(r"^.*?\bkernel: ?(?P<message>.*)$")
_TIME = re.compile(r"^\[ *\d+\.\d+\] ")


def is_relevant(text: str) -> bool:
    """Whether a message may concern a card: all others are passed over."""
    return bool(_RELEVANT.search(text))


def parse_record(record: bytes) -> tuple[int, str] | None:
    """Number and text of one record of /dev/kmsg: `6,339,5140900,-;text`; None for what is none."""
    head, _, rest = record.partition(b";")
    fields = head.split(b",")
    if len(fields) < 3 or not (fields[1].isdigit() and fields[2].isdigit()):
        return None
    seconds, micro = divmod(int(fields[2]), 1_000_000)
    text = rest.partition(b"\n")[0].decode(errors="replace")
    return int(fields[1]), f"[{seconds:5}.{micro:06}] {text}"


def messages(lines: Iterable[str], *, is_plain: bool) -> Iterator[tuple[int, str]]:
    """Line number from 1 and message of each line of a log that the kernel has written.

    *is_plain*: the log holds nothing else, and its lines need no mark, as in /var/log/dmesg.
    """
    for number, line in enumerate(lines, 1):
        match = _BY_KERNEL.match(line)
        if match and not _TIME.match(line):
            yield number, match["message"]
        elif is_plain:
            yield number, line


def of_this_boot(found: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """What concerns cards of *found* since the last boot that it knows of; all of it where it knows of none."""
    kept: list[tuple[int, str]] = []
    for number, text in found:
        if _TIME.sub("", text).startswith(FIRST):
            kept = []
        elif is_relevant(text):
            kept.append((number, text))
    return kept
