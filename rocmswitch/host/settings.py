"""All lines of a system that have a say in whether and how amdgpu is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.host.unifiedimages import unified_files
from rocmswitch.metadata.modprobeconf import (
    IMAGE,
    LOAD,
    Line,
    parse_bootline,
    parse_image_settings,
    parse_modprobe,
    parse_names,
)
from rocmswitch.model.kernel import PackedFile, Setting
from rocmswitch.planning.parameters import CONF, is_as_written

_PLACES = ("etc", "run", "usr/local/lib", "usr/lib", "lib")
"""Where modprobe.d(5) and modules-load.d(5) look: a file hides those of its name in the folders behind it."""
_DRACUT = ("etc/dracut.conf.d", "usr/lib/dracut/dracut.conf.d")
_INITRAMFS_TOOLS = ("etc/initramfs-tools/modules.d", "usr/share/initramfs-tools/modules.d")
_MENUS = ("boot/grub/grub.cfg", "boot/grub2/grub.cfg", "boot/grub2/grubenv", "boot/extlinux/extlinux.conf")
_ENTRIES = ("boot/loader/entries", "boot/efi/loader/entries", "efi/loader/entries")

_Parser = Callable[[str], tuple[Line, ...]]


def read_settings(files: SystemRoot, *, is_running: bool = False) -> tuple[Setting, ...]:
    """In the order in which they are found; the command line of the kernel that runs only of the system that runs.

    Nobody's are told as owned: who asks the package database asks it for all at once.
    """
    found: dict[tuple[str, int, str, str], Setting] = {}
    for path, parser in _sources(files, is_running=is_running):
        # A link may lead to a file that stands here too: /etc/modules-load.d/modules.conf of Debian.
        real = files.within(path)
        text = files.text(real)
        is_ours = real == CONF and is_as_written(text)
        for line in parser(text):
            one = Setting(real, line.number, line.text, line.kind, line.module, is_ours)
            found.setdefault((real, line.number, line.text, line.module), one)
    return (*found.values(), *_of_unified_images(files))


def _of_unified_images(files: SystemRoot) -> Iterator[Setting]:
    """What their own command lines say: a boot loader adds to it, or is not asked at all."""
    for file in unified_files(files):
        for line in parse_bootline(file.command_line):
            yield Setting(file.path, line.number, line.text, line.kind, line.module)


def read_setting_files(files: SystemRoot) -> tuple[PackedFile, ...] | None:
    """Every file of modprobe.d that a boot image would have a copy of, under the name that it has there.

    One that this user may not read has no hash; None where a folder may not be looked into.
    """
    found: dict[str, PackedFile] = {}
    for folder in (f"{one}/modprobe.d" for one in _PLACES if one != "run"):
        real = files.within(folder)
        for name in files.names(real):
            if files.is_file(f"{real}/{name}"):
                content = files.read(f"{real}/{name}")
                digest = "" if content is None else hashlib.sha256(content).hexdigest()
                found[f"{real}/{name}"] = PackedFile(f"{real}/{name}", digest)
        if any(one.startswith(f"`/{real}` ") for one in files.unread):
            return None
    return tuple(found.values())


def _sources(files: SystemRoot, *, is_running: bool) -> Iterator[tuple[str, _Parser]]:
    load, image = partial(parse_names, kind=LOAD), partial(parse_names, kind=IMAGE)
    yield from _all(_overlaid(files, [f"{one}/modprobe.d" for one in _PLACES]), parse_modprobe)
    yield from _all(_overlaid(files, [f"{one}/modules-load.d" for one in _PLACES]), load)
    yield "etc/modules", load
    yield "etc/initramfs-tools/modules", image
    yield from _all(_overlaid(files, _INITRAMFS_TOOLS, ""), image)
    yield "etc/dracut.conf", parse_image_settings
    yield from _all(_overlaid(files, _DRACUT), parse_image_settings)
    yield "etc/mkinitcpio.conf", parse_image_settings
    yield from _all(_overlaid(files, ["etc/mkinitcpio.conf.d"]), parse_image_settings)
    yield from _command_lines(files)
    if is_running:
        yield "proc/cmdline", parse_bootline


def _command_lines(files: SystemRoot) -> Iterator[tuple[str, _Parser]]:
    menu = partial(parse_bootline, is_menu=True)
    yield "etc/default/grub", parse_bootline
    yield from _all(_overlaid(files, ["etc/default/grub.d"], ".cfg"), parse_bootline)
    yield "etc/kernel/cmdline", parse_bootline
    yield from _all(_overlaid(files, ["etc/cmdline.d"]), parse_bootline)
    yield from _all(_MENUS, menu)
    for folder in _ENTRIES:
        yield from _all(_overlaid(files, [folder]), menu)
    yield "boot/refind_linux.conf", parse_bootline


def _all(paths: Sequence[str], parser: _Parser) -> Iterator[tuple[str, _Parser]]:
    return ((path, parser) for path in paths)


def _overlaid(files: SystemRoot, folders: Sequence[str], suffix: str = ".conf") -> tuple[str, ...]:
    """The files that count, in the order of their names. One that is a link to /dev/null hides and says nothing."""
    by_name: dict[str, str] = {}
    for folder in folders:
        for name in files.names(folder):
            if name.endswith(suffix) and not name.startswith("."):
                by_name.setdefault(name, f"{folder}/{name}")
    return tuple(path for _, path in sorted(by_name.items()) if files.within(path) != "dev/null")
