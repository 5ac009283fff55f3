"""The scripts that enter what is installed: a copy of what receipts say, made where something is published."""

from __future__ import annotations

from pathlib import Path

from rocmswitch.operations.rendering import functions
from rocmswitch.shell import posix
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk, disk_errors


def script_of(one: Installation) -> Path:
    """Where the script for POSIX shells lies."""
    return _script(one.layout, one.receipt.name)


def write_scripts(name: str, installed: Installed, disk: Disk) -> None:
    """Let the script of *name*, and of every environment bound to it, say what the receipts say.

    What says so already is left alone, so that every command may ask for it: whoever was stopped between
    publishing and this has left an old script, or none. Raises NotFound, MachineLacks.
    """
    one = installed.find(name)
    bound = [venv for venv in installed.venvs() if venv.receipt.prefix == one.receipt.name]
    for other in (*bound, one):
        path = script_of(other)
        text = posix.render(installed.activation(other), functions()).encode()
        with disk_errors(path):
            if not (path.is_file() and path.read_bytes() == text):
                disk.make_directories(path.parent)
                disk.replace_file(path, text)


def remove_script(layout: Layout, name: str, disk: Disk) -> None:
    """Take the script away for good. Before what it enters: a script alone nothing would ever clean up."""
    path = _script(layout, name)
    with disk_errors(path):
        if path.exists():
            disk.remove(path)
            disk.sync_directory(path.parent)


def _script(layout: Layout, name: str) -> Path:
    return layout.activations / f"{name}.sh"
