"""Whatever a package may contain, its list of files is read as it was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from rocmswitch.model.activation import Activation, Assignment, CardVariable
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.receipts import encode_files, encode_receipt, parse_files, parse_receipt

TEXT = some.text(some.characters(codec=None), max_size=20)
"""Lone surrogates too: that is how Python holds file names that are not UTF-8."""
FILES = some.builds(
    FileEntry,
    path=TEXT.filter(bool),
    kind=some.just("file"),
    mode=some.integers(0, 0o7777),
    size=some.integers(0, 2**63),
    sha256=TEXT,
    target=TEXT,
    package=TEXT,
    original_sha256=TEXT,
    original_target=TEXT,
    reason=TEXT,
)
LINKS = some.builds(FileEntry, path=TEXT.filter(bool), kind=some.just("link"), mode=some.just(0o777), target=TEXT)


@given(some.lists(FILES | LINKS))
def test_any_list_of_files_is_read_as_it_was_written(files: list[FileEntry]):
    assert parse_files(encode_files(files)) == tuple(files)


@given(TEXT, some.lists(TEXT), some.integers(0, 2**63))
def test_any_text_in_a_receipt_is_read_as_it_was_written(text: str, texts: list[str], size: int):
    receipt = Receipt("prefix", text, text, text, text, text, host=tuple(texts), notes=(text,), size=size)

    assert parse_receipt(encode_receipt(receipt)) == receipt


ACTIVATIONS = some.builds(
    Activation,
    assignments=some.tuples(some.builds(Assignment, name=TEXT, value=TEXT, under_root=some.booleans())),
    paths=some.tuples(some.tuples(TEXT, some.lists(TEXT).map(tuple))),
    cards=some.lists(some.builds(CardVariable, gpu=TEXT, name=TEXT, value=TEXT, profile=TEXT)).map(tuple),
    unset=some.lists(TEXT).map(tuple),
)


@given(ACTIVATIONS)
def test_any_activation_in_a_receipt_is_read_as_it_was_written(activation: Activation):
    receipt = Receipt("venv", "demo", "demo", "1", "demo-0", "", activation=activation)

    assert parse_receipt(encode_receipt(receipt)) == receipt


@given(some.binary(max_size=200))
def test_any_bytes_are_a_receipt_or_a_value_error(content: bytes):
    try:
        receipt = parse_receipt(content)
    except ValueError:
        return
    assert parse_receipt(encode_receipt(receipt)) == receipt
