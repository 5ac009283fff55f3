"""How programs and interpreters that were carried are found by those that run them by name.

hipcc runs `ld`, `ar` and `file`, and is itself run by `/usr/bin/perl`. Where a machine lacks these, a folder of
their own offers them on the PATH. Interpreters have names there that nobody else uses: a shell that has entered the
stack keeps the python3 of its user. Libraries that programs need because a carried compiler made them have a
folder, too.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.planning.activation import CARRIED_LINKER, CARRIED_RUNTIME, CARRIED_TOOLS
from rocmswitch.store.relocate import Relocated
from rocmswitch.system.disk import Disk

SCRIPT_REASON = "run by the interpreter that is carried"

_PROGRAMS = "base/usr/bin"
_LINKED_PACKAGES = ("binutils",)
_RUNTIMES = re.compile(r"lib(stdc\+\+|gcc_s|atomic|gomp|quadmath)\.so\.\d+")
_MAGIC = "base/usr/lib/file/magic.mgc"
_PERL_MODULES = ("strict.pm", "DynaLoader.pm")
"""Each lies at the top of a folder that perl looks for modules in, as text or compiled ones."""
_PERL_PACKAGES = "usr/share/perl5"
_SHEBANG = re.compile(rb"#! ?/usr/bin/(?:env )?(perl|python)3?( [^\n]*)?\n")
_SHEBANG_LIMIT = 256
"""Bytes that the kernel reads: BINPRM_BUF_SIZE."""
_FIND_BASE = '#!/bin/sh\nbase=$(dirname -- "$(readlink -f -- "$0")")/..\n'


@dataclass(frozen=True)
class _Tool:
    """One new path: a link to a carried file, or a script that runs one."""

    path: str
    target: str = ""
    text: str = ""


def offer_tools(
    tree: Path, relocated: Relocated, disk: Disk, on_the_host: Collection[str] = frozenset()
) -> Relocated:
    """Make the folder of tools where something was carried for it, and let scripts ask for carried interpreters.

    *on_the_host* are packages that are carried though the machine has them too, because the C library is: scripts
    go on asking for its interpreters, but for Python, which opens ROCm's libraries (rocm-smi), and linkers go to a
    folder that is not on the PATH. A changed script is a new file, renamed over the old, its hash before and after
    in its entry. Raises OSError.
    """
    found = tuple(_tools({entry.path: entry.package for entry in relocated.entries}, on_the_host))
    tools = tuple({tool.path: tool for tool in reversed(found)}.values())[::-1]  # the first of two with one name
    folders = dict.fromkeys(posixpath.dirname(tool.path) for tool in tools)
    made = (*(_make_folder(one, tree, disk) for one in folders), *(_make(tool, tree, disk) for tool in tools))
    interpreters = {_own_name(one) for one in ("perl", "python")} & {
        posixpath.basename(tool.path) for tool in tools
    }
    kept = (_asking_for_carried(tree, entry, interpreters, disk) for entry in relocated.entries)
    return (
        replace(relocated, entries=tuple(sorted((*kept, *made), key=lambda one: one.path))) if made else relocated
    )


def _tools(packages: Mapping[str, str], on_the_host: Collection[str]) -> Iterator[_Tool]:
    """*packages* are those that hold each path of the tree."""
    for path, package in packages.items():
        folder, name = posixpath.split(path)
        if package in _LINKED_PACKAGES and folder == _PROGRAMS:
            yield _link(f"{CARRIED_LINKER if package in on_the_host else CARRIED_TOOLS}/{name}", path)
        elif _RUNTIMES.fullmatch(name) and path.startswith("base/"):
            yield _link(f"{CARRIED_RUNTIME}/{name}", path)
    if f"{_PROGRAMS}/python3" in packages:
        yield _Tool(f"{CARRIED_TOOLS}/{_own_name('python')}", text=_python())
    if f"{_PROGRAMS}/perl" in packages and "perl" not in on_the_host:
        yield _Tool(f"{CARRIED_TOOLS}/{_own_name('perl')}", text=_perl(packages))
    if f"{_PROGRAMS}/file" in packages and "file" not in on_the_host:
        yield _Tool(f"{CARRIED_TOOLS}/file", text=_file())


def _link(path: str, target: str) -> _Tool:
    return _Tool(path, target=posixpath.relpath(target, posixpath.dirname(path)))


def _own_name(interpreter: str) -> str:
    return f"rocmswitch-{interpreter}"


def _perl(paths: Iterable[str]) -> str:
    """perl has the folders of its modules compiled in. A variable, because hipcc starts itself anew with `$^X`."""
    folders = {posixpath.dirname(one) for one in paths if posixpath.basename(one) in _PERL_MODULES}
    inside = [posixpath.relpath(one, "base") for one in sorted(folders) if one.startswith("base/")]
    places = ":".join(f"$base/{one}" for one in (*inside, _PERL_PACKAGES))
    return f'{_FIND_BASE}export PERL5LIB="{places}${{PERL5LIB:+:$PERL5LIB}}"\nexec "$base/usr/bin/perl" "$@"\n'


def _python() -> str:
    """root may write anywhere: without -B, what python compiles would end up in the tree."""
    return f'{_FIND_BASE}exec "$base/usr/bin/python3" -B "$@"\n'


def _file() -> str:
    """file(1) has the place of its descriptions compiled in."""
    magic = posixpath.relpath(_MAGIC, "base")
    return f'{_FIND_BASE}exec "$base/usr/bin/file" --magic-file "$base/{magic}" "$@"\n'


def _make_folder(path: str, tree: Path, disk: Disk) -> FileEntry:
    disk.make_directories(tree / path, synced=False)
    return FileEntry(path, "directory", (tree / path).stat().st_mode & 0o7777)


def _make(tool: _Tool, tree: Path, disk: Disk) -> FileEntry:
    if tool.target:
        disk.symlink(tree / tool.path, tool.target)
        return FileEntry(tool.path, "link", 0o777, target=tool.target)
    content = tool.text.encode()
    with disk.create(tree / tool.path, 0o755) as file:
        file.write(content)
    return FileEntry(tool.path, "file", 0o755, len(content), hashlib.sha256(content).hexdigest())


def _asking_for_carried(tree: Path, entry: FileEntry, carried: set[str], disk: Disk) -> FileEntry:
    """*entry*, with its first line changed where that asks for an interpreter which is among the *carried*."""
    if not carried or entry.kind != "file" or not entry.mode & 0o111:
        return entry
    path = tree / entry.path
    with path.open("rb") as file:
        shebang = _SHEBANG.match(file.read(_SHEBANG_LIMIT))
    interpreter = _own_name(shebang[1].decode()) if shebang else ""
    if shebang is None or interpreter not in carried:
        return entry
    # env(1) takes what follows as one name, unless it is told to split it.
    env = b"/usr/bin/env -S " if shebang[2] else b"/usr/bin/env "
    content = b"#!" + env + interpreter.encode() + (shebang[2] or b"") + b"\n" + path.read_bytes()[shebang.end() :]
    return rewritten(tree, entry, content, SCRIPT_REASON, disk)


def rewritten(tree: Path, entry: FileEntry, content: bytes, reason: str, disk: Disk) -> FileEntry:
    """Give the file of *entry* another *content*, as a new file: the old may be shared with another tree."""
    path = tree / entry.path
    new = path.with_name(f".{path.name}.rewritten")
    with disk.create(new, entry.mode) as file:
        file.write(content)
    disk.rename(new, path)
    return replace(
        entry,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        original_sha256=entry.original_sha256 or entry.sha256,
        reason=reason,
    )
