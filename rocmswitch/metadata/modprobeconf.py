"""Lines that have a say in whether and how amdgpu is loaded: modprobe.d(5), lists, boot command lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rocmswitch.model.kernel import AMDGPU, MODULES

LOAD, IMAGE, BOOTLINE = "load", "image", "bootline"

_BY_NAME = {name.replace("-", "_"): name for name in MODULES}
_EXACT, _PATTERN = ("options", "blacklist"), ("install", "remove", "softdep")
"""The commands of modprobe.d, by whether kmod compares their names (libkmod-module.c) or matches them."""
_WORDS = re.compile(r"[\s\"'=+()]+")
_BLACKLISTS = ("module_blacklist", "modprobe.blacklist", "rd.driver.blacklist")
_RESCUE = frozenset(("single", "recovery", "emergency", "rescue", "systemd.unit=rescue.target"))
"""Of menu entries that are there for trouble: Ubuntu's has `nomodeset` always."""
_MENU = ("linux", "linux16", "linuxefi", "options", "append", "set")
"""First words of the lines of a boot loader's menu that hold a command line."""


@dataclass(frozen=True)
class Line:
    """`number` counts from 1; `text` is the line, its continuations joined, or the words of it that matter."""

    number: int
    text: str
    kind: str
    module: str


def parse_modprobe(text: str) -> tuple[Line, ...]:
    """What a file of modprobe.d says of MODULES, `-` and `_` being the same as kmod has it."""
    found = []
    for number, line in _joined(text):
        words = line.split()
        if len(words) >= 2:
            found += [Line(number, line, words[0], name) for name in _meant(words[0], words[1])]
    return tuple(found)


def parse_names(text: str, kind: str) -> tuple[Line, ...]:
    """A list of modules to be loaded: one a line, comments behind `#` or `;`, for some readers with parameters."""
    lines = ((number, line.strip()) for number, line in enumerate(text.split("\n"), 1))
    names = ((number, line, canonical(re.split(r"[\s#;]", line, maxsplit=1)[0])) for number, line in lines if line)
    return tuple(Line(number, line, kind, name) for number, line, name in names if name)


def parse_image_settings(text: str) -> tuple[Line, ...]:
    """dracut.conf and mkinitcpio.conf: shell, of which only is seen which lines name a module."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        told = re.sub(r"(^|\s)#.*", "", line).strip()
        if told.startswith("kernel_cmdline"):
            found += [Line(number, *one) for one in _bootwords(told)]
        else:
            names = dict.fromkeys(filter(None, (canonical(word) for word in _WORDS.split(told))))
            found += [Line(number, told, IMAGE, name) for name in names]
    return tuple(found)


def parse_bootline(text: str, *, is_menu: bool = False) -> tuple[Line, ...]:
    """The words of a boot command line that concern MODULES; the same words in several lines once.

    Of a boot loader's menu only the lines that have a command line, without those of its rescue entries.
    """
    found: dict[tuple[str, str, str], int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words or words[0].startswith("#") or "RECOVERY" in words[0]:
            continue
        if is_menu and (not _holds_command_line(words[0]) or _RESCUE & set(words)):
            continue
        for one in _bootwords(line):
            found.setdefault(one, number)
    return tuple(Line(number, *one) for one, number in found.items())


def canonical(word: str) -> str:
    """The one of MODULES that *word* means; empty where it is none."""
    return _BY_NAME.get(word.replace("-", "_"), "")


def _holds_command_line(word: str) -> bool:
    return word.lower() in _MENU or word.startswith("kernelopts=")


def _meant(command: str, name: str) -> tuple[str, ...]:
    plain = name.replace("-", "_")
    if command in _EXACT:
        return tuple(filter(None, (canonical(name),)))
    if command in _PATTERN:
        return tuple(whole for one, whole in _BY_NAME.items() if fnmatchcase(one, plain))
    return ()


def _bootwords(line: str) -> Iterator[tuple[str, str, str]]:
    """Text, kind and module of each word that matters."""
    for word in re.split(r"[\s\"']+", line):
        # In a shell's assignment the first word hangs at its name.
        word = re.sub(r"^[A-Z_]+\+?=", "", word).removeprefix("kernelopts=")
        name, _, value = word.partition("=")
        if name in _BLACKLISTS:
            for module in dict.fromkeys(filter(None, (canonical(one) for one in value.split(",")))):
                yield word, BOOTLINE, module
        elif name == "nomodeset":
            yield word, BOOTLINE, AMDGPU
        elif module := canonical(name.partition(".")[0] if "." in name else ""):
            yield word, BOOTLINE, module


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines without those that are empty or comments; one that ends in a backslash goes on in the next."""
    waiting, start = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        start = start or number
        if line.endswith("\\"):
            waiting += line[:-1]
            continue
        whole, first = (waiting + line).strip(), start
        waiting, start = "", 0
        if whole and not whole.startswith("#"):
            yield first, whole
    if waiting.strip() and not waiting.lstrip().startswith("#"):
        yield start, waiting.strip()
