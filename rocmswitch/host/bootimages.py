"""The boot images of a system's kernels: where they lie, and which modules and settings are inside."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.host.unifiedimages import BOOT, unified_files, unified_of
from rocmswitch.metadata.bootimage import read_image
from rocmswitch.metadata.moduleindex import listed_paths, module_name
from rocmswitch.metadata.modulesearch import SearchRules, in_order_of_preference
from rocmswitch.metadata.stream import NotUnderstood, Stream, Unreadable
from rocmswitch.metadata.unifiedimage import MAGIC, pieces, read_unified
from rocmswitch.metadata.unpacking import LZ4, LZOP, Unpacker, unpacked
from rocmswitch.model.kernel import CLOSED, MODULES, BootImage, PackedFile
from rocmswitch.system import process

_IMAGES = (
    "initrd.img-{}",
    "initrd-{}",
    "initrd-{}.img",
    "initramfs-{}.img",
    "initramfs-{}",
    "initramfs-{}-fallback.img",
)
"""Debian, openSUSE, Gentoo, Fedora and Arch, Alpine."""
_KERNELS = ("vmlinuz-{}", "vmlinux-{}", "Image-{}", "image-{}", "kernel-{}")
_MODULE = re.compile(r"(?:usr/)?lib/modules/[^/]+/(.*)\.ko(?:\.xz|\.zst|\.gz)?")
_INDEX = re.compile(r"(?:usr/)?lib/modules/[^/]+/modules\.dep\.bin")
_SETTING = re.compile(r"(?:etc|run|(?:usr/)?lib|usr/local/lib)/modprobe\.d/[^/]+\.conf")
_FIRMWARE = re.compile(r"(?:usr/)?lib/firmware/updates/.+")
_NAMES = {module_name(one): one for one in MODULES}
_BLOCK = 1024 * 1024
_MODULE_LIMIT = 1024 * 1024 * 1024


def images_of(system: SystemRoot, release: str, folder: str) -> tuple[str, ...]:
    """The paths of the boot images of the kernel *release*, whose modules lie in *folder*, real and none twice."""
    names = _names(system, release, folder)
    found = [f"boot/{pattern.format(name)}" for name in names for pattern in _IMAGES]
    for place in _entries_of_boot_loaders(system, release):
        found += [f"{place}/{name}" for name in system.names(place) if name.startswith(("initrd", "initramfs"))]
    return _there(system, [*found, *_unified(system, release, names)])


def kernel_file(system: SystemRoot, release: str, folder: str) -> str:
    """The path of the kernel itself, the one in /boot before the copy beside its modules; empty without any."""
    names = _names(system, release, folder)
    found = [f"boot/{pattern.format(name)}" for name in names for pattern in _KERNELS]
    found += [f"{place}/linux" for place in _entries_of_boot_loaders(system, release)]
    there = _there(system, [*found, *_unified(system, release, names), f"{folder}/vmlinuz"])
    return there[0] if there else ""


def read_boot_image(root: Path, path: str) -> BootImage:
    """What is in the boot image at *path* below *root*. Raises nothing: `problem` says why it cannot be read."""
    system = SystemRoot(root)
    status = system.status(path)
    image = BootImage(path, status.st_size if status else 0, is_unified=path.lower().endswith(".efi"))
    try:
        with system.open(path) as file:
            is_unified = file.read(len(MAGIC)) == MAGIC
            file.seek(0)
            if is_unified:
                return _opened_unified(replace(image, is_unified=True), file)
            return _opened(image, iter(lambda: file.read(_BLOCK), b""))
    except Unreadable as error:
        return replace(image, problem=f"it {error}", is_damaged=not isinstance(error, NotUnderstood))
    except PermissionError:
        return replace(image, problem=CLOSED)
    except OSError as error:
        return replace(image, problem=f"reading it failed ({error.strerror or error})")


def _opened_unified(image: BootImage, file: BinaryIO) -> BootImage:
    """One without a boot image inside holds nothing that could be wrong."""
    inside = read_unified(file).boot_image()
    return _opened(image, pieces(file, inside)) if inside else image


def _opened(image: BootImage, blocks: Iterator[bytes]) -> BootImage:
    hashes: dict[str, str] = {}
    index = b""
    for path, content in read_image(blocks, _is_wanted, _programs()):
        if _INDEX.fullmatch(path):
            index = content
        else:
            hashes[path] = _unpacked_hash(content) if _MODULE.fullmatch(path) else _sha256(content)
    return replace(
        image,
        modules=tuple(_modules(hashes, index)),
        settings=tuple(PackedFile(one, hashes[one]) for one in sorted(hashes) if _SETTING.fullmatch(one)),
        firmware=tuple(PackedFile(one, hashes[one]) for one in sorted(hashes) if _FIRMWARE.fullmatch(one)),
    )


def _is_wanted(path: str) -> bool:
    module = _MODULE.fullmatch(path)
    if module:
        return module_name(module[1]) in _NAMES
    return any(one.fullmatch(path) for one in (_INDEX, _SETTING, _FIRMWARE))


def _modules(hashes: Mapping[str, str], index: bytes) -> Iterator[tuple[str, PackedFile]]:
    """Of each name inside, the file that counts: the one of the image's own index, else the one depmod prefers."""
    # The image unpacks `usr/lib/…` and `lib/…` into one folder: of two spellings the later one counts.
    spelled = {one.removeprefix("usr/"): one for one in hashes if _MODULE.fullmatch(one)}
    listed = dict(listed_paths(index, MODULES))
    for key, name in _NAMES.items():
        below = {one.split("/", 3)[3]: file for one, file in spelled.items() if module_name(one) == key}
        if below:
            first = in_order_of_preference(list(below), SearchRules())[0]
            file = below.get(listed.get(name, ""), below[first])
            yield name, PackedFile(file, hashes[file])


