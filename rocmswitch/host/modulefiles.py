"""The kernels of a system, and every file of amdgpu and its companions that they could load."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from rocmswitch.host.bootimages import images_of, kernel_file
from rocmswitch.host.bootimages import read_boot_image as read_boot_image
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.debversion import MAX_VERSION, version_key
from rocmswitch.metadata.kernelmodule import Damaged, parse_module
from rocmswitch.metadata.moduleindex import leads_to, listed_paths, module_name
from rocmswitch.metadata.modulesearch import SearchRules, in_order_of_preference, parse_rules
from rocmswitch.metadata.stream import Unreadable
from rocmswitch.metadata.unpacking import unpacked
from rocmswitch.model.kernel import (
    AMDGPU,
    DAMAGED,
    EMPTY,
    MODULES,
    SUFFIXES,
    UNREADABLE,
    Contents,
    Kernel,
    ModuleFile,
)
from rocmswitch.system import process

_FOLDERS = ("lib/modules", "usr/lib/modules")
_RULES = ("etc/depmod.d", "run/depmod.d", "usr/local/lib/depmod.d", "usr/lib/depmod.d", "lib/depmod.d")
"""The first one that has a file of a name counts, depmod.d(5)."""
_CARDS = "pci:v00001002d"
_MODULE_LIMIT = 1024 * 1024 * 1024
"""Bytes. Ubuntu's amdgpu with all that a debugger wants has some hundred million."""
_INDEX_LIMIT = 256 * 1024 * 1024
_NAMES = {module_name(one): one for one in MODULES}
_WITNESSES = 3


def read_kernels(root: Path, through: SystemRoot | None = None) -> tuple[Kernel, ...]:
    """Every folder of lib/modules that holds, or held, modules; sorted as versions, the newest last.

    Their boot images are opened, too. Who owns what and who signed it is left empty. What could not be read
    is told by *through*, where it is given. Raises nothing.
    """
    system = through or SystemRoot(root)
    kernels = [kernel for release, folder in _folders(system) if (kernel := _read_kernel(system, release, folder))]
    return tuple(sorted(kernels, key=lambda one: (version_key(_as_version(one.release)), one.release)))


def read_contents(file: BinaryIO, name: str, *, machine: str = "") -> Contents:
    """What the bytes of *file* say, which is to be the module *name*; any suffix of *name* is ignored.

    What cannot be unpacked, is no module, is cut, is another module or is for another *machine* (elf.h's name;
    any where it is empty) is DAMAGED. Bytes that were exchanged in the middle are not seen: only a hash tells.
    Raises OSError.
    """
    content = file.read(_MODULE_LIMIT + 1)
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


