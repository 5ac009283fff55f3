"""The folders of modules in a system, and the files of modules in each as depmod comes to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.moduleindex import module_name
from rocmswitch.metadata.modulesearch import SearchRules, in_order_of_preference, parse_rules
from rocmswitch.model.kernel import MODULES, SUFFIXES

_FOLDERS = ("lib/modules", "usr/lib/modules")
RULES = ("etc/depmod.d", "run/depmod.d", "usr/local/lib/depmod.d", "usr/lib/depmod.d", "lib/depmod.d")
"""The first one that has a file of a name counts, depmod.d(5)."""
_NAMES = {module_name(one): one for one in MODULES}


@dataclass(frozen=True)
class ModuleEntry:
    """One file of a module."""

    path: str
    """Below the kernel's folder, as depmod spells it: a link in it is kept (weak-updates are links)."""
    real: str
    """Below the root, all links followed."""

    @property
    def name(self) -> str:
        """As MODULES has it; empty for any other module."""
        return _NAMES.get(module_name(self.path), "")


def kernel_folders(system: SystemRoot) -> Iterator[tuple[str, str]]:
    """Each release with its real folder, none twice."""
    seen = set()
    for parent in _FOLDERS:
        for name in system.names(parent):
            folder = system.within(f"{parent}/{name}")
            own = folder.rpartition("/")[2]
            is_alias = own != name and system.is_folder(f"{parent}/{own}")
            if folder not in seen and not is_alias and system.is_folder(folder):
                seen.add(folder)
                yield name, folder


def search_rules(system: SystemRoot, release: str) -> SearchRules:
    """What the system's own depmod goes by."""
    found: dict[str, str] = {}
    for folder in RULES:
        for name in system.names(folder):
            if name.endswith(".conf") and len(name) > len(".conf") and not name.startswith("."):
                found.setdefault(name, f"{folder}/{name}")
    return parse_rules((system.text(found[name]) for name in sorted(found)), release)


def walk(system: SystemRoot, folder: str, rules: SearchRules) -> Iterator[ModuleEntry]:
    """All files of modules below *folder*, in the order in which depmod comes to them: the disk's own."""
    inside = [(folder, "", _entries(system, folder))]
    while inside:
        real, shown, entries = inside[-1]
        entry = next(entries, None)
        if entry is None:
            inside.pop()
        elif entry.name not in rules.excluded:
            place = f"{real}/{entry.name}"
            is_link = entry.is_symlink()
            place = system.within(place) if is_link else place
            if system.is_folder(place) if is_link else entry.is_dir(follow_symlinks=False):
                if place not in (above for above, _, _ in inside):
                    inside.append((place, f"{shown}{entry.name}/", _entries(system, place)))
            elif entry.name.endswith(SUFFIXES) and (system.is_file(place) if is_link else entry.is_file()):
                yield ModuleEntry(f"{shown}{entry.name}", place)


def _entries(system: SystemRoot, folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(system.root / folder) as entries:
            return iter(list(entries))
    except OSError as error:
        system.note(folder, error.strerror or str(error))
        return iter(())


def preferred(copies: Sequence[ModuleEntry], rules: SearchRules) -> Iterator[ModuleEntry]:
    """*copies* by the names of MODULES, of each the one first that depmod takes."""
    by_path = {one.path: one for one in copies}
    for name in MODULES:
        paths = [one.path for one in copies if one.name == name]
        yield from (by_path[path] for path in in_order_of_preference(paths, rules))
