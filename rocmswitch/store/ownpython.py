"""An environment's Python that starts by the loader of the prefix that the environment is bound to.

ROCm's libraries of a prefix that carries its C library need that one, and a process has only one: whoever loads
them has to have started with it. The loader is named in the executable itself (PT_INTERP), so the environment gets
a copy of its interpreter instead of the link to it, as `python -m venv --copies` makes one; the machine's own file
stays as it is. No variable is set, so that what this Python starts of the machine's programs starts as ever.

Both the loader and the folders are named by the prefix's published name, which a rename replaces: a Python always
starts with loader and libraries of one tree, and with those of the new tree when the prefix was installed anew,
with other sets or for other cards. By the tree's own name, the environment would die with it. When the machine's
Python is updated, the copy stays what it was, as all copies do: `use --rebind` makes another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.errors import Failed
from rocmswitch.metadata.elf import ElfFacts, parse_elf
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.cache import hash_of
from rocmswitch.store.patchelf import Needed, patchelf
from rocmswitch.system.disk import Disk

PYTHON = "bin/python"
"""To which all other names of an environment's interpreter lead."""

_FIRST = (
    *("libc.so.6", "libm.so.6", "libmvec.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1"),
    *("libresolv.so.2", "libgcc_s.so.1", "libstdc++.so.6"),
)
"""What is loaded with the executable: for a module that has a DT_RUNPATH, as pyenv's have, the loader does not look
in the executable's DT_RPATH (dlopen(3)), and would take the machine's libm, which fits another C library, or a
libstdc++ that is older than the one that ROCm needs. One that is loaded already is not looked for."""
_ORIGIN = re.compile(r"\$ORIGIN(?![A-Za-z0-9_])|\$\{ORIGIN\}")
_OWN_LIBRARY = re.compile(r"libpython.*\.so.*")
_SYSTEM = ("/usr/lib64", "/usr/lib", "/lib64", "/lib")


@dataclass(frozen=True)
class Start:
    """What a program is to start by, and where it has to look for libraries first."""

    loader: Path
    libraries: tuple[Path, ...]
    """The folder with the C library is the first."""


def start_python(folder: Path, entries: Iterable[FileEntry], start: Start, disk: Disk) -> tuple[FileEntry, ...]:
    """Let the Python of the environment in *folder* start by *start*; its entries, with what was changed.

    Its own search paths stay, behind those of *start*. Raises OSError, MachineLacks, and Failed where its
    interpreter is no program that a loader starts.
    """
    entries = tuple(entries)
    copied = {one.path: _started(folder, one, start, disk) for one in entries if one.path == PYTHON}
    if not copied:
        raise Failed(f"the environment in `{folder}` has no `{PYTHON}`")
    return tuple(copied.get(one.path, one) for one in entries)


def _started(folder: Path, entry: FileEntry, start: Start, disk: Disk) -> FileEntry:
    path = folder / entry.path
    source = path.resolve(strict=True)
    facts = _facts(source)
    own = tuple(_search_path(facts, source.parent))
    rpath = ":".join(map(str, (*start.libraries, *own)))
    new = path.with_name(f".{path.name}.started")
    needed = Needed(
        tuple(_own_libraries(facts, own, source.parent)),
        tuple(one for one in _FIRST if (start.libraries[0] / one).exists() and one not in facts.needed),
    )
    patchelf(source, new, rpath, interpreter=str(start.loader), needed=needed)
    disk.set_mode(new, 0o755)
    disk.rename(new, path)
    return replace(
        entry,
        kind="file",
        mode=0o755,
        size=path.stat().st_size,
        sha256=hash_of(path, "sha256"),
        target="",
        original_sha256=hash_of(source, "sha256"),
        original_target=entry.target,
        reason=f"loader {start.loader}; DT_RPATH {rpath}",
    )


def _facts(source: Path) -> ElfFacts:
    with source.open("rb") as file:
        facts = parse_elf(file)
    if facts is None or not facts.interpreter:
        raise Failed(f"`{source}` is no program that can be started by another loader")
    return facts


def _search_path(facts: ElfFacts, folder: Path) -> Iterator[Path]:
    """The folders that the interpreter itself names, which are below *folder* or absolute."""
    for one in (facts.runpath or facts.rpath).split(":"):
        named = _placed(one, folder)
        if named.startswith("/") and "$" not in named:
            yield Path(named).resolve()


def _own_libraries(facts: ElfFacts, own: Iterable[Path], folder: Path) -> Iterator[tuple[str, str]]:
    """The interpreter's own libpython by its path: a prefix may have one of that name for its own Python.

    Standalone builds name it by its place already, which is relative to an executable in *folder*.
    """
    multiarch = (Path(one) / f"{_machine(facts)}-linux-gnu" for one in ("/usr/lib", "/lib"))
    folders = (*own, *multiarch, *map(Path, _SYSTEM))
    for name in facts.needed:
        if _ORIGIN.match(name):
            yield name, str(Path(_placed(name, folder)).resolve())
        elif _OWN_LIBRARY.fullmatch(name):
            found = next((one / name for one in folders if (one / name).is_file()), None)
            if found is not None:
                yield name, str(found)


def _placed(name: str, folder: Path) -> str:
    return _ORIGIN.sub(lambda _: str(folder), name)


def _machine(facts: ElfFacts) -> str:
    return facts.machine.removeprefix("EM_").lower()
