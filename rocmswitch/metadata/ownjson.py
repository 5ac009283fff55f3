"""JSON that our programs write: one entry a line, so that people can compare two. Others may hand it on, so that
nothing in it is believed before it is checked, and nothing is shown that a terminal would obey.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from rocmswitch.errors import ManifestMistake, VerificationFailed
from rocmswitch.model.printable import printable
from rocmswitch.model.strict import Struct

Kind = TypeVar("Kind", bound=Struct)


def parse_lock_as(
    kind: type[Kind],
    text: bytes,
    file: str,
    check: Callable[[Kind], None],
    another: Callable[[bytes, str], ManifestMistake | None],
) -> Kind:
    """*text* as a lock of this *kind*. *check* raises ValueError or VerificationFailed for what types cannot say.

    Raises ManifestMistake, which names *file*, the key, and what is wrong there; where *another* kind of lock was
    meant, what that says.
    """
    try:
        lock = msgspec.json.decode(text, type=kind)
        check(lock)
    except RecursionError as error:
        raise ManifestMistake(f"{file}: it is nested too deeply") from error
    except (msgspec.MsgspecError, ValueError, VerificationFailed) as error:
        if said := of_another_version(text):
            raise ManifestMistake(f"{file}: it {said}") from error
        raise another(text, file) or ManifestMistake(f"{file}: {printable(str(error))}") from error
    return lock


class _Head(msgspec.Struct):
    schema: int


def of_another_version(text: bytes, known: int = 1) -> str:
    """The end of a sentence on *text*: that it is for another version of rocmswitch; empty where it is not."""
    try:
        found = msgspec.json.decode(text, type=_Head).schema
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return "" if found == known else f"has schema {found}, and this rocmswitch reads {known}"


def check_printable(value: Struct) -> None:
    """Raises ValueError where a terminal would obey a text in *value*."""
    if not all(text.isprintable() for text in _texts(msgspec.to_builtins(value))):
        raise ValueError("a control character stands in a value")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for one in pair for text in _texts(one))
    elif isinstance(value, (list, tuple)):
        yield from (text for one in value for text in _texts(one))


def rendered(content: Mapping[str, Any], *lists: str) -> bytes:
    """The text of *content*: a key a line, and at the end its *lists*, an entry a line."""
    head = "".join(f"  {_json(key)}: {_json(one)},\n" for key, one in content.items() if key not in lists)
    rows = {key: ",\n".join(f"    {_json(one)}" for one in content[key]) for key in lists}
    body = ",\n".join(f'  "{key}": [\n{lines}\n  ]' for key, lines in rows.items())
    return f"{{\n{head}{body}\n}}\n".encode()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