def _with_facts(found: Contents, inside: bytes, name: str, machine: str) -> Contents:
    try:
        facts = parse_module(inside)
    except Damaged:
        return found
    is_other = (facts.name and module_name(facts.name) != module_name(name)) or (
        machine and facts.machine != machine
    )
    return replace(
        found,
        fault=DAMAGED if is_other or found.size > _MODULE_LIMIT else "",
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
            content = unpacked(file.read(_MODULE_LIMIT), _MODULE_LIMIT)
    except (Unreadable, OSError):
        return ""
    with tempfile.NamedTemporaryFile(suffix=".ko") as plain:
        plain.write(content)
        plain.flush()
        return _modinfo(Path(plain.name)) or ""


def _modinfo(path: Path) -> str | None:
    """None where it fails; nothing, too, where there is no modinfo."""
    try:
        done = process.run(["modinfo", "-F", "signer", path.absolute()])
    except FileNotFoundError:
        return ""
    return None if done.code else done.stdout.decode(errors="replace").strip()


def _folders(system: SystemRoot) -> Iterator[tuple[str, str]]:
    """Each release with its real folder, none twice."""
    seen = set()
    for parent in _FOLDERS:
        for name in system.names(parent):
            folder = system.within(f"{parent}/{name}")
            is_alias = folder.rpartition("/")[2] != name and system.is_folder(
                f"{parent}/{folder.rpartition('/')[2]}"
            )
            if folder not in seen and not is_alias and system.is_folder(folder):
                seen.add(folder)
                yield name, folder


def _read_kernel(system: SystemRoot, release: str, folder: str) -> Kernel | None:
    """None for a folder that never held a kernel's modules."""
    rules = _rules(system, release)
    files = list(_walk(system, folder, rules))
    copies = [one for one in files if one.name in _NAMES]
    has_amdgpu = any(one.name == AMDGPU for one in copies)
    if not (has_amdgpu or system.is_folder(f"{folder}/kernel") or system.is_file(f"{folder}/modules.order")):
        return None
    machine = _machine(system, files)
    return Kernel(
        release,
        folder,
        vmlinuz=kernel_file(system, release, folder),
        modules=tuple(
            ModuleFile(release, _NAMES[one.name], f"{folder}/{one.path}", _contents(system, one, machine))
            for one in _preferred(copies, rules)
        ),
        listed=_listed(system, folder),
        has_aliases=leads_to(_index(system, f"{folder}/modules.alias.bin"), _CARDS, AMDGPU),
        images=tuple(read_boot_image(system.root, path) for path in images_of(system, release, folder)),
    )


def _rules(system: SystemRoot, release: str) -> SearchRules:
    found: dict[str, str] = {}
    for folder in _RULES:
        for name in system.names(folder):
            if name.endswith(".conf") and len(name) > len(".conf") and not name.startswith("."):
                found.setdefault(name, f"{folder}/{name}")
    return parse_rules((system.text(found[name]) for name in sorted(found)), release)


@dataclass(frozen=True)
class _File:
    """One file of a module."""

    path: str
    """Below the kernel's folder, as depmod spells it: a link in it is kept (weak-updates are links)."""
    real: str
    """Below the root, all links followed."""

    @property
    def name(self) -> str:
        """As in _NAMES."""
        return module_name(self.path)


def _walk(system: SystemRoot, folder: str, rules: SearchRules) -> Iterator[_File]:
    """All files of modules below *folder*, in the order in which depmod comes to them: the disk's own."""

    def below(real: str, shown: str, above: tuple[str, ...]) -> Iterator[_File]:
        for entry in _entries(system, real):
            path, place = f"{shown}{entry.name}", f"{real}/{entry.name}"
            is_link = entry.is_symlink()
            place = system.within(place) if is_link else place
            if entry.name in rules.excluded:
                continue
            if system.is_folder(place) if is_link else entry.is_dir(follow_symlinks=False):
                if place not in above:
                    yield from below(place, f"{path}/", (*above, place))
            elif entry.name.endswith(SUFFIXES) and (system.is_file(place) if is_link else entry.is_file()):
                yield _File(path, place)

    return below(folder, "", (folder,))


def _entries(system: SystemRoot, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(system.root / folder) as entries:
            return list(entries)
    except OSError as error:
        system.note(folder, error.strerror or str(error))
        return []


def _preferred(copies: list[_File], rules: SearchRules) -> Iterator[_File]:
    by_path = {one.path: one for one in copies}
    for name in _NAMES:
        paths = [one.path for one in copies if one.name == name]
        yield from (by_path[path] for path in in_order_of_preference(paths, rules))


def _machine(system: SystemRoot, files: list[_File]) -> str:
    """Which machine this kernel is for, by its other modules; empty where it has none."""
    others = [one for one in files if one.name not in _NAMES and one.path.startswith("kernel/")]
    for one in others[:_WITNESSES]:
        try:
            with system.open(one.real) as file:
                return parse_module(unpacked(file.read(_MODULE_LIMIT), _MODULE_LIMIT)).machine
        except (OSError, Unreadable, Damaged):
            continue
    return ""


def _contents(system: SystemRoot, file: _File, machine: str) -> Contents:
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
    return system.read(path, _INDEX_LIMIT) or b""


def _as_version(release: str) -> str:
    """*release* in the letters that Debian's order of versions knows."""
    return re.sub(r"[^A-Za-z0-9.+~-]", "+", f"0{release}")[:MAX_VERSION]
