"""rocmswitch.lock: the same text for the same environment, and nothing accepted that cannot be meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocmswitch.errors import ManifestMistake
from rocmswitch.metadata.wheellock import (
    SIZE_LIMIT,
    LockedWheel,
    WheelLock,
    parse_wheel_lock,
    render_wheel_lock,
)

TORCH = LockedWheel(
    name="torch",
    version="2.7.1+rocm6.2.4",
    file="torch-2.7.1+rocm6.2.4-cp311-cp311-manylinux_2_28_x86_64.whl",
    url="https://example.org/torch-2.7.1%2Brocm6.2.4-cp311-cp311-manylinux_2_28_x86_64.whl",
    size=4_000_000_000,
    sha256="a" * 64,
)
PIP = LockedWheel(
    name="pip", version="25.0", file="pip-25.0-py3-none-any.whl", url="file:///w/pip.whl", size=1, sha256="b" * 64
)
LOCK = WheelLock(schema=1, stack="rocm-6.2.4", python="cp311", wheels=(PIP, TORCH), torch="2.7.1+rocm6.2.4")


def edited(**changes: object) -> bytes:
    """The lock with other values at the top, or, as `wheel`, in its first wheel."""
    content = json.loads(render_wheel_lock(LOCK))
    content["wheels"][0].update(changes.pop("wheel", {}))
    return json.dumps(content | changes).encode()


def test_reading_what_was_written_gives_the_same_lock_one_wheel_a_line() -> None:
    text = render_wheel_lock(LOCK)

    assert parse_wheel_lock(text, "x.lock") == LOCK
    assert sum(b'"sha256"' in line for line in text.splitlines()) == 2


def test_the_order_of_wheels_does_not_show() -> None:
    turned = WheelLock(schema=1, stack="rocm-6.2.4", python="cp311", wheels=(TORCH, PIP), torch="2.7.1+rocm6.2.4")

    assert render_wheel_lock(turned) == render_wheel_lock(LOCK)


@pytest.mark.parametrize(
    ("content", "said"),
    (
        (edited(schema=2), "$.schema"),
        (edited(python="3.11"), "`3.11` is not the tag of an interpreter"),
        (edited(extra=1), "extra"),
        (edited(pins=["numpy<2\n--index-url http://evil"]), "is not a requirement"),
        (edited(pins=["--index-url http://evil"]), "is not a requirement"),
        (edited(pins=["numpy<2\n"]), "is not"),
        (edited(wheel={"sha256": "ab"}), "is not a sha256 hash"),
        (edited(wheel={"url": "ftp://x/pip.whl"}), "no usable file name, size or address"),
        (edited(wheel={"file": "../pip.whl"}), "no usable file name, size or address"),
        (edited(wheel={"file": "pip.zip"}), "no usable file name, size or address"),
        (edited(wheel={"size": -1}), "no usable file name, size or address"),
        (edited(wheel={"name": "torch"}), "is there twice"),
        (b"", "x.lock"),
        (b"\xff\xfe", "x.lock"),
        (b"[" * 100_000, "x.lock"),
        (b" " * (SIZE_LIMIT + 1), "is not read"),
    ),
)
def test_what_cannot_be_meant_is_refused_with_its_file(content: bytes, said: str) -> None:
    with pytest.raises(ManifestMistake) as caught:
        parse_wheel_lock(content, "x.lock")

    assert caught.value.message.startswith("x.lock: ")
    assert said in caught.value.message


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    with pytest.raises(ManifestMistake):
        parse_wheel_lock(content, "x.lock")
