"""What a program needs to reach a card besides its driver: device files, and the right to open them."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterable
from pathlib import Path

from rocmswitch.host.accounts import group, unmapped_group
from rocmswitch.host.accounts import user_name as user_name
from rocmswitch.host.pci import read_pci
from rocmswitch.model.card import AMD, KEEPERS
from rocmswitch.model.gpu import Gpu
from rocmswitch.model.symptoms import DeviceFile

_BY_GROUP = stat.S_IRGRP | stat.S_IWGRP
_CONTAINERS = (".dockerenv", "run/.containerenv", "run/systemd/container", ".singularity.d")


def plugged_cards(root: Path = Path("/")) -> tuple[str, ...]:
    """PCI addresses of AMD's cards, driver or not, without those that ROCm has no business with. Raises nothing."""
    return tuple(
        one.address for one in read_pci(root) if one.is_card and one.vendor == AMD and one.driver not in KEEPERS
    )


def device_files(gpus: Iterable[Gpu], root: Path = Path("/")) -> tuple[DeviceFile, ...]:
    """/dev/kfd and each card's render node, and what this user may do with them."""
    paths = ["/dev/kfd", *(gpu.render_node for gpu in gpus if gpu.render_node)]
    return tuple(_device(path, root) for path in dict.fromkeys(paths))


def is_contained(root: Path = Path("/")) -> bool:
    """Whether this is the inside of a container, as its makers mark it."""
    return any((root / mark).exists() for mark in _CONTAINERS)


def is_anothers(folder: Path) -> bool:
    """Whether *folder* belongs to somebody else than this user and root; not where it is not there."""
    try:
        return folder.stat().st_uid not in (0, os.getuid())
    except OSError:
        return False


def writable_by_others(folder: Path) -> bool:
    """Whether its mode lets somebody else than its owner and root change *folder*; not where it is not there.

    A group that is the user's own, with nobody else in it, is nobody else: Debian and Fedora give each user one.
    """
    try:
        found = folder.stat()
    except OSError:
        return False
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not _is_private(found.st_gid)


def _is_private(group: int) -> bool:
    if group == 0:
        return True
    try:
        entry, user = grp.getgrgid(group), pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return entry.gr_name == user.pw_name and group == user.pw_gid and not {*entry.gr_mem} - {user.pw_name}


def _device(name: str, root: Path) -> DeviceFile:
    path = root / name.lstrip("/")
    try:
        found = path.stat()
    except OSError:
        return DeviceFile(name, there=False, usable=False)
    usable = os.access(path, os.R_OK | os.W_OK)
    if found.st_gid == 0 or found.st_mode & _BY_GROUP != _BY_GROUP:
        return DeviceFile(name, there=True, usable=usable)
    owner = group(found.st_gid, root)
    return DeviceFile(
        name,
        there=True,
        usable=usable,
        group=owner.name or str(owner.number),
        joined=bool(owner.name) and user_name(root) in owner.members,
        is_unmapped=owner.number == unmapped_group(root) and is_contained(root),
    )
