"""The scripts that enter what is installed: rendered once, when something was published."""

from __future__ import annotations

from pathlib import Path

from rocmswitch.operations.rendering import functions
from rocmswitch.shell import posix
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.system.disk import Disk


def script_of(one: Installation) -> Path:
    """Where the script for POSIX shells lies."""
    return one.layout.activations / f"{one.receipt.name}.sh"


def write_scripts(name: str, installed: Installed, disk: Disk) -> Path:
    """Write the script of *name* and of every environment that is bound to it. Returns the first one's path."""
    one = installed.find(name)
    bound = [venv for venv in installed.venvs() if venv.receipt.prefix == one.receipt.name]
    for other in (*bound, one):
        disk.make_directories(other.layout.activations)
        text = posix.render(installed.activation(other), functions())
        disk.replace_file(script_of(other), text.encode())
    return script_of(one)
