"""Folders of another ROCm that ld.so.conf tells the loader of every program to look in."""

from __future__ import annotations

from dataclasses import replace

from rocmswitch.host.foreign import INSTALLED, LIBRARIES
from rocmswitch.host.loaderconf import CONF, read_loader_lines
from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import Owner
from rocmswitch.model.machine import LoaderFolder

_SYSTEMS = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
"""Where a distribution's own ROCm lies: what its packages put there is no other one."""


def read_loader_folders(files: SystemRoot) -> tuple[LoaderFolder, ...]:
    """In the order of ld.so.conf. Raises nothing. Packages are asked only where there is something to ask about."""
    said = list(read_loader_lines(files))
    found = [one for one in said if _is_foreign(files, one.folder)]
    if not found:
        return ()
    owners = PackageFiles(files).owners(one.file.lstrip("/") for one in found)
    mixed = {f"/{CONF}", *(one.file for one in said if one not in found)}
    return tuple(_judged(one, owners[one.file.lstrip("/")], mixed) for one in found)


def _judged(one: LoaderFolder, owner: Owner | None, mixed: set[str]) -> LoaderFolder:
    return replace(one, package=owner.package if owner else "", is_alone=owner is None and one.file not in mixed)


def _is_foreign(files: SystemRoot, folder: str) -> bool:
    if folder.startswith(INSTALLED):
        return True
    if folder.startswith(_SYSTEMS) and "rocm" not in folder:
        return False
    return any(one.startswith(LIBRARIES) for one in files.names(folder))
