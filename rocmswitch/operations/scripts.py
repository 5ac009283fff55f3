"""The scripts that enter what is installed: a copy of what receipts say, made where something is published.

`activations/NAME.sh` and `NAME.fish` for every prefix and environment, symlinks to them for shorter names
(`6.2.sh`) and for the default; beside them, in `shell`, the functions that they call. A shell reads them without
a process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rocmswitch.operations import aliases
from rocmswitch.operations.hooks import refreshed_hooks
from rocmswitch.operations.modulefiles import modulefile_folder, wanted_modulefiles
from rocmswitch.operations.rendering import functions, functions_path, script
from rocmswitch.store.freshness import DIALECTS
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.private import check_private, make_private, may_write
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.lock import held

WAIT = 10.0
"""Seconds to wait for another rocmswitch that writes scripts: it takes milliseconds."""
DEFAULT = "default"
"""The name of the script that new shells enter by."""

_OURS = b"_rocmswitch_"
"""What every script that was made here calls."""

Wanted = dict[Path, bytes | str | None]
"""Each path with its content, as a symlink its target, or None where nothing should be."""


def write_scripts(name: str, installed: Installed, disk: Disk) -> None:
    """Let the scripts of *name*, and of every environment bound to it, say what the receipts say.

    What says so already is left alone, so that every command may ask for it: whoever was stopped between
    publishing and this has left old scripts, or none. Raises NotFound, MachineLacks, Refused, Busy.
    """
    one = installed.find(name)
    venvs = (venv for venv in installed.venvs() if venv.receipt.prefix == one.receipt.name)
    bound = [venv for venv in venvs if not installed.lack(venv)]
    texts: dict[Layout, Wanted] = {}
    for other in (*bound, one):
        texts.setdefault(other.layout, {}).update(_scripts(other, installed))
    for layout, scripts in texts.items():
        # The machine's are kept by its administrator's commands, another user's by theirs.
        if may_write(layout.activations):
            all_of_them = _all_scripts(layout, installed) if _is_outdated(layout) else {}
            _bring_about(layout, {**scripts, **all_of_them}, "", disk)


def remove_script(layout: Layout, name: str, disk: Disk) -> None:
    """Take the scripts away for good, and what else leads to them: shorter names, the default.

    After the name is gone; where that is not to be, the next `write_scripts` or `refresh_scripts` does it.
    """
    if layout.activations.is_dir():
        _bring_about(layout, {}, name, disk)


def refresh_scripts(layout: Layout, installed: Installed, disk: Disk) -> None:
    """Let all scripts of the scope say what the receipts say, and none be there for a name that is gone.

    After a change of names that was taken back, or that was broken off. Raises as `write_scripts`.
    """
    if not may_write(layout.activations):
        return
    wanted = _all_scripts(layout, installed)
    if wanted or layout.activations.is_dir():
        _bring_about(layout, wanted, "", disk)


def mend_scripts(layout: Layout, installed: Installed, disk: Disk) -> None:
    """Do what whoever was stopped after a name had come or gone, or while writing scripts, has not done.

    Nothing where nobody was. Raises as `write_scripts`.
    """
    leads_nowhere = any(not path.exists() for path in _symlinks(layout.activations))
    remains = _differing(wanted_modulefiles(layout)) or _orphans(layout) or _missing(layout) or _remains(layout)
    if remains or leads_nowhere or _is_undecided(layout) or _is_outdated(layout):
        refresh_scripts(layout, installed, disk)


def default_links(layout: Layout) -> tuple[Path, ...]:
    """The symlinks that new shells enter by, there or not."""
    return tuple(layout.activations / f"{DEFAULT}.{dialect}" for dialect in DIALECTS)


def make_folders(layout: Layout, disk: Disk) -> None:
    """The folders that scripts lie in are there for good, and nobody else may write them. Raises Refused."""
    for folder in (layout.activations, layout.shell):
        check_private(folder)
    disk.make_directories(layout.data)
    if not (layout.activations.is_dir() and layout.shell.is_dir()):
        for folder in (layout.activations, layout.shell):
            make_private(folder, layout.scope, disk)
        disk.sync_directory(layout.data)
    if layout.scope == "system" and not modulefile_folder(layout).is_dir():
        for folder in (layout.modulefiles, modulefile_folder(layout)):
            make_private(folder, layout.scope, disk)
            disk.sync_directory(folder.parent)


def default_name(layout: Layout) -> str:
    """What new shells of this scope enter; empty where that is nothing."""
    link = default_links(layout)[0]
    return link.readlink().stem if link.is_symlink() else ""


def _scripts(one: Installation, installed: Installed) -> Wanted:
    texts = ((dialect, script(dialect, one, installed)) for dialect in DIALECTS)
    return {one.script(dialect): text.encode(errors="surrogateescape") for dialect, text in texts}


def _all_scripts(layout: Layout, installed: Installed) -> Wanted:
    """Of everything in the scope that can be entered: what cannot, as things are, says so when somebody tries."""
    wanted: Wanted = {}
    for one in (*installed.prefixes(), *installed.venvs()):
        if one.layout == layout and installed.lack(one) is None:
            wanted |= _scripts(one, installed)
    return wanted


def _is_outdated(layout: Layout) -> bool:
    """Whether the functions there are those of another version, which every script may call by other words."""
    paths = ((functions_path(layout, dialect), dialect) for dialect in DIALECTS)
    return any(path.is_file() and path.read_bytes() != functions(dialect).encode() for path, dialect in paths)


def _bring_about(layout: Layout, scripts: Wanted, gone: str, disk: Disk) -> None:
    """Let *scripts* and all that goes with them lie there, and nothing of the name *gone*.

    The functions come last: as long as they are those of another version, it is not done.
    """

    def wanted() -> Wanted:
        return {**_links(layout, gone), **scripts, **wanted_modulefiles(layout, gone), **_carried(layout)}

    _write(layout, wanted, disk)


def _carried(layout: Layout) -> Wanted:
    return {
        **{functions_path(layout, dialect): functions(dialect).encode() for dialect in DIALECTS},
        **refreshed_hooks(layout),
    }


def _links(layout: Layout, gone: str) -> Wanted:
    """Shorter names, in place of those that were there before; nothing that leads to *gone*, or nowhere."""
    orphans = _orphans(layout)
    meanings, decision = aliases.decide(layout, {gone})
    defaults = default_links(layout)
    wanted: Wanted = {path: None for path in _symlinks(layout.activations) if path not in defaults}
    wanted |= dict.fromkeys(orphans)
    if gone:
        wanted |= {layout.activations / f"{gone}.{dialect}": None for dialect in DIALECTS}
        if default_name(layout) == gone:
            wanted |= dict.fromkeys(defaults)
    for short, name in meanings.items():
        wanted |= {layout.activations / f"{short}.{dialect}": f"{name}.{dialect}" for dialect in DIALECTS}
    return {**wanted, aliases.record(layout): decision}


def _write(layout: Layout, wanted: Callable[[], Wanted], disk: Disk) -> None:
    """Make what is *wanted* true, alone; what is true already is left alone, and nothing locked for it."""
    for folder in (layout.activations, layout.shell):
        check_private(folder)
    with disk_errors(layout.activations):
        if not _differing(wanted()) and not _remains(layout):
            return
        with held(layout.locks / "scripts", wait=WAIT, what="the scripts of activations"):
            make_folders(layout, disk)
            _change(_differing(wanted()), disk)
            for path in _remains(layout):
                disk.discard_remains(path)


def _differing(wanted: Wanted) -> Wanted:
    return {path: content for path, content in wanted.items() if not _holds(path, content)}


def _holds(path: Path, content: bytes | str | None) -> bool:
    if content is None:
        return not path.is_symlink() and not path.exists()
    if isinstance(content, str):
        return path.is_symlink() and str(path.readlink()) == content
    return not path.is_symlink() and path.is_file() and path.read_bytes() == content


def _change(wanted: Wanted, disk: Disk) -> None:
    """Each path whole or as it was; the folders are synced once, at the end."""
    for path, content in wanted.items():
        if content is None:
            disk.discard(path)
        elif isinstance(content, str):
            disk.replace_symlink(path, content, synced=False)
        else:
            disk.replace_file(path, content, synced=False)
    for folder in sorted({path.parent for path in wanted}):
        disk.sync_directory(folder)


def _remains(layout: Layout) -> tuple[Path, ...]:
    """Where a broken run was about to put a script, perhaps one that nobody writes any more."""
    folders = (layout.activations, layout.shell, modulefile_folder(layout))
    found = (path for folder in folders for path in folder.glob(".*.new"))
    return tuple(path.with_name(path.name[1:].rpartition(".new")[0].rpartition(".")[0]) for path in found)


def _symlinks(folder: Path) -> tuple[Path, ...]:
    """Those that somebody may enter by: hidden ones are another process's, on their way to their names."""
    found = tuple(folder.iterdir()) if folder.is_dir() else ()
    return tuple(path for path in found if path.is_symlink() and not path.name.startswith("."))


def _orphans(layout: Layout) -> tuple[Path, ...]:
    """Scripts of ours that enter what is gone: whoever removed it was stopped before they went too.

    Listed before the names are, because a name is there before its scripts.
    """
    scripts = [path for path in layout.activations.glob("[!.]*") if path.suffix[1:] in DIALECTS]
    names = _names(layout)
    strays = (path for path in scripts if path.stem not in names and path.is_file() and not path.is_symlink())
    return tuple(path for path in strays if _OURS in path.read_bytes())


def _missing(layout: Layout) -> bool:
    """Whether a name has no script. An environment without its prefix has none, and is asked for in vain."""
    scripts = (layout.activations / f"{name}.{dialect}" for name in _names(layout) for dialect in DIALECTS)
    return not all(path.exists() for path in scripts)


def _is_undecided(layout: Layout) -> bool:
    """Whether what shorter names mean was decided of other names than are there now."""
    record = aliases.record(layout)
    return record.is_file() and aliases.decide(layout)[1] != record.read_bytes()


def _names(layout: Layout) -> set[str]:
    links = (folder for folder in (layout.prefixes, layout.venvs) if folder.is_dir())
    return {path.name for folder in links for path in folder.glob("[!.]*") if path.is_symlink()}
