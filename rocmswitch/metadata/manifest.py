"""A manifest's YAML to a Stack; every mistake names its file, line and key.

YAML is read as data of the plainest kind: one document of mappings, lists and scalars. What makes YAML
dangerous or ambiguous (anchors, aliases, merge keys, tags, unquoted numbers, dates and yes/no) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import msgspec
import yaml

from rocmswitch.errors import ManifestMistake
from rocmswitch.model.grammar import WrongValue, parse_root
from rocmswitch.model.printable import printable
from rocmswitch.model.stack import Stack

__all__ = ["MANIFEST_SIZE_LIMIT", "parse_manifest", "parse_root"]

MANIFEST_SIZE_LIMIT = 256 * 1024
"""Bytes. The longest shipped manifest has under 20 kB."""
DEPTH_LIMIT = 12
"""Nested collections. The schema needs six."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
"""What YAML 1.1 allows in no place."""
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,8}")
_MISREAD = {"bool": "a truth value", "int": "a number", "float": "a number", "timestamp": "a date"}

Key = tuple[str | int, ...]

_Kind = TypeVar("_Kind")


@dataclass(frozen=True)
class _Document:
    """Plain values, and the line on which each key or list item stands."""

    file: str
    value: Any
    lines: dict[Key, int]

    def refuse(self, key: Key, message: str) -> NoReturn:
        line = next(self.lines[key[:end]] for end in range(len(key), -1, -1) if key[:end] in self.lines)
        _refuse(self.file, line, message, key)


def parse_manifest(text: bytes, file: str) -> Stack:
    """The stack that *text* pins. *file* is for messages. Raises ManifestMistake."""
    stack, document = read_as(text, file, Stack)
    for index, key in enumerate(stack.unverified):
        if _parse_path(key) not in document.lines:
            document.refuse(("unverified", index), f"there is no `{key}` in this manifest")
    return stack


def read_as(text: bytes, file: str, kind: type[_Kind]) -> tuple[_Kind, _Document]:
    """*text* as YAML of our strict kind, as a *kind*, and where everything stands. Raises ManifestMistake."""
    document = _read_document(text, file)
    try:
        return msgspec.convert(document.value, kind), document
    except msgspec.ValidationError as error:
        if kind is Stack:
            _check_schema(document)
        _explain(document, error)


