"""What ROCm by hand leaves behind: where that lies, what it does there, and how it goes.

The places are those that installation guides and patch scripts write to. What a package owns and what a linked
stack uses is none of them; that only the machine knows.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rocmswitch.model.finding import NOTE, WARNING, Finding, Remedy
from rocmswitch.model.leftover import BACKUP, FOLDER, LINES, Leftover, Line
from rocmswitch.model.symptoms import Symptoms

ROW = "leftovers"
BACKUPS = (".original", ".orig", ".backup", ".bak", ".old")
"""How a library is called that somebody has put aside by hand."""


@dataclass(frozen=True)
class Place:
    """Where to look: `pattern` is below the root, as glob takes it; `why` completes "it …"."""

    pattern: str
    why: str
    is_in_effect: bool = True
    serves: str = ""
    """What it belongs to where that is installed by packages: `rocm`, `amdgpu`. Then it is no leftover."""


PLACES = (
    Place("etc/profile.d/*rocm*", "it sets variables in every shell at login", serves="rocm"),
    Place("etc/environment.d/*rocm*.conf", "it sets variables of every session", serves="rocm"),
    Place("etc/systemd/system.conf.d/*rocm*.conf", "it sets variables of every service"),
    Place(
        "etc/ld.so.conf.d/*rocm*.conf",
        "the loader takes its folders' libraries, once `ldconfig` has run",
        serves="rocm",
    ),
    Place("etc/udev/rules.d/*rocm*.rules", "it decides who may use the card's device files"),
    Place("etc/modprobe.d/amdgpu*.conf", "it decides how the next boot loads amdgpu"),
    Place("etc/apt/sources.list.d/*rocm*", "apt takes packages from there", False, "rocm"),
    Place("etc/apt/sources.list.d/*amdgpu*", "apt takes packages from there", False, "amdgpu"),
    Place("etc/apt/preferences.d/*rocm*", "apt prefers packages by it", False, "rocm"),
    Place("etc/apt/preferences.d/*amdgpu*", "apt prefers packages by it", False, "amdgpu"),
)
TREES = Place("opt/rocm*", "it holds a ROCm that nothing brings up to date", False)
USUAL = "/opt/rocm"
"""Where cmake, hipcc and the building of torch's extensions look without being told."""
USUAL_WHY = "whatever is built on this machine takes this ROCm"
CACHE = ".cache/miopen"
CACHE_WHY = "it may hold kernels that the patched MIOpen has compiled, and the next one takes them"
BACKUP_WHY = "somebody has replaced the library beside it by hand"
LINES_WHY = "every shell gets what belongs to one stack and one card"

_NAMED = 8

_ALONE = re.compile(
    r"(?:export\s+|declare\s+-x\s+)?[A-Za-z_]\w*\+?=(?:[^\s;&|`()<>\\'\"$]|\$\w+|\$\{[^}`]*\}|'[^']*'|\"[^\"`\\]*\")*\s*(?:#.*)?"
)
_OPENS = re.compile(r"(?:^|[\s;)])(?:then|do|else|in|\{|\(|\|\||&&|\|)\s*(?:#.*)?$|\\$|\)\s*$")
_NOTHING = ":"
"""A command that does nothing, for where the shell expects one."""


def is_meant(fix: str) -> bool:
    """Whether *fix*, the id of a finding or the name of a row, is about leftovers."""
    return fix.partition(":")[0] == ROW


def line_id(one: Leftover, number: int) -> str:
    """What `--fix` takes for one line of a start-up file alone."""
    return f"{ROW}:{one.path}:{number}"


def is_alone(text: str, before: str) -> bool:
    """Whether the line *text* only sets variables, and is not the rest of the line *before* it."""
    return bool(_ALONE.fullmatch(text.strip())) and not before.rstrip("\r\n").endswith("\\")


