"""A project's page of a Python package index: PEP 691 (JSON), or PEP 503 (HTML, hashes in the fragments)."""

from __future__ import annotations

import html.parser
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from rocmswitch.errors import Failed
from rocmswitch.model.package import Digest

_METADATA = frozenset({"data-core-metadata", "data-dist-info-metadata"})


@dataclass(frozen=True)
class IndexedFile:
    """One file that an index offers."""

    filename: str
    url: str
    digest: Digest | None
    """SHA-256 where the index states it; others are not kept."""
    size: int | None
    """Bytes; HTML pages do not say."""
    metadata: bool = False
    """Its core metadata is a file beside it, `URL.metadata` (PEP 658, PEP 714)."""


def parse_index(content: bytes, url: str) -> dict[str, IndexedFile]:
    """The files that the page at *url* offers, by name. Which of the two forms it has is seen from its start.

    A file without a usable name or address is passed over. Raises Failed where the page is neither form.
    """
    try:
        text = content.decode("utf-8")
        found = _parse_json(text, url) if text.lstrip().startswith("{") else _parse_html(text, url)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Failed(f"`{url}` is not a page of a Python package index: {error}") from error
    return {one.filename: one for one in found}


def project_page(index: str, project: str) -> str:
    """The address of a project's page (PEP 503: the normalised name, and a slash at the end)."""
    return f"{index.rstrip('/')}/{canonicalize_name(project)}/"


def _parse_json(text: str, url: str) -> list[IndexedFile]:
    page = json.loads(text)
    version = str(page["meta"]["api-version"])
    if version.split(".")[0] != "1":
        raise ValueError(f"its version is {version}")
    return [_from_json(one, url) for one in page["files"]]


def _from_json(entry: Mapping[str, object], url: str) -> IndexedFile:
    hashes, size = entry.get("hashes") or {}, entry.get("size")
    if not isinstance(hashes, Mapping):
        raise TypeError("`hashes` is not a table")
    return IndexedFile(
        str(entry["filename"]),
        _address(str(entry["url"]), url),
        Digest.sha256(str(hashes["sha256"])) if "sha256" in hashes else None,
        size if isinstance(size, int) else None,
        bool(entry.get("core-metadata") or entry.get("dist-info-metadata")),
    )


def _parse_html(text: str, url: str) -> list[IndexedFile]:
    page = _Page()
    page.feed(text)
    page.close()
    if not page.is_html:
        raise ValueError("it is neither JSON nor HTML")
    base = urllib.parse.urljoin(url, page.base)
    return [one for one in (_from_anchor(attributes, base) for attributes in page.anchors) if one]


def _from_anchor(attributes: Mapping[str, str], base: str) -> IndexedFile | None:
    address, _, fragment = _address(attributes["href"], base).partition("#")
    filename = urllib.parse.unquote(urllib.parse.urlsplit(address).path.rpartition("/")[2])
    if not filename:
        return None
    sha256 = urllib.parse.parse_qs(fragment).get("sha256")
    return IndexedFile(
        filename,
        address,
        Digest.sha256(sha256[0]) if sha256 else None,
        None,
        bool(_METADATA.intersection(attributes)),
    )


def _address(reference: str, base: str) -> str:
    """The whole address; the file name in it keeps its own escapes (`%2B` for the `+` of a local version)."""
    return urllib.parse.urljoin(base, reference)


class _Page(html.parser.HTMLParser):
    """Collects the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: list[dict[str, str]] = []
        self.base = ""
        self.is_html = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in attributes:
            self.anchors.append(attributes)
        elif tag == "base" and not self.base:
            self.base = attributes.get("href", "")
        self.is_html = True

    def handle_decl(self, decl: str) -> None:
        self.is_html = True