def _unpacked_hash(content: bytes) -> str:
    """As in Contents: of what is inside; empty where it cannot be unpacked."""
    try:
        return _sha256(unpacked(content, _MODULE_LIMIT))
    except Unreadable:
        return ""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _programs() -> dict[bytes, Unpacker]:
    return {magic: _by(program) for magic, program in ((LZ4, "lz4"), (LZOP, "lzop")) if shutil.which(program)}


def _by(program: str) -> Unpacker:
    def unpack(stream: Stream) -> Iterator[bytes]:
        packed = b"".join(iter(lambda: stream.some(1024 * 1024), b""))
        done = process.run([program, "-d", "-c"], stdin=packed)
        if done.code:
            raise Unreadable("is cut short or garbled")
        yield done.stdout

    return unpack


def _names(system: SystemRoot, release: str, folder: str) -> list[str]:
    """By what the files in /boot call this kernel: its release; Arch's package; Alpine's flavour."""
    package = system.text(f"{folder}/pkgbase").strip()
    package = "" if "/" in package else package
    flavour = release.rpartition("-")[2]
    is_alpine = system.is_file("etc/alpine-release")
    return [release, *([package] if package else []), *([flavour] if is_alpine else [])]


def _entries_of_boot_loaders(system: SystemRoot, release: str) -> Iterator[str]:
    """The folders that kernel-install makes, `/boot/MACHINE/RELEASE`."""
    for place in BOOT:
        for name in system.names(place):
            if system.is_folder(f"{place}/{name}/{release}"):
                yield f"{place}/{name}/{release}"


def _unified(system: SystemRoot, release: str, names: Iterable[str]) -> Iterator[str]:
    """Kernels with their boot image in one file for the firmware."""
    yield from unified_of(unified_files(system), release, names, system.names("lib/modules"))


def _there(system: SystemRoot, paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(system.within(path) for path in paths if system.is_file(path)))
