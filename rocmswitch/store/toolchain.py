"""What a carried C toolchain needs to work from inside a tree, with the C library of the machine.

Debian's linker scripts (`libc.so` is one) name files by absolute paths, and its linker names (`libstdc++.so`) are
links to libraries that may have been left to the host. Only the parts that a linker reads are carried; the
libraries that run are the machine's.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.linkage import Paths
from rocmswitch.store.relocate import Libraries, NoLibraries, Relocated, leads_nowhere
from rocmswitch.store.tools import rewritten
from rocmswitch.system.disk import Disk

SCRIPT_REASON = "absolute names in a linker script replaced"
LINK_REASON = "leads to this machine's library"
_BASE = "base"
_SCRIPT = re.compile(r"base/(usr/)?lib/([^/]+/)*lib[^/]+\.(so|a)")
_SCRIPT_LIMIT = 4096
"""Bytes. Debian's have 300; a library that is smaller than this is no text."""
_COMMANDS = re.compile(rb"\b(GROUP|INPUT|AS_NEEDED)\s*\(")
_ABSOLUTE = re.compile(rb"(?<=[\s(])/[\w.+/-]+")


def complete_toolchain(tree: Path, relocated: Relocated, libraries: Libraries, disk: Disk) -> Relocated:
    """Let linker scripts and linker names of a *relocated* tree lead to what there is.

    A changed script is a new file, renamed over the old, its hash before and after in its entry. Where the C
    library is carried as well, nothing leads to the machine's libraries: they need another. Raises OSError.
    """
    libraries = NoLibraries() if relocated.carried.loader else libraries
    work = _Work(tree, Paths(relocated.entries), libraries, disk)
    changed = {one.path: one for entry in relocated.entries if (one := work.changed(entry))}
    answered = {leads_nowhere(path) for path in changed}
    notes = tuple(note for note in relocated.notes if note not in answered)
    entries = tuple(changed.get(one.path, one) for one in relocated.entries)
    return replace(relocated, entries=entries, notes=notes)


@dataclass(frozen=True)
class _Work:
    tree: Path
    paths: Paths
    libraries: Libraries
    disk: Disk

    def changed(self, entry: FileEntry) -> FileEntry | None:
        """The entry of what had to be changed, after that was done; None for all others."""
        if entry.kind == "link":
            return self._changed_link(entry)
        if entry.kind == "file" and entry.size < _SCRIPT_LIMIT and _SCRIPT.fullmatch(entry.path):
            return self._changed_script(entry)
        return None

    def _changed_link(self, entry: FileEntry) -> FileEntry | None:
        """A linker name whose library is not in the tree leads to the one that the loader here would take."""
        leads_to = self.paths.resolve(entry.path)
        if leads_to is None or self.paths.exists(leads_to):
            return None
        target = self._of_the_host(posixpath.basename(leads_to))
        if target is None:
            return None
        self.disk.remove(self.tree / entry.path)
        self.disk.symlink(self.tree / entry.path, target)
        original = entry.original_target or entry.target
        return replace(entry, target=target, original_target=original, reason=LINK_REASON)

    def _changed_script(self, entry: FileEntry) -> FileEntry | None:
        before = (self.tree / entry.path).read_bytes()
        if not _COMMANDS.search(before):
            return None
        after = _ABSOLUTE.sub(lambda found: self._named(found[0].decode()).encode(), before)
        if after == before:
            return None
        return rewritten(self.tree, entry, after, SCRIPT_REASON, self.disk)

    def _named(self, name: str) -> str:
        """How a linker finds the file with the absolute *name*.

        What the tree has goes by its bare name: linkers look for it along -L, so the tree may be moved.
        """
        inside = (self.paths.resolve(posixpath.normpath(f"{_BASE}/{part}{name}")) for part in ("", "usr"))
        if any(one and self.paths.exists(one) for one in inside):
            return posixpath.basename(name)
        return self._of_the_host(posixpath.basename(name)) or name

    def _of_the_host(self, soname: str) -> str | None:
        """The host's library under the name that outlives its next update: not `libc-2.36.so`."""
        found = self.libraries.find(soname) if ".so" in soname else None
        if found is None:
            return None
        stable = found.with_name(soname)
        return str(stable if stable.exists() else found)