def _read_document(text: bytes, file: str) -> _Document:
    if len(text) > MANIFEST_SIZE_LIMIT:
        _refuse(file, 1, f"a manifest has at most {MANIFEST_SIZE_LIMIT} bytes, this file has {len(text)}")
    try:
        content = text.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse(file, text.count(b"\n", 0, error.start) + 1, "this is not UTF-8 text")
    unprintable = _CONTROL.search(content)
    if unprintable:
        _refuse(file, content.count("\n", 0, unprintable.start()) + 1, "a control character stands in this line")
    try:
        _check_events(content, file)
        node = yaml.compose(content, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        _refuse(file, mark.line + 1 if mark else 1, f"this is not YAML: {problem}")
    if node is None:
        _refuse(file, 1, "the file is empty")
    lines: dict[Key, int] = {(): _line(node)}
    return _Document(file, _build(node, (), file, lines), lines)


def _check_events(content: str, file: str) -> None:
    """Refuse at the first sight, before anything is built, what can make a small file big or a value a surprise."""
    depth = documents = 0
    for event in yaml.parse(content, Loader=_LOADER):
        line = _line(event)
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if getattr(event, "anchor", None):
            _refuse(file, line, "anchors and aliases are not allowed: write the value where it belongs")
        if getattr(event, "tag", None):
            _refuse(file, line, "tags (`!`) are not allowed")
        if depth > DEPTH_LIMIT:
            _refuse(file, line, f"nested more than {DEPTH_LIMIT} levels deep")
        if documents > 1:
            _refuse(file, line, "one file holds one manifest")


def _build(node: yaml.Node, key: Key, file: str, lines: dict[Key, int]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return dict(_build_entries(node, key, file, lines))
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            child = (*key, index)
            lines[child] = _line(item)
            items.append(_build(item, child, file, lines))
        return items
    return _build_scalar(node, key, file)


def _build_entries(node: yaml.MappingNode, key: Key, file: str, lines: dict[Key, int]) -> Iterator[tuple[str, Any]]:
    for name_node, value_node in node.value:
        line = _line(name_node)
        if not isinstance(name_node, yaml.ScalarNode):
            _refuse(file, line, "a key is a word", key)
        name = name_node.value
        if name_node.tag != f"{_TAG}str":
            _refuse(file, line, f'the key `{name}` is not read as text: write "{name}"', key)
        child = (*key, name)
        if child in lines:
            _refuse(file, line, f"this key stands on line {lines[child]} already", child)
        lines[child] = line
        yield name, _build(value_node, child, file, lines)


def _build_scalar(node: yaml.Node, key: Key, file: str) -> str | int | bool:
    """Text, a plain decimal number, or true and false. What else YAML 1.1 sees (`no`, `1.10`) is refused."""
    kind, value, line = node.tag.removeprefix(_TAG), str(node.value), _line(node)
    if kind == "str":
        return value
    if kind == "bool" and value in ("true", "false"):
        return value == "true"
    if kind == "int" and _INTEGER.fullmatch(value):
        return int(value)
    if kind == "null":
        message = 'there is no value here; write "" for an empty one'
    else:
        message = f'YAML reads `{value}` as {_MISREAD.get(kind, "something else than text")}: write "{value}"'
    return _refuse(file, line, message, key)


def _check_schema(document: _Document) -> None:
    """What else is wrong with a manifest for another version of rocmswitch would be told of the wrong thing."""
    found = document.value.get("schema") if isinstance(document.value, dict) else None
    if isinstance(found, int) and found != 1:
        document.refuse(("schema",), f"it has schema {found}, and this rocmswitch reads 1")


def _explain(document: _Document, error: msgspec.ValidationError) -> NoReturn:
    """msgspec's sentence with our line; it names list items by number, but writes `[...]` for keys of a mapping."""
    message, _, path = str(error).partition(" - at `")
    key = _narrow(document.value, _parse_path(path.rstrip("`").removeprefix("$").lstrip(".")), str(error))
    if isinstance(error.__cause__, WrongValue):
        document.refuse((*key, *error.__cause__.key), message)
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", message, re.DOTALL)
    if unknown:
        document.refuse((*key, unknown[1]), "unknown key")
    missing = re.fullmatch(r"Object missing required field `(.*)`", message)
    if missing:
        document.refuse(key, f"the key `{missing[1]}` is missing")
    value = _at(document.value, key)
    if message.startswith("Invalid enum value"):
        document.refuse(key, f"`{str(value)[:80]}` is not one of {', '.join(_choices(key))}")
    document.refuse(key, _plain_words(message, value))


def _choices(key: Key) -> list[str]:
    """The words that the value at *key* may be."""
    kind: Any = msgspec.inspect.type_info(Stack)
    for part in key:
        kinds = getattr(kind, "types", (kind,))
        fields = [field.type for one in kinds for field in getattr(one, "fields", ()) if field.name == part]
        inner = [getattr(one, name) for one in kinds for name in ("item_type", "value_type") if hasattr(one, name)]
        kind = (fields + inner)[0]
    literal = next(one for one in getattr(kind, "types", (kind,)) if isinstance(one, msgspec.inspect.LiteralType))
    return [str(value) or '""' for value in literal.values]


def _plain_words(message: str, value: Any) -> str:
    found = re.fullmatch(r"Expected `(.*)`, got `(.*)`", message)
    if found is None:
        return message[:1].lower() + message[1:]
    expected, got = (text.replace("array", "list").replace("object", "mapping") for text in found.groups())
    if got in ("int", "bool") and "str" in expected:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f'YAML reads `{text}` as {_MISREAD[got]}: write "{text}"'
    return f"a value of type {expected} belongs here, not {got}"


def _narrow(value: Any, key: Key, message: str) -> Key:
    """*key* with each `...` replaced by the key that is meant: the one without which there is no such mistake."""
    while "..." in key:
        at = key.index("...")
        entries = _at(value, key[:at])
        culprit = next((name for name in entries if _fails_with(value, key[:at], name, message)), None)
        if culprit is None:
            return key[:at]
        key = (*key[:at], culprit, *key[at + 1 :])
    return key


def _fails_with(value: Any, key: Key, name: str, message: str) -> bool:
    """Whether the same mistake is made when *name* is the only entry of the mapping at *key*."""
    try:
        msgspec.convert(_with_only(value, key, name), Stack)
    except msgspec.ValidationError as error:
        return str(error) == message
    return False


def _with_only(value: Any, key: Key, name: str) -> Any:
    if not key:
        return {name: value[name]}
    changed = value.copy()
    changed[key[0]] = _with_only(value[key[0]], key[1:], name)
    return changed


def _at(value: Any, key: Key) -> Any:
    for part in key:
        value = value[part]
    return value


def _parse_path(path: str) -> Key:
    """`rocm.sources[0].kind` as a key; `[...]` stands for a key of a mapping that is not known yet."""
    parts = re.findall(r"([^.\[\]]+)|\[([0-9]+|\.\.\.)\]", path)
    return tuple(name or (int(index) if index.isdigit() else index) for name, index in parts)


def _line(part: Any) -> int:
    """Where an event or node of PyYAML begins, counted from 1."""
    return int(part.start_mark.line) + 1


def _refuse(file: str, line: int, message: str, key: Key = ()) -> NoReturn:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")
    shown = f"`{path[:200]}`: {message[:500]}" if key else message[:500]
    raise ManifestMistake(f"{file}:{line}: {printable(shown)}")
