"""Lines that load, block or set amdgpu: what is in them, and whether the module would take it.

Sources: kernel/params.c and lib/kstrtox.c of Linux, modprobe.d(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rocmswitch.model.kernel import MODULES, Setting

_BITS = {
    "byte": (8, False),
    "short": (16, True),
    "ushort": (16, False),
    "int": (32, True),
    "uint": (32, False),
    "hexint": (32, False),
    "long": (64, True),
    "ulong": (64, False),
    "ullong": (64, False),
}
_BOOLEANS = ("bool", "bint", "invbool")
_TRUTH = re.compile(r"[yYtT1nNfF0]|[oO][nNfF]")
_NUMBER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_BLOCKING = ("module_blacklist", "modprobe.blacklist", "rd.driver.blacklist")


@dataclass(frozen=True)
class Option:
    """`NAME=VALUE` for one module; `value` is None where there is no `=`."""

    module: str
    name: str
    value: str | None


def options(setting: Setting) -> tuple[Option, ...]:
    """The parameters that a line sets, on the boot command line those of MODULES alone."""
    if setting.kind == "options":
        words = _WORD.findall(setting.text)[2:]
        return tuple(_option(setting.module, word) for word in words if not word.startswith("#"))
    if setting.kind == "bootline":
        return tuple(_option(module, rest) for module, rest in _of_modules(setting.text))
    return ()


def blocks(setting: Setting) -> bool:
    """Whether a boot command line keeps amdgpu, or one of its companions, from being loaded."""
    for word in _unquoted(setting.text):
        name, _, value = word.partition("=")
        if name in _BLOCKING and any(is_same(one, module) for one in value.split(",") for module in MODULES):
            return True
    return False


def unsets_modes(setting: Setting) -> bool:
    """Whether a boot command line has `nomodeset`, with which amdgpu is loaded and leaves the card alone."""
    return "nomodeset" in _unquoted(setting.text)


def type_of(option: Option, parameters: tuple[str, ...]) -> str:
    """The type that the module gives the parameter; empty where it has none of that name."""
    for parameter in parameters:
        name, _, kind = parameter.partition(":")
        if is_same(name, option.name):
            return kind or "charp"
    return ""


def fits(value: str | None, kind: str) -> bool:
    """Whether the kernel takes *value* for a parameter of type *kind*; a type that is not known here takes all."""
    if kind in _BOOLEANS:
        return value is None or _TRUTH.match(value) is not None
    if value is None:
        return False
    if kind.startswith("array of "):
        return all(fits(one, kind.removeprefix("array of ")) for one in value.split(","))
    return _fits_number(value, *_BITS[kind]) if kind in _BITS else True


def _fits_number(value: str, bits: int, is_signed: bool) -> bool:
    match = _NUMBER.fullmatch(value)
    if match is None or (match[1] == "-" and not is_signed):
        return False
    digits = match[2]
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits.startswith("0") else 10
    number = int(digits, base) * (-1 if match[1] == "-" else 1)
    return -(1 << bits - 1) <= number < 1 << bits - 1 if is_signed else number < 1 << bits


def _option(module: str, word: str) -> Option:
    name, equals, value = word.partition("=")
    return Option(module, name, value.strip('"') if equals else None)


def _of_modules(text: str) -> Iterator[tuple[str, str]]:
    for word in _unquoted(text):
        module, point, rest = word.partition(".")
        found = next((one for one in MODULES if is_same(one, module)), "")
        if point and found and rest:
            yield found, rest


def _unquoted(text: str) -> list[str]:
    """The words of a command line, also where the line is `GRUB_CMDLINE_LINUX="quiet amdgpu.dc=0"`."""
    _, _, inner = text.partition('="') if re.match(r'\w+="', text) else ("", "", text)
    return re.split(r"[\s\"']+", inner.strip())


def is_same(one: str, other: str) -> bool:
    """Whether two names of modules or parameters are one. The kernel takes `-` and `_` for the same."""
    return one.replace("-", "_") == other.replace("-", "_")
