"""Where a Python package index has the files that a manifest pins."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.utils import parse_wheel_filename

from rocmswitch.errors import NetworkFailed, NotFound
from rocmswitch.fetch.http import Http, shown
from rocmswitch.metadata.wheelindex import IndexedFile, parse_index, project_page

LARGEST_PAGE = 64 * 1024 * 1024
"""Bytes; the longest pages of PyPI have some 10 MB."""

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
"""JSON first, because it states sizes (PEP 691)."""


def locate_wheels(http: Http, index: str, filenames: Sequence[str]) -> dict[str, tuple[str, int]]:
    """The address and the size in bytes of each of *filenames* at *index*.

    What the index says of hashes is not looked at: the caller pins them. Raises NotFound for a file that is
    not listed, NetworkFailed, and Failed where the page is no index page.
    """
    projects = {name: parse_wheel_filename(name)[0] for name in filenames}
    pages = {
        project: _read_page(http, project_page(index, project)) for project in dict.fromkeys(projects.values())
    }
    return {
        name: _located(http, name, pages[project], project_page(index, project))
        for name, project in projects.items()
    }


def _read_page(http: Http, url: str) -> dict[str, IndexedFile]:
    return parse_index(http.read(url, limit=LARGEST_PAGE, accept=_ACCEPT), url)


def _located(http: Http, filename: str, page: dict[str, IndexedFile], url: str) -> tuple[str, int]:
    found = page.get(filename)
    if found is None:
        raise NotFound(f"`{shown(url)}` does not list `{filename}`")
    size = found.size if found.size is not None else http.length(found.url)
    if size is None:
        raise NetworkFailed(f"`{shown(found.url)}` does not say how large it is")
    return found.url, size
