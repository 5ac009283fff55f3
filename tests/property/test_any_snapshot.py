"""The manifest and the attributes of any snapshot are read back as they were written, and nothing else is."""

from __future__ import annotations

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rocmswitch.errors import RocmswitchError, VerificationFailed
from rocmswitch.metadata.snapshot import (
    ATTRIBUTES,
    FILES,
    can_be_listed,
    encode_attributes,
    encode_manifest,
    parse_manifest,
    parse_snapshot,
    seal_of,
)
from rocmswitch.model.deployment import FILE, FileState
from rocmswitch.model.snapshot import Snapshot, SnapshotFile

NAMES = (
    some.binary(min_size=1, max_size=20)
    .map(os.fsdecode)
    .filter(lambda name: name not in (".", "..") and "/" not in name and can_be_listed(name))
)
PATHS = some.lists(NAMES, min_size=1, max_size=4).map("/".join)
NUMBERS = some.integers(0, 2**40)
HASHES = some.binary(min_size=1, max_size=4).map(lambda content: hashlib.sha256(content).hexdigest())
STATES = some.builds(
    FileState,
    some.just(FILE),
    HASHES,
    NUMBERS,
    some.integers(0, 0o7777),
    NUMBERS,
    NUMBERS,
    some.integers(-(2**60), 2**60),
    some.dictionaries(some.text(max_size=8), some.text(max_size=8), max_size=2).map(
        lambda found: tuple(sorted(found.items()))
    ),
)
FILES_FOUND = some.dictionaries(PATHS, some.tuples(STATES, some.text(max_size=20)), max_size=5).map(
    lambda found: tuple(SnapshotFile(path, *rest) for path, rest in sorted(found.items()))
)
SNAPSHOTS = some.builds(
    Snapshot,
    some.integers(1, 9),
    some.text(max_size=10),
    some.text(max_size=10),
    some.lists(some.text(max_size=10), max_size=3).map(tuple),
    FILES_FOUND,
    some.dictionaries(PATHS, some.text(max_size=10), max_size=3).map(lambda found: tuple(found.items())),
)


def _written(one: Snapshot) -> tuple[bytes, bytes]:
    attributes = encode_attributes(one)
    hashes = {f"{FILES}/{file.path}": file.state.sha256 for file in one.files}
    return encode_manifest({**hashes, ATTRIBUTES: hashlib.sha256(attributes).hexdigest()}), attributes


@given(SNAPSHOTS)
def test_any_snapshot_is_read_back(one: Snapshot):
    assert parse_snapshot(one.number, *_written(one)) == one


@given(SNAPSHOTS, some.data())
def test_any_other_attributes_are_refused(one: Snapshot, data: some.DataObject):
    manifest, attributes = _written(one)
    at = data.draw(some.integers(0, len(attributes) - 1))
    changed = attributes[:at] + bytes([attributes[at] ^ 1]) + attributes[at + 1 :]

    with pytest.raises(VerificationFailed):
        parse_snapshot(one.number, manifest, changed)


@given(some.binary(max_size=200), some.binary(max_size=200))
def test_whatever_lies_there_it_ends_in_words(manifest: bytes, attributes: bytes):
    line = f"{hashlib.sha256(attributes).hexdigest()}  {ATTRIBUTES}\n".encode()

    for one in (manifest, line):
        with pytest.raises(RocmswitchError):
            parse_snapshot(1, one, attributes)


@given(some.dictionaries(PATHS, HASHES, max_size=5))
def test_any_manifest_is_read_back_and_its_seal_is_its_own(hashes: dict[str, str]):
    content = encode_manifest(hashes)

    assert parse_manifest(content) == hashes
    assert seal_of(content) != seal_of(content + b"x")
