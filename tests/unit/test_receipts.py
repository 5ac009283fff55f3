"""Receipts and lists of files as bytes."""

from __future__ import annotations

import json

import pytest

from rocmswitch.model.activation import Activation, Assignment
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import InstalledPackage, Receipt, SourceRecord
from rocmswitch.store.receipts import encode_files, encode_receipt, parse_files, parse_receipt, stack_of

RECEIPT = Receipt(
    kind="prefix",
    name="rocm-6.2.4",
    stack="rocm-6.2.4",
    version="6.2.4",
    tree="rocm-6.2.4-0123456789ab",
    created="2026-01-02T03:04:05Z",
    sets=("runtime", "compiler"),
    root="opt/rocm-6.2.4",
    packages=(InstalledPackage("hip", "6.2.4-1", "pool/h/hip.deb", 17, "ab" * 32, "signed", "base"),),
    host=("libc6 2.36-9",),
    relied_on=("libc6",),
    sources=(SourceRecord("https://repo.example", "jammy", "2026-01-01", "CA8B", "cd" * 32, True),),
    activation=Activation(
        (Assignment("HIP_PLATFORM", "amd"), Assignment("ROCM_PATH", "usr", True)), (("PATH", ("usr/bin",)),)
    ),
    size=4711,
    notes=('ünïcode `and` \\ "quotes"',),
)
FILES = (
    FileEntry("usr", "directory", 0o555),
    FileEntry("usr/bin/a \n\udcff", "file", 0o555, 0, "ef" * 32, package="hip"),
    FileEntry("usr/lib/x.so", "link", 0o777, target="x.so.1", original_target="/opt/x.so.1", reason="absolute"),
    FileEntry("usr/lib/x.so.1", "file", 0o444, 9, "ef" * 32, "", "hip", "01" * 32, "", "rpath"),
)


def test_a_receipt_is_read_as_it_was_written():
    assert parse_receipt(encode_receipt(RECEIPT)) == RECEIPT


def test_a_list_of_files_is_read_as_it_was_written_one_on_each_line():
    content = encode_files(FILES)

    assert parse_files(content) == FILES
    assert [json.loads(line.rstrip(b","))["path"] for line in content.splitlines()[1:-1]] == [
        one.path for one in FILES
    ]


def test_an_empty_list_of_files_is_a_list():
    assert parse_files(encode_files(())) == ()


def test_keys_of_a_later_version_are_passed_over():
    later = json.loads(encode_receipt(RECEIPT)) | {"colour": "red"}

    assert parse_receipt(json.dumps(later).encode()) == RECEIPT


@pytest.mark.parametrize("schema", [2, "1", None])
def test_another_schema_is_refused(schema: object):
    other = json.loads(encode_receipt(RECEIPT)) | {"schema": schema}

    with pytest.raises(ValueError, match=f"has schema {schema!r}, and this rocmswitch reads 1"):
        parse_receipt(json.dumps(other).encode())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 1),
        ("size", "4711"),
        ("size", True),
        ("sets", "runtime"),
        ("sets", [1]),
        ("packages", {}),
        ("packages", [{"name": "hip"}]),
        ("packages", ["hip"]),
        ("sources", [{"url": 1}]),
        ("activation", []),
        ("activation", {"paths": [["PATH"]]}),
        ("activation", {"assignments": [{"name": "A", "value": "b", "under_root": 1}]}),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(key: str, value: object):
    wrong = json.loads(encode_receipt(RECEIPT)) | {key: value}

    with pytest.raises(ValueError):
        parse_receipt(json.dumps(wrong).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"schema": 1}', b"[" * 100_000])
def test_bytes_that_are_no_receipt_are_refused(content: bytes):
    with pytest.raises(ValueError):
        parse_receipt(content)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b'[{"path":"a"}]', b'[{"path":"a","kind":"file","mode":5}]']
)
def test_bytes_that_are_no_list_of_files_are_refused(content: bytes):
    with pytest.raises(ValueError):
        parse_files(content)


def test_the_name_of_a_tree_tells_the_stack():
    assert stack_of("rocm-6.2.4-0123456789ab") == "rocm-6.2.4"
    assert stack_of("rocm-6.2.4") == ""
    assert stack_of("-0123456789ab") == ""
