"""Pages of Python package indexes, as PyPI, download.pytorch.org and small mirrors write them."""

from __future__ import annotations

import json

import pytest

from rocmswitch.errors import RocmswitchError
from rocmswitch.metadata.wheelindex import IndexedFile, parse_index, project_page
from rocmswitch.model.package import Digest

PAGE = "https://index.example/simple/torch/"
HASH = "ab" * 32
WHEEL = "torch-2.6.0+rocm6.2.4-cp311-cp311-manylinux_2_28_x86_64.whl"


def as_html(*anchors: str, head: str = "") -> bytes:
    return f"<!DOCTYPE html><html><head>{head}</head><body>{'<br/>'.join(anchors)}</body></html>".encode()


def as_json(*files: dict[str, object], version: str = "1.1") -> bytes:
    return json.dumps({"meta": {"api-version": version}, "name": "torch", "files": files}).encode()


def test_a_link_gives_name_address_hash_and_what_its_attributes_say() -> None:
    escaped = WHEEL.replace("+", "%2B")
    page = as_html(f'<a href="/whl/{escaped}#sha256={HASH}" data-requires-python="&gt;=3.9" data-yanked>x</a>')

    found = parse_index(page, PAGE)

    assert found == {WHEEL: IndexedFile(WHEEL, f"https://index.example/whl/{escaped}", Digest.sha256(HASH), None)}


def test_json_gives_the_size_too() -> None:
    entry = {
        "filename": WHEEL,
        "url": "../../files/x.whl",
        "hashes": {"sha256": HASH, "md5": "1"},
        "size": 17,
        "requires-python": ">=3.9",
        "yanked": False,
    }

    found = parse_index(as_json(entry), PAGE)

    url = "https://index.example/files/x.whl"
    assert found == {WHEEL: IndexedFile(WHEEL, url, Digest.sha256(HASH), 17)}


def test_a_file_without_a_sha256_has_no_digest() -> None:
    page = as_html('<a href="a.whl#md5=123">a</a>', '<a href="b.whl">b</a>')

    assert [one.digest for one in parse_index(page, PAGE).values()] == [None, None]


def test_links_are_relative_to_the_page_or_to_its_base() -> None:
    plain = parse_index(as_html('<a href="a.whl">a</a>'), PAGE)
    based = parse_index(as_html('<a href="a.whl">a</a>', head='<base href="/files/">'), PAGE)

    assert [one["a.whl"].url for one in (plain, based)] == [f"{PAGE}a.whl", "https://index.example/files/a.whl"]


def test_an_empty_page_offers_nothing() -> None:
    assert (parse_index(as_html(), PAGE), parse_index(as_json(), PAGE)) == ({}, {})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not found",
        b"\xff\xfe\x00",
        b"{",
        b"{}",
        b'{"meta": 1}',
        as_json(version="2.0"),
        as_json({"url": "x"}),
        as_json({"filename": "a", "url": "a", "hashes": 3}),
        as_html('<a href="http://[::1/a.whl">a</a>'),
    ],
)
def test_what_is_no_index_page_is_refused_with_its_address(content: bytes) -> None:
    with pytest.raises(RocmswitchError, match=f"^`{PAGE}` is not a page of a Python package index"):
        parse_index(content, PAGE)


def test_a_hash_that_is_none_is_refused() -> None:
    with pytest.raises(RocmswitchError, match="is not a sha256 hash"):
        parse_index(as_html('<a href="a.whl#sha256=123">a</a>'), PAGE)


def test_a_project_is_asked_for_by_its_normalised_name() -> None:
    assert (
        project_page("https://index.example/simple/", "Hip_Python.X")
        == "https://index.example/simple/hip-python-x/"
    )


def test_a_page_nested_without_end_is_refused() -> None:
    with pytest.raises(RocmswitchError, match="is not a page of a Python package index"):
        parse_index(b'{"files":' + b"[" * 100_000, PAGE)
