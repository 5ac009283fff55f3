"""The modulefiles of what all users share: one for each prefix, as long as it is there.

`modulefiles/rocm/6.2.4`, which Environment Modules and Lmod find after `module use`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rocmswitch.operations.rendering import carried, with_profile
from rocmswitch.shell.modulefile import FAMILY, module_name, render
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.layout import Layout

_OURS = b"installed by rocmswitch"


def modulefile_folder(layout: Layout) -> Path:
    """Where they lie."""
    return layout.modulefiles / FAMILY


def wanted_modulefiles(layout: Layout, gone: str = "") -> dict[Path, bytes | str | None]:
    """Each path with what it should hold, None where nothing should be; empty for what is one user's alone.

    *gone* is a prefix that is about to lose its name. A file that somebody else has put there is left alone.
    """
    if layout.scope != "system":
        return {}
    installed = Installed((layout,))
    there = [one for one in installed.prefixes() if one.receipt.name != gone and installed.lack(one) is None]
    texts = {layout.modulefiles / module_name(one.receipt.name): _text(one, installed) for one in there}
    folder = modulefile_folder(layout)
    strays = (path for path in _files(folder) if path not in texts and _OURS in path.read_bytes())
    return {**dict.fromkeys(strays), **{path: text for path, text in texts.items() if _is_free(path)}}


def _text(one: Installation, installed: Installed) -> bytes:
    activation = with_profile(installed.activation(one), one.receipt.profile)
    return render(one.receipt.name, activation, carried("modulefile.tcl")).encode()


def _files(folder: Path) -> Iterator[Path]:
    """Hidden ones are another process's, on their way to their names, or an administrator's `.version`."""
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _is_free(path: Path) -> bool:
    return not path.is_file() or _OURS in path.read_bytes()
