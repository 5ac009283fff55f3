"""Whatever is changed, its journal is read as it was written; whatever becomes of the bytes, it is noticed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as some

from rocmswitch.errors import Failed, VerificationFailed
from rocmswitch.metadata.journal import Journal, Ready, Touched, encode_journal, parse_journal
from rocmswitch.model.deployment import FileState, Intent, Place, Seen

TEXT = some.text(some.characters(codec=None), max_size=20)
"""Lone surrogates too: that is how Python holds file names that are not UTF-8."""
NAMES = some.text(some.characters(codec=None, exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)
KINDS = some.sampled_from(["absent", "file", "link"])
NUMBERS = some.integers(0, 2**63 - 1)
SEEN = some.builds(
    Seen, KINDS, device=NUMBERS, inode=NUMBERS, size=NUMBERS, modified=some.integers(-(2**62), 2**62), target=TEXT
)
STATES = some.builds(
    FileState,
    KINDS,
    sha256=TEXT,
    size=NUMBERS,
    mode=some.integers(0, 0o7777),
    owner=NUMBERS,
    modified=some.integers(-(2**62), 2**62),
    attributes=some.lists(some.tuples(TEXT, TEXT), max_size=3).map(tuple),
    target=TEXT,
)
TOUCHED = some.builds(
    Touched,
    root=some.lists(NAMES, max_size=3).map(lambda names: "/" + "/".join(names)),
    path=some.lists(NAMES, min_size=1, max_size=3).map("/".join),
    seen=SEEN,
    temporary=NAMES.map(lambda name: f".{name}.rocmswitch-1.new"),
    source=TEXT,
)
READY = some.builds(
    Ready,
    before=STATES,
    after=STATES,
    saved=some.sampled_from(["", "0.before"]),
    kept=some.sampled_from(["", "12.after"]),
    written=SEEN,
)
PLACES = some.builds(Place, TEXT, TEXT, TEXT, TEXT, NUMBERS, NUMBERS)
INTENTS = some.builds(
    Intent, TEXT, PLACES, TEXT, NUMBERS, some.lists(NUMBERS).map(tuple), some.lists(TEXT).map(tuple)
)


@some.composite
def journals(draw: some.DrawFn) -> Journal:
    steps = tuple(draw(some.lists(TOUCHED, min_size=1, max_size=4)))
    journal = Journal(draw(some.integers(1, 2**31)), draw(TEXT), draw(INTENTS), steps)
    stage = draw(some.integers(0, 2))
    if stage:
        journal = replace(journal, ready=tuple(draw(READY) for _ in steps))
    if stage == 2:
        journal = replace(journal, placed=tuple(draw(SEEN) for _ in steps), interrupted=draw(some.booleans()))
    return journal


@given(journals())
def test_any_journal_is_read_as_it_was_written(journal: Journal):
    assert parse_journal(encode_journal(journal), "open") == journal


@given(journals(), some.data())
def test_a_byte_that_became_another_is_noticed(journal: Journal, data: some.DataObject):
    content = bytearray(encode_journal(journal))
    position = data.draw(some.integers(0, len(content) - 1))
    content[position] ^= data.draw(some.integers(1, 255))

    assert _is_refused(bytes(content))


@given(journals(), some.data())
def test_a_journal_that_was_cut_anywhere_is_noticed_or_is_an_earlier_stage(journal: Journal, data: some.DataObject):
    content = encode_journal(journal)
    kept = content[: data.draw(some.integers(0, len(content) - 1))]

    assert _is_refused(kept) or encode_journal(parse_journal(kept, "open")) == kept


@given(some.binary(max_size=300))
def test_any_bytes_are_refused(content: bytes):
    assert _is_refused(content)


def _is_refused(content: bytes) -> bool:
    try:
        parse_journal(content, "open")
    except (VerificationFailed, Failed):
        return True
    return False
