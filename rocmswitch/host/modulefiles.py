"""The kernels of a system, and every file of amdgpu and its companions that they could load."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from rocmswitch.host.bootimages import images_of, kernel_file
from rocmswitch.host.bootimages import read_boot_image as read_boot_image
from rocmswitch.host.modulefolders import ModuleEntry, kernel_folders, preferred, search_rules, walk
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.debversion import MAX_VERSION, version_key
from rocmswitch.metadata.kernelmodule import Damaged, parse_module
from rocmswitch.metadata.moduleindex import leads_to, listed_paths, module_name
from rocmswitch.metadata.stream import Unreadable
from rocmswitch.metadata.unpacking import unpacked
from rocmswitch.model.kernel import (
    AMDGPU,
    DAMAGED,
    EMPTY,
    MODULES,
    UNREADABLE,
    Contents,
    Kernel,
    ModuleFile,
)
from rocmswitch.system import process
from rocmswitch.system.temporary import temporary_folder

_CARDS = "pci:v00001002d"
_MODULE_LIMIT = 1024 * 1024 * 1024
"""Bytes. Ubuntu's amdgpu with all that a debugger wants has some hundred million."""
_PIECE = 1024 * 1024
_WITNESSES = 3
"""How many other modules of a kernel are asked which machine it is for."""


def read_kernels(root: Path, through: SystemRoot | None = None) -> tuple[Kernel, ...]:
    """Every folder of lib/modules that holds, or held, modules; sorted as versions, the newest last.

    Their boot images are opened, too. Who owns what and who signed it is left empty. What could not be read
    is told by *through*, where it is given. Raises nothing.
    """
    system = through or SystemRoot(root)
    found = [_read_kernel(system, release, folder) for release, folder in kernel_folders(system)]
    kernels = [one for one in found if one is not None]
    return tuple(sorted(kernels, key=lambda one: (version_key(_as_version(one.release)), one.release)))


def read_contents(file: BinaryIO, name: str, *, machine: str = "") -> Contents:
    """What the bytes of *file* say, which is to be the module *name*; any suffix of *name* is ignored.

    What cannot be unpacked, is no module, is cut, is another module or is for another *machine* (elf.h's name;
    any where it is empty) is DAMAGED. Bytes that were exchanged in the middle are not seen: only a hash tells.
    Raises OSError.
    """
    content = _bytes(file)
    if len(content) > _MODULE_LIMIT:
        return Contents(len(content), "", "", "", DAMAGED)
    found = Contents(
        len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        unpacked="",
        fault=DAMAGED if content else EMPTY,
    )
    try:
        inside = unpacked(content, _MODULE_LIMIT) if content else b""
    except Unreadable:
        return found
    found = replace(found, unpacked=found.sha256 if inside is content else hashlib.sha256(inside).hexdigest())
    return _with_facts(found, inside, name, machine)


