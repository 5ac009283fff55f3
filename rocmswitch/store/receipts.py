"""The two files in a tree's `.rocmswitch` folder, to and from bytes.

Commands at a prompt read receipts: this imports json and nothing that is slower.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rocmswitch.errors import Failed, VerificationFailed
from rocmswitch.model.activation import Activation, Assignment, CardVariable
from rocmswitch.model.receipt import RECEIPT_SCHEMA, InstalledPackage, LeftOut, Receipt, SourceRecord
from rocmswitch.system.reading import read_regular

if TYPE_CHECKING:
    from rocmswitch.model.fileentry import FileEntry

FOLDER = ".rocmswitch"
RECEIPT = "receipt.json"
FILES = "files.json"
TREES = ".trees"
"""The folder beside published names that has the trees."""

_Record = TypeVar("_Record")
_TREE = r"(?P<name>.+)-[0-9a-f]{12}"


def receipt_path(tree: Path) -> Path:
    return tree / FOLDER / RECEIPT


def files_path(tree: Path) -> Path:
    return tree / FOLDER / FILES


def stack_of(tree: str) -> str:
    """The NAME in the name of a tree, NAME-<12 hex>; empty where *tree* is no such name."""
    match = re.fullmatch(_TREE, tree)
    return match["name"] if match else ""


def unnamed_trees(links: Path) -> tuple[str, ...]:
    """The whole trees below *links* that no name means, sorted. Quick: reads no receipt."""
    trees = links / TREES
    if not trees.is_dir():
        return ()
    with os.scandir(links) as entries:
        named = {os.path.basename(os.readlink(one)) for one in entries if one.is_symlink()}  # noqa: PTH115, PTH119
    found = (name for name in os.listdir(trees) if name not in named and stack_of(name))  # noqa: PTH208
    return tuple(sorted(name for name in found if receipt_path(trees / name).exists()))


def read_receipt(tree: Path) -> Receipt:
    """The receipt of *tree*, which may be the published symlink.

    Raises VerificationFailed where it is missing or garbled, Failed where a newer rocmswitch wrote it.
    """
    try:
        return parse_receipt(read_regular(receipt_path(tree)))
    except (OSError, _Garbled) as error:
        raise VerificationFailed(f"the receipt of `{tree}` cannot be read ({error})", hint=_repair(tree)) from error
    except _OtherSchema as error:
        raise Failed(f"the receipt of `{tree}` {error}", hint=_repair(tree)) from error


def read_files(tree: Path) -> tuple[FileEntry, ...]:
    """Every path of *tree*, sorted. Raises VerificationFailed where the list is not the one of the receipt."""
    import hashlib

    receipt = read_receipt(tree)
    try:
        content = read_regular(files_path(tree))
        if hashlib.sha256(content).hexdigest() != receipt.files_sha256:
            raise _Garbled("it is not the one that the receipt names")
        return parse_files(content)
    except (OSError, _Garbled) as error:
        raise VerificationFailed(
            f"the list of files of `{tree}` cannot be read ({error})", hint=_repair(tree)
        ) from error


def packages_named(tree: Path) -> frozenset[str]:
    """Names of the packages that have files in *tree*, by its list alone; empty where that cannot be read.

    For who has lost the receipt. Nothing vouches for the list then: it may say what to look for, not what to trust.
    """
    try:
        return frozenset(entry.package for entry in parse_files(read_regular(files_path(tree))) if entry.package)
    except (OSError, ValueError):
        return frozenset()


def encode_receipt(receipt: Receipt) -> bytes:
    return json.dumps(asdict(receipt), indent=1).encode("ascii") + b"\n"


def parse_receipt(content: bytes) -> Receipt:
    """The inverse of `encode_receipt`. Keys that this version does not know are passed over.

    Raises ValueError, of its own kind where another version wrote it.
    """
    data = _object(_loads(content))
    if data.get("schema") != RECEIPT_SCHEMA:
        raise _OtherSchema(f"has schema {data.get('schema')!r}, and this rocmswitch reads {RECEIPT_SCHEMA}")
    nested = {
        "sets": _texts(data.get("sets", [])),
        "host": _texts(data.get("host", [])),
        "relied_on": _texts(data.get("relied_on", [])),
        "notes": _texts(data.get("notes", [])),
        "pins": _texts(data.get("pins", [])),
        "libraries": _texts(data.get("libraries", [])),
        "packages": tuple(_record(InstalledPackage, one) for one in _list(data.get("packages", []))),
        "gpus": _texts(data.get("gpus", [])),
        "left_out": tuple(_record(LeftOut, one) for one in _list(data.get("left_out", []))),
        "sources": tuple(_record(SourceRecord, one) for one in _list(data.get("sources", []))),
        "activation": _activation(_object(data.get("activation", {}))),
    }
    return _record(Receipt, data, nested)


def encode_files(entries: Iterable[FileEntry]) -> bytes:
    """A JSON array with one entry on each line; what has its default value is left out, modes are octal text."""
    lines = []
    for entry in entries:
        said = {key: value for key, value in vars(entry).items() if value != "" and key != "size"}
        if entry.kind == "file":
            said["size"] = entry.size
        lines.append(json.dumps(said | {"mode": f"{entry.mode:04o}"}, separators=(",", ":")))
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode("ascii")


def parse_files(content: bytes) -> tuple[FileEntry, ...]:
    """The inverse of `encode_files`. Raises ValueError."""
    from rocmswitch.model.fileentry import FileEntry

    try:
        return tuple(FileEntry(**one | {"mode": int(one["mode"], 8)}) for one in _list(_loads(content)))
    except (TypeError, KeyError, ValueError) as error:
        raise _Garbled(f"an entry is not one of a file: {error}") from error


class _Garbled(ValueError):
    """The bytes are no receipt and no list of files."""


class _OtherSchema(ValueError):
    """The bytes are for another version of rocmswitch."""


def _repair(tree: Path) -> str:
    return f"run `rocmswitch repair {stack_of(tree.name) or tree.name}`"


def _loads(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _Garbled(f"it is not JSON: {error}") from error


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """The names and types of a record's fields, asked once: `list` reads hundreds of records."""
    return tuple((field.name, str(field.type)) for field in fields(kind))


def _record(kind: type[_Record], value: object, nested: Mapping[str, object] | None = None) -> _Record:
    """A *kind* from the keys of *value* that it has fields for; `nested` are those that are no plain value."""
    data = _object(value)
    known: dict[str, object] = dict(nested or {})
    for name, wanted in _fields(kind):  # type: ignore[arg-type]  # a class is hashable, which mypy does not know
        if name in data and name not in known:
            known[name] = data[name]
            if type(data[name]).__name__ != wanted:
                raise _Garbled(f"`{name}` is not a {wanted}")
    try:
        return kind(**known)
    except TypeError as error:
        raise _Garbled(f"a key is missing: {error}") from error


def _activation(data: Mapping[str, object]) -> Activation:
    assignments = tuple(_record(Assignment, one) for one in _list(data.get("assignments", [])))
    paths = []
    for pair in _list(data.get("paths", [])):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise _Garbled("`paths` is not made of pairs")
        paths.append((pair[0], _texts(pair[1])))
    cards = tuple(_record(CardVariable, one) for one in _list(data.get("cards", [])))
    return Activation(assignments, tuple(paths), cards, _texts(data.get("unset", [])))


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _Garbled("an object was expected")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _Garbled("a list was expected")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not all(isinstance(one, str) for one in _list(value)):
        raise _Garbled("a list of text was expected")
    return tuple(_list(value))