def without_lines(text: str, lines: Sequence[Line]) -> str:
    """*text* without *lines*, each of which must still stand there and be apart.

    A line that may be all there is between `then` and `fi` becomes `:`, or the shell would read no more of the
    file. Raises ValueError where another line stands there.
    """
    kept = text.splitlines(keepends=True)
    for one in lines:
        found = kept[one.number - 1] if one.number <= len(kept) else ""
        if found.rstrip("\r\n") != one.text or not one.is_apart:
            raise ValueError(one.number)
    for one in lines:
        line = kept[one.number - 1]
        indent = line[: len(line) - len(line.lstrip())]
        ending = line[len(line.rstrip("\r\n")) :]
        is_inside = bool(indent) or _is_opened(kept[: one.number - 1])
        kept[one.number - 1] = f"{indent}{_NOTHING}{ending}" if is_inside else ""
    return "".join(kept)


def _is_opened(before: Sequence[str]) -> bool:
    """Whether the last line of *before* that says anything asks for a command after it."""
    said = (line.strip() for line in reversed(before))
    last = next((line for line in said if line and not line.startswith("#")), "")
    return bool(_OPENS.search(last))


def removable(one: Leftover) -> bool:
    """Whether it goes by a recorded change."""
    if one.kind == LINES:
        return any(line.is_apart for line in one.lines)
    return not one.too_large and not one.odd and one.kind != BACKUP


def left_over(symptoms: Symptoms) -> Iterator[Finding]:
    """What is left of an installation by hand. Of lines in start-up files the rows about variables speak."""
    root = symptoms.system.root if symptoms.system else "/"
    for one in symptoms.leftovers:
        if one.kind != LINES:
            severity = WARNING if one.is_in_effect else NOTE
            what = f"`{one.path}` is left of a ROCm installed by hand"
            yield Finding(f"{ROW}:{one.path}", severity, what, one.path, _why(one), remedy(one, root))


def remedy(one: Leftover, root: str = "/") -> Remedy:
    """The way out: ours where it can be taken back, else the line to type. *root* is the system's that has it."""
    there = one.path if root == "/" or one.is_users else root + one.path
    if removable(one):
        elsewhere = () if there == one.path else ("--sysroot", root)
        command = ("doctor", "--fix", f"{ROW}:{one.path}", *elsewhere)
        return Remedy(f"run `rocmswitch {shlex.join(command)}`, which keeps it for `undo`", automatic=True)
    if one.kind == BACKUP and one.is_users:
        return Remedy("run `rocmswitch deploy --adopt user`, then `rocmswitch restore user`")
    if one.kind == BACKUP:
        library = next(there.removesuffix(end) for end in BACKUPS if there.endswith(end))
        line = shlex.join(("mv", there, library))
        return Remedy(f"run `sudo {line}` to have back what stood there before")
    if one.kind == LINES:
        numbers = ", ".join(str(line.number) for line in one.lines)
        return Remedy(f"edit line {numbers} of `{one.path}`")
    folder, _, name = there.rpartition("/")
    line = shlex.join(("mv", there, f"{folder}/unused-{name}"))
    return Remedy(f"run `sudo {line}`, and remove that folder when nothing misses it")


def notes(found: Sequence[Leftover], root: str) -> tuple[str, ...]:
    """What a recovery of the system at *root* tells of it; of settings of modules it has its own to say."""
    others = [one for one in found if not one.path.startswith("/etc/modprobe.d/")]
    if not others:
        return ()
    named = ", ".join(f"`{one.path}`" for one in others[:_NAMED])
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    elsewhere = "" if root == "/" else f" --sysroot {shlex.quote(root)}"
    return (f"left of a ROCm installed by hand: {named}{more}; see `rocmswitch doctor{elsewhere}`",)


def _why(one: Leftover) -> str:
    told = f"no package owns it, and {one.why}"
    if one.kind == FOLDER and one.too_large:
        return f"{told}; it is too large for a recorded removal"
    return f"{told}; {one.odd}" if one.odd else told
