"""The journal of a change: what it may have touched, in records that vouch for themselves.

One record is one line: the first 16 hex digits of the SHA-256 of the rest, a space, one JSON object. A journal is
replaced whole, so no line can be torn; one that is, or that says what no change of ours says, is never acted upon.
A change passes three stages, each of which adds a record for every path:

    begin, step…          what may get a file beside it; nothing is replaced yet
    … ready…              what stood there, where its bytes are saved, and what is about to take its place
    … placed…, done       complete: the record of a generation

A record may have no step: begin, done. So is noted what changed no file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar

from rocmswitch.errors import Failed, VerificationFailed
from rocmswitch.model.deployment import (
    ABSENT,
    FILE,
    GENERATION_SCHEMA,
    LINK,
    FileState,
    Generation,
    Intent,
    Seen,
    Step,
)

_CHECK = 16
_SAVED = re.compile(r"(\d+\.(before|after))?")
_TEMPORARY = re.compile(r"(\.[^/\0]+\.new)?")
_KINDS = {ABSENT, FILE, LINK}
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Touched:
    """A path that a change is about, and the name beside it that the new file gets until it takes its place."""

    root: str
    path: str
    seen: Seen
    temporary: str = ""
    """Empty where nothing is replaced: what stands there is adopted."""
    source: str = ""


@dataclass(frozen=True)
class Ready:
    """What a path holds before and after. `saved` and `kept` are names in the generation's folder, or empty."""

    before: FileState
    after: FileState
    saved: str = ""
    kept: str = ""
    written: Seen = Seen()
    """The file beside, complete."""


@dataclass(frozen=True)
class Journal:
    """A change, as far as it has come. `ready` and `placed` are empty or have one entry for each step."""

    number: int
    created: str
    intent: Intent
    steps: tuple[Touched, ...]
    ready: tuple[Ready, ...] = ()
    placed: tuple[Seen, ...] = ()
    interrupted: bool = False

    def generation(self) -> Generation:
        """What is recorded of it for good, once it is done."""
        steps = tuple(
            Step(one.root, one.path, ready.before, ready.after, ready.saved, ready.kept, one.source, placed)
            for one, ready, placed in zip(self.steps, self.ready, self.placed, strict=True)
        )
        return Generation(self.number, self.created, self.intent, steps, self.interrupted)


def encode_journal(journal: Journal) -> bytes:
    return b"".join(_line(record) for record in _records(journal))


def parse_journal(content: bytes, file: str, *, done: bool = False) -> Journal:
    """The inverse of `encode_journal`; *done* where it must have come to its end.

    Raises VerificationFailed, which names *file*, where it is garbled, Failed where a newer rocmswitch wrote it.
    """
    try:
        journal = _journal([_read_line(line) for line in content.splitlines(keepends=True)])
        if done and not _is_done(journal):
            raise _Garbled("it does not come to an end")
    except _Garbled as error:
        raise VerificationFailed(f"`{file}` cannot be read ({error})") from error
    except _OtherSchema as error:
        raise Failed(f"`{file}` was written by another rocmswitch ({error})") from error
    return journal


@dataclass(frozen=True)
class Fragments:
    """What the lines of a damaged journal say that still vouch for themselves: to be told, never acted upon."""

    number: int
    """0 where it is damaged."""
    intent: Intent | None
    steps: Mapping[int, Touched]
    is_more: bool
    """Whether there may be steps whose lines are damaged."""


def read_fragments(content: bytes) -> Fragments:
    """Of whatever *content* is. Raises nothing."""
    records = [record for line in content.splitlines(keepends=True) if (record := _vouched(line))]
    begin = next((one for one in records if one.get("record") == "begin"), {})
    steps = {}
    for record in records:
        with contextlib.suppress(_Garbled):
            step = _part(record.get("step"), Touched)
            if is_plain(step.root, step.path) and _TEMPORARY.fullmatch(step.temporary):
                steps[_part(record.get("index"), int)] = step
    number, intent = 0, None
    with contextlib.suppress(_Garbled):
        number, intent = _part(begin.get("number"), int), _part(begin.get("intent"), Intent)
    return Fragments(number, intent, steps, begin.get("steps") != len(steps))


def is_plain(root: str, path: str) -> bool:
    """Whether *root* is an absolute folder and *path* leads below it, both written plainly and without `..`."""
    above, below = PurePosixPath(root), PurePosixPath(path)
    return (
        root.startswith("/")
        and not root.startswith("//")
        and not below.is_absolute()
        and (str(above), str(below)) == (root, path)
        and path != "."
        and ".." not in (*above.parts, *below.parts)
        and "\0" not in root + path
    )