def _bytes(file: BinaryIO) -> bytes:
    """All of *file*, but no more than shows that it is too large."""
    # Not in one go: the buffer would be as large as the limit, which a small machine does not have.
    pieces, size = [], 0
    while size <= _MODULE_LIMIT and (piece := file.read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _with_facts(found: Contents, inside: bytes, name: str, machine: str) -> Contents:
    try:
        facts = parse_module(inside)
    except Damaged:
        return found
    is_another = facts.name != "" and module_name(facts.name) != module_name(name)
    is_elsewhere = machine != "" and facts.machine != machine
    return replace(
        found,
        fault=DAMAGED if is_another or is_elsewhere else "",
        vermagic=facts.vermagic,
        version=facts.version,
        is_signed=facts.is_signed,
        parameters=facts.parameters,
    )


def signer_of(root: Path, path: str) -> str:
    """Who signed the module at *path* below *root*, in the words of this machine's modinfo.

    Empty where nobody did, where there is no modinfo, and where it cannot read the file.
    """
    system = SystemRoot(root)
    told = _modinfo(system.root / system.within(path))
    if told is not None:
        return told
    # A kmod without the library for this compression: Debian's has none for gzip.
    try:
        with system.open(path) as file:
            content = unpacked(_bytes(file), _MODULE_LIMIT)
    except (Unreadable, OSError):
        return ""
    with temporary_folder() as folder:
        with (folder / "plain.ko").open("wb") as plain:
            plain.write(content)
        return _modinfo(folder / "plain.ko") or ""


def _modinfo(path: Path) -> str | None:
    """None where it fails; nothing, too, where there is no modinfo."""
    # Debian's users do not have the folder of system programs in their PATH.
    program = shutil.which("modinfo", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if program is None:
        return ""
    done = process.run([program, "-F", "signer", path.absolute()])
    return None if done.code else done.stdout.decode(errors="replace").strip()


def _read_kernel(system: SystemRoot, release: str, folder: str) -> Kernel | None:
    """None for a folder that never held a kernel's modules."""
    rules = search_rules(system, release)
    files = list(walk(system, folder, rules))
    copies = [one for one in files if one.name]
    has_amdgpu = any(one.name == AMDGPU for one in copies)
    if not (has_amdgpu or system.is_folder(f"{folder}/kernel") or system.is_file(f"{folder}/modules.order")):
        return None
    machine = _machine(system, files)
    kernel = Kernel(release, folder, vmlinuz=kernel_file(system, release, folder))
    return replace(
        kernel,
        modules=tuple(_module_file(system, kernel, one, machine) for one in preferred(copies, rules)),
        listed=_listed(system, folder),
        has_aliases=leads_to(_index(system, f"{folder}/modules.alias.bin"), _CARDS, AMDGPU),
        images=tuple(read_boot_image(system.root, path) for path in images_of(system, release, folder)),
    )


def _machine(system: SystemRoot, files: list[ModuleEntry]) -> str:
    """Which machine this kernel is for, by its other modules; empty where it has none, or they do not agree."""
    others = [one for one in files if not one.name and one.path.startswith("kernel/")]
    machines = set()
    for one in others[:_WITNESSES]:
        with contextlib.suppress(OSError, Unreadable, Damaged), system.open(one.real) as file:
            machines.add(parse_module(unpacked(_bytes(file), _MODULE_LIMIT)).machine)
    return machines.pop() if len(machines) == 1 else ""


def _module_file(system: SystemRoot, kernel: Kernel, file: ModuleEntry, machine: str) -> ModuleFile:
    path = f"{kernel.folder}/{file.path}"
    target = "" if file.real == path else file.real
    return ModuleFile(kernel.release, file.name, path, _contents(system, file, machine), target=target)


def _contents(system: SystemRoot, file: ModuleEntry, machine: str) -> Contents:
    try:
        with system.open(file.real) as opened:
            return read_contents(opened, file.name, machine=machine)
    except OSError as error:
        system.note(file.real, error.strerror or str(error))
        status = system.status(file.real)
        # A disk that cannot give its bytes gives them to the kernel neither.
        fault = UNREADABLE if isinstance(error, PermissionError) else DAMAGED
        return Contents(status.st_size if status else 0, "", "", "", fault)


def _listed(system: SystemRoot, folder: str) -> tuple[tuple[str, str], ...]:
    found = []
    for name, path in listed_paths(_index(system, f"{folder}/modules.dep.bin"), MODULES):
        above, _, file = path.rpartition("/")
        found.append((name, f"{system.within(above)}/{file}" if path.startswith("/") else f"{folder}/{path}"))
    return tuple(found)


def _index(system: SystemRoot, path: str) -> bytes:
    return system.read(path) or b""


def _as_version(release: str) -> str:
    """*release* in the letters that Debian's order of versions knows."""
    return re.sub(r"[^A-Za-z0-9.+~-]", "+", f"0{release}")[:MAX_VERSION]
