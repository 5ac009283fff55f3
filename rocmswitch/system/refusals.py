"""What a system that refused something is said to have done: one sentence, and what helps."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from rocmswitch.errors import DiskFull, Failed, InTheWay, MachineLacks, NotFound, NotWritable, RocmswitchError

_TEMPORARY = re.compile(r"\.(.+)\.[0-9]+\.new", re.DOTALL)
_FAILURES = {
    errno.EIO,
    errno.EUCLEAN,
    errno.ESTALE,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENAMETOOLONG,
    errno.ENOLCK,
    errno.ENOSYS,
    errno.ENOTSUP,
}
"""What a broken or a poor file system answers; ENOSYS and ENOLCK where it has no flock."""
_OF_ANOTHER_KIND = {errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.EEXIST}
"""What it answers where a file lies in a folder's place, a folder in a file's, or a symlink to nowhere."""


def in_words(error: OSError) -> RocmswitchError:
    """What to tell the user of *error*, which nobody expected: MachineLacks if it is the machine's fault."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if not isinstance(error.filename, (str, bytes)):
        return _nameless(error, reason)
    # What a rename or a link was to replace is in its way more often than what it was made of.
    path = Path(os.fsdecode(error.filename2 or error.filename))
    said = f"`{path}` could not be used ({reason})"
    return lacking(error, path) or _in_the_way(error, path, said) or Failed(said)


def _in_the_way(error: OSError, path: Path, said: str) -> InTheWay | None:
    if error.errno not in _OF_ANOTHER_KIND:
        return None
    # Not Path.is_dir, which raises behind a link to what is closed to this user.
    wrong = (one for one in (path, *path.parents) if os.path.lexists(one) and not os.path.isdir(one))  # noqa: PTH112
    found = path if error.errno == errno.EISDIR else next(wrong, None)
    return InTheWay(said, str(found)) if found else None


def _nameless(error: OSError, reason: str) -> RocmswitchError:
    if error.errno == errno.ENOENT and _is_nowhere():
        return NotFound("the folder that this was started in is gone", hint="run `cd`, then the same command")
    # Without a hint: it may be the disk, or what the output goes to.
    kind = MachineLacks if lacking(error, Path()) else Failed
    return kind(f"the system refused: {reason}")


def _is_nowhere() -> bool:
    """Whether the folder that this process is in has been removed: then nothing can be meant relative to it."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def lacking(error: OSError, folder: Path) -> MachineLacks | None:
    """The error that is the machine's fault; None where it is not. *folder* stands in where it names no file."""
    source = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else str(folder)
    # Of two names the second one is made, or replaced: it is there that something is lacking.
    path = _meant(os.fsdecode(error.filename2) if isinstance(error.filename2, (str, bytes)) else source)
    reason = os.strerror(error.errno) if error.errno else ""
    if error.errno == errno.ENOSPC:
        return DiskFull(f"no space is left for `{path}`", hint="run `rocmswitch cache prune`")
    if error.errno == errno.EDQUOT:
        return DiskFull(f"the disk quota is used up by `{path}`", hint="run `rocmswitch cache prune`")
    if error.errno == errno.EROFS:
        return NotWritable(f"`{path}` is on a file system that is mounted read-only")
    if error.errno in (errno.EACCES, errno.EPERM):
        refused = NotWritable(f"`{path}` may not be changed or read by this user ({reason})")
        refused.path = str(path)
        return refused
    if error.errno == errno.EXDEV:
        other = path if error.filename2 else str(folder)
        return MachineLacks(f"`{source}` and `{other}` must be on the same file system")
    if error.errno in _FAILURES:
        return MachineLacks(f"the disk failed at `{path}` ({reason})")
    return None


def _meant(path: str) -> str:
    """What *path* was to replace, where it is a name that `Disk._temporary` gave: nobody else knows that one."""
    found = _TEMPORARY.fullmatch(Path(path).name)
    return str(Path(path).with_name(found[1])) if found else path
