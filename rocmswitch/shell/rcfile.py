"""One line in a file that belongs to the user: put there, found again, taken out; no other byte changes."""

from __future__ import annotations

import re

from rocmswitch.shell import fish, posix

MARK = "  # rocmswitch"
"""Ends the line, so that its owner sees whose it is."""


def rc_line(shell: str, hook: str) -> str:
    """What lets *shell* read the file *hook* when it starts, and nothing happen where that is gone."""
    if shell == "fish":
        path = fish.quote(hook)
        return f"test -r {path}; and source {path}{MARK}"
    path = posix.quote(hook)
    return f"[ -r {path} ] && . {path}{MARK}"


def with_line(content: bytes, line: str, shell: str) -> bytes:
    """*content* with exactly one line of ours, *line*: the last one, or where one for another folder was.

    A file whose last line has no end keeps it so.
    """
    wanted = line.encode(errors="surrogateescape")
    ours = [one for one in content.split(b"\n") if _is_ours(one, shell)]
    if wanted in ours:
        return content
    if ours:
        return content.replace(ours[0], wanted, 1)
    if not content or content.endswith(b"\n"):
        return content + wanted + b"\n"
    return content + b"\n" + wanted


def without_line(content: bytes, shell: str) -> bytes:
    """*content* without our lines: what it was before `with_line`."""
    lines = content.split(b"\n")
    kept = [one for one in lines if not _is_ours(one, shell)]
    return content if len(kept) == len(lines) else b"\n".join(kept)


def _is_ours(line: bytes, shell: str) -> bool:
    """Whether *line* is one that rc_line made, for whatever folder."""
    somewhere = re.escape(rc_line(shell, "/x").encode())
    first, between, rest = somewhere.split(re.escape(b"'/x'"))
    pattern = first + rb"('.*/hook\.%s')" % shell.encode() + between + rb"\1" + rest
    return re.fullmatch(pattern, line) is not None
