"""The extended headers of portable tar archives (POSIX pax): what they may say of the member after them."""

from __future__ import annotations

import re

from rocmswitch.store.compression import Unfit

PAX_LIMIT = 64 * 1024
"""Bytes of one header: a path has at most 1024."""

_MEANT = ("path", "linkpath", "size")
_WITHOUT_MEANING = re.compile(
    r"[amc]time|uid|gid|uname|gname|comment|LIBARCHIVE\.creationtime"
    r"|SCHILY\.(dev|ino|nlink)|(SCHILY|LIBARCHIVE)\.(xattr|acl)\..+|SCHILY\.fflags|RHT\.security\.selinux"
)
"""Keywords of what a tree does not keep: owners, times, attributes. Any other may change what a member is."""


def parse_records(content: bytes) -> dict[str, str]:
    """The records that change a member: its `path`, its `linkpath`, its `size`. Raises Unfit.

    A record is its own length, a space, a keyword, `=`, a value and a new line.
    """
    found: dict[str, str] = {}
    while content:
        digits = content[:6].partition(b" ")[0]
        end = int(digits) if digits.isdigit() else 0
        keyword, equals, value = content[len(digits) + 1 : max(end - 1, 0)].partition(b"=")
        if end > len(content) or not keyword or not equals or content[end - 1 : end] != b"\n":
            raise Unfit("has a garbled PAX header")
        content = content[end:]
        _add(found, keyword, value)
    return found


def _add(found: dict[str, str], keyword: bytes, value: bytes) -> None:
    try:
        name, text = keyword.decode(), value.decode()
    except UnicodeDecodeError as error:
        raise Unfit("has a name that is not UTF-8") from error
    if name in _MEANT:
        if name in found or not text or (name == "size" and not re.fullmatch("[0-9]{1,15}", text)):
            raise Unfit("has a garbled PAX header")
        found[name] = text
    elif not _WITHOUT_MEANING.fullmatch(name):
        raise Unfit(f"has a PAX header with a keyword that is not understood ({name[:40]!a})")
