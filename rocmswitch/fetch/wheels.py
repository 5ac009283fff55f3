"""Where Python package indexes have the wheels that a manifest names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

from rocmswitch.errors import NetworkFailed, NotFound, RocmswitchError, VerificationFailed
from rocmswitch.fetch.http import Http, shown
from rocmswitch.metadata.wheelindex import IndexedFile, parse_index, project_page
from rocmswitch.planning.wheelfiles import best_file, source_file

LARGEST_PAGE = 64 * 1024 * 1024
"""Bytes; the longest pages of PyPI have some 10 MB."""

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
"""JSON first, because it states sizes (PEP 691)."""


@dataclass(frozen=True)
class Wanted:
    """Exact versions of projects, from one index. *urls* give the files that it no longer lists."""

    index: str
    versions: Mapping[str, str]
    urls: Mapping[str, str]


def locate_wheels(http: Http, indexes: Iterable[str], filenames: Sequence[str]) -> dict[str, tuple[str, int]]:
    """The address and the size in bytes of each of *filenames*, at the first of *indexes* that lists it.

    What an index says of hashes is not looked at: the caller pins them. Raises NotFound for a file that is
    not listed, NetworkFailed, and Failed where the page is no index page: the error of the first index.
    """
    return {name: _locate(http, tuple(indexes), name) for name in filenames}


def find_wheels(http: Http, wanted: Wanted, tags: Sequence[Tag]) -> tuple[IndexedFile, ...]:
    """For each project the wheel that suits *tags* best, with its size; from that one index and nowhere else.

    Raises NotFound for what the index does not have, NetworkFailed, Failed, and VerificationFailed where an
    encrypted index names files that are not.
    """
    return tuple(_find(http, wanted, name, tags) for name in wanted.versions)


def with_size(http: Http, file: IndexedFile) -> IndexedFile:
    """*file* with its size, which the server is asked for where the index does not say. Raises NetworkFailed."""
    size = file.size if file.size is not None else http.length(file.url)
    if size is None:
        raise NetworkFailed(f"`{shown(file.url)}` does not say how large it is")
    return replace(file, size=size)


def _find(http: Http, wanted: Wanted, name: str, tags: Sequence[Tag]) -> IndexedFile:
    direct = {
        file: IndexedFile(file, url, None, None)
        for file, url in wanted.urls.items()
        if parse_wheel_filename(file)[0] == canonicalize_name(name)
    }
    version, where = wanted.versions[name], project_page(wanted.index, name)
    chosen = best_file(name, version, direct, tags)
    if not chosen:
        direct |= _read_page(http, where)
        chosen = best_file(name, version, direct, tags)
    # AMD publishes `rocm`, which holds no library, as source alone (TheRock: "we only distribute it as an sdist").
    chosen = chosen or source_file(name, version, direct)
    if not direct:
        raise NotFound(f"`{shown(where)}` lists nothing at all: a network that wants a login answers so, too")
    if not chosen:
        raise NotFound(f"`{shown(where)}` lists no wheel of {name} {version} for this Python and machine")
    file = direct[chosen]
    if wanted.index.startswith("https:") and not file.url.startswith("https:"):
        raise VerificationFailed(f"`{shown(where)}` names `{shown(file.url)}`, which is not encrypted")
    return with_size(http, file)


def _locate(http: Http, indexes: tuple[str, ...], filename: str) -> tuple[str, int]:
    failures: list[RocmswitchError] = []
    project = parse_wheel_filename(filename)[0]
    for index in indexes:
        url = project_page(index, project)
        try:
            found = _read_page(http, url).get(filename)
            if found is not None:
                located = with_size(http, found)
                return located.url, located.size or 0
            failures.append(NotFound(f"`{shown(url)}` does not list `{filename}`"))
        except (NotFound, NetworkFailed) as error:
            failures.append(error)
    raise failures[0]


def _read_page(http: Http, url: str) -> dict[str, IndexedFile]:
    return parse_index(http.read(url, limit=LARGEST_PAGE, accept=_ACCEPT), url)


def is_local(url: str) -> bool:
    """Whether *url* is a file of this machine."""
    return urlsplit(url).scheme == "file"
