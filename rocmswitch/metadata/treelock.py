"""The lock of installed prefixes: every package with its hash and where it was, so that another machine gets the
same bytes, whatever its indexes say.

JSON like the other locks, one package a line and sorted. What an environment's lock has is in another kind of file
(`wheellock`): they are made for different commands, and one may be given away without the other.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from rocmswitch.errors import ManifestMistake
from rocmswitch.metadata.lockkinds import is_of_environment
from rocmswitch.metadata.ownjson import check_printable, parse_lock_as
from rocmswitch.model.grammar import GPU, check_environment, is_name, is_plain_path
from rocmswitch.model.package import Digest
from rocmswitch.model.source import SET_NAMES
from rocmswitch.model.strict import Struct

SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes. 200 packages take 100 kB."""
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[^\s?#@\\]*")
_PLACES = ("rocm", "base")


class LockedFile(Struct, frozen=True):
    """One package. Sizes are bytes; `place` is `rocm` or `base`, as in a receipt; `urls` the best first."""

    name: str
    version: str
    file: str
    size: int
    sha256: str
    urls: tuple[str, ...]
    place: str = "rocm"
    installed_size: int = 0


class LockedIndex(Struct, frozen=True):
    """Where the packages were found and who had signed for them: for people, nothing is taken from it."""

    url: str
    suite: str = ""
    date: str = ""
    fingerprint: str = ""
    sha256: str = ""
    kind: str = "apt"


class LockedVariable(Struct, frozen=True):
    """A variable of single cards."""

    gpu: str
    name: str
    value: str
    profile: str = ""


class LockedTree(Struct, frozen=True):
    """One prefix. `tree` is the name that its content gives it, `host` what was left to the machine."""

    stack: str
    version: str
    tree: str
    root: str
    packages: tuple[LockedFile, ...]
    sets: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    cards: tuple[LockedVariable, ...] = ()
    host: tuple[str, ...] = ()
    sources: tuple[LockedIndex, ...] = ()
    manifest_sha256: str = ""


class TreeLock(Struct, frozen=True):
    """Prefixes, by name of their stack."""

    schema: Literal[1]
    prefixes: tuple[LockedTree, ...]


def parse_tree_lock(text: bytes, file: str) -> TreeLock:
    """Read a lock. Raises ManifestMistake, which names *file*, the key, and what is wrong there."""
    if len(text) > SIZE_LIMIT:
        raise ManifestMistake(f"{file}: a lock of more than {SIZE_LIMIT} bytes is not read")
    return parse_lock_as(TreeLock, text, file, _check, is_of_environment)


def render_tree_lock(lock: TreeLock) -> bytes:
    """The text of *lock*; parsing it gives the same lock again."""
    trees = ",\n".join(_rendered(one) for one in sorted(lock.prefixes, key=lambda one: one.stack))
    return f'{{\n  "schema": {lock.schema},\n  "prefixes": [\n{trees}\n  ]\n}}\n'.encode()


def _rendered(tree: LockedTree) -> str:
    content = msgspec.to_builtins(tree)
    packages = sorted(content.pop("packages"), key=lambda one: (str(one["name"]), str(one["sha256"])))
    values = ((json.dumps(key), json.dumps(one, ensure_ascii=False)) for key, one in content.items())
    head = "".join(f"      {key}: {value},\n" for key, value in values)
    lines = ",\n".join(f"        {json.dumps(one, ensure_ascii=False)}" for one in packages)
    return f'    {{\n{head}      "packages": [\n{lines}\n      ]\n    }}'


def _check(lock: TreeLock) -> None:
    """Raise ValueError or VerificationFailed for what the types cannot say."""
    check_printable(lock)
    names = [one.stack for one in lock.prefixes]
    if not names or len(set(names)) != len(names):
        raise ValueError("no prefix is in it, or one is there twice")
    for one in lock.prefixes:
        _check_tree(one)


def _check_tree(tree: LockedTree) -> None:
    if not is_name(tree.stack) or not is_plain_path(tree.root):
        raise ValueError(f"`{tree.stack[:80]}` has no usable name or root")
    if not set(tree.sets) <= set(SET_NAMES) or not all(GPU.fullmatch(one) for one in tree.gpus):
        raise ValueError(f"`{tree.stack}` has a set or a card that there is not")
    check_environment(tree.environment, ("environment",))
    for card in tree.cards:
        check_environment({card.name: card.value}, ("cards",))
    for number, package in enumerate(tree.packages):
        where = f"`packages[{number}]` (`{package.name[:80]}`) of `{tree.stack}`"
        Digest.sha256(package.sha256)
        if package.place not in _PLACES or package.size < 0 or package.installed_size < 0:
            raise ValueError(f"{where} has no usable place or size")
        if not _is_file(package.file) or not package.urls or not all(map(_ADDRESS.fullmatch, package.urls)):
            raise ValueError(f"{where} has no usable file name or address")


def _is_file(text: str) -> bool:
    return bool(text) and not text.startswith("/") and ".." not in PurePosixPath(text).parts