class _Garbled(ValueError):
    """The bytes are no journal of ours."""


class _OtherSchema(ValueError):
    """The bytes are for another version of rocmswitch."""


def _is_done(journal: Journal) -> bool:
    return bool(journal.placed) or journal.interrupted or not journal.steps


def _records(journal: Journal) -> Iterator[dict[str, Any]]:
    begin = {"number": journal.number, "created": journal.created, "steps": len(journal.steps)}
    yield {"record": "begin", "schema": GENERATION_SCHEMA, **begin, "intent": _said(journal.intent)}
    for kind, parts in (("step", journal.steps), ("ready", journal.ready), ("placed", journal.placed)):
        yield from ({"record": kind, "index": index, kind: _said(part)} for index, part in enumerate(parts))
    if _is_done(journal):
        yield {"record": "done", "interrupted": journal.interrupted}


def _said(value: Any) -> Any:
    """*value* in what JSON has; what is as the class says by default is left out."""
    if isinstance(value, tuple):
        return [_said(one) for one in value]
    if not is_dataclass(value):
        return value
    named = ((field, getattr(value, field.name)) for field in fields(value))
    return {field.name: _said(part) for field, part in named if part != field.default}


def _line(record: dict[str, Any]) -> bytes:
    text = json.dumps(record, separators=(",", ":")).encode("ascii")
    return _checked(text) + b" " + text + b"\n"


def _checked(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_CHECK].encode("ascii")


def _vouched(line: bytes) -> dict[str, Any]:
    """Empty where the line is damaged."""
    try:
        return _read_line(line)
    except _Garbled:
        return {}


def _read_line(line: bytes) -> dict[str, Any]:
    check, space, text = line.partition(b" ")
    if not space or not text.endswith(b"\n") or check != _checked(text[:-1]):
        raise _Garbled("a line is damaged")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _Garbled("a line is not JSON") from error
    if not isinstance(record, dict):
        raise _Garbled("a line is no record")
    return record


def _journal(records: list[dict[str, Any]]) -> Journal:
    begin = records[0] if records else {}
    if begin.get("record") != "begin":
        raise _Garbled("it has no beginning")
    if begin.get("schema") != GENERATION_SCHEMA:
        raise _OtherSchema(f"its schema is {begin.get('schema')!r}, and this one reads {GENERATION_SCHEMA}")
    steps = _parts(records, "step", Touched)
    ready = _parts(records, "ready", Ready)
    placed = _parts(records, "placed", Seen)
    last = records[-1] if records[-1].get("record") == "done" else {}
    journal = Journal(
        _part(begin.get("number"), int),
        _part(begin.get("created"), str),
        _part(begin.get("intent"), Intent),
        steps,
        ready,
        placed,
        _part(last.get("interrupted", False), bool),
    )
    _check_stage(journal, _part(begin.get("steps"), int), is_ended=bool(last))
    _check_steps(journal)
    if [*_records(journal)] != records:
        raise _Garbled("a record is out of its place")
    return journal


def _parts(records: list[dict[str, Any]], kind: str, wanted: type[_Part]) -> tuple[_Part, ...]:
    return tuple(_part(one.get(kind), wanted) for one in records if one.get("record") == kind)


def _part(value: object, wanted: type[_Part]) -> _Part:
    import msgspec  # here, because commands that only ask whether a journal is open need none

    try:
        return msgspec.convert(value, wanted)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _Garbled(str(error)) from error


def _check_stage(journal: Journal, count: int, *, is_ended: bool) -> None:
    counts = (len(journal.steps), len(journal.ready), len(journal.placed))
    stages = ((count, 0, 0, False), (count, count, 0, False), (count, count, count, True))
    if journal.number < 1 or (*counts, is_ended) not in stages:
        raise _Garbled("a record is missing")


def _check_steps(journal: Journal) -> None:
    """What a hostile journal could lead to is refused: another folder, another name."""
    for step in journal.steps:
        if not is_plain(step.root, step.path) or not _TEMPORARY.fullmatch(step.temporary):
            raise _Garbled(f"`{step.path!a}` below `{step.root!a}` is no path of a change")
    for ready in journal.ready:
        if not _SAVED.fullmatch(ready.saved) or not _SAVED.fullmatch(ready.kept):
            raise _Garbled("what it saved has no name of ours")
    seen = [step.seen for step in journal.steps] + [ready.written for ready in journal.ready] + [*journal.placed]
    states = [state for ready in journal.ready for state in (ready.before, ready.after)]
    if not {one.kind for one in seen} | {one.kind for one in states} <= _KINDS:
        raise _Garbled("something stands there that is no file and no link")
