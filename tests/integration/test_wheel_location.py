"""Finding pinned wheels at a package index on localhost, and at PyPI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.errors import NetworkFailed, NotFound
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.fetch.wheels import locate_wheels
from tests.support.server import Server

HURRY = Patience(attempts=1)
WHEEL = "hip_python-1.0-py3-none-any.whl"
OTHER = "numpy-2.2.6-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    for path, text in {
        f"files/{WHEEL}": "five!",
        "simple/hip-python/index.html": f'<a href="/files/{WHEEL}">{WHEEL}</a>',
        "simple/numpy/index.html": json.dumps(
            {"meta": {"api-version": "1.0"}, "files": [{"filename": OTHER, "url": "x.whl", "size": 7}]}
        ),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    with Server(folder) as server:
        yield server


def test_the_size_comes_from_the_index_or_else_from_the_server(server: Server) -> None:
    found = locate_wheels(Http(HURRY), [server.url("simple")], [WHEEL, OTHER])

    assert found == {
        WHEEL: (server.url(f"files/{WHEEL}"), 5),
        OTHER: (server.url("simple/numpy/x.whl"), 7),
    }
    assert server.asked("simple/numpy/")[0].headers["Accept"].startswith("application/vnd.pypi.simple.v1+json")


def test_a_wheel_that_is_not_listed_is_named(server: Server) -> None:
    with pytest.raises(NotFound) as caught:
        locate_wheels(Http(HURRY), [server.url("simple")], ["hip_python-2.0-py3-none-any.whl"])

    assert str(caught.value) == (
        f"`{server.url('simple/hip-python/')}` does not list `hip_python-2.0-py3-none-any.whl`"
    )


@pytest.mark.network("pypi")
def test_a_real_wheel_is_found_at_pypi() -> None:
    try:
        found = locate_wheels(Http(Patience(attempts=2)), ["https://pypi.org/simple"], [OTHER])
    except NetworkFailed as error:
        pytest.skip(f"this machine's index answers, but {error}")

    assert found[OTHER][1] == 16_821_570
