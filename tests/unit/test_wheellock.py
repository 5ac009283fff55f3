"""rocmswitch.lock: the same text for the same environment, and nothing accepted that cannot be meant."""

from __future__ import annotations

import json

import msgspec
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
LOCK = WheelLock(
    schema=1,
    stack="rocm-6.2.4",
    python="cp311",
    wheels=(PIP, TORCH),
    torch="2.7.1+rocm6.2.4",
    index="https://example.org/whl",
    pins=("torch==2.7.1+rocm6.2.4", "torchaudio==2.7.1+rocm6.2.4", "numpy<2"),
)


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
    turned = msgspec.structs.replace(LOCK, wheels=(TORCH, PIP))

    assert render_wheel_lock(turned) == render_wheel_lock(LOCK)


@pytest.mark.parametrize(
    ("content", "said"),
    (
        (edited(schema=2), "has schema 2, and this rocmswitch reads 1"),
        (edited(python="3.11"), "`3.11` is not the tag of an interpreter"),
        (edited(extra=1), "extra"),
        (edited(pins=["numpy<2\n--index-url http://evil"]), "a control character stands in a value"),
        (edited(pins=["--index-url http://evil"]), "is not a requirement"),
        (edited(pins=["numpy<2\n"]), "a control character stands in a value"),
        (edited(wheel={"sha256": "ab"}), "is not a sha256 hash"),
        (edited(wheel={"url": "ftp://x/pip.whl"}), "no usable file name, size or address"),
        (edited(wheel={"file": "../pip.whl"}), "no usable file name, size or address"),
        (edited(wheel={"file": "pip.zip"}), "no usable file name, size or address"),
        (edited(wheel={"size": -1}), "no usable file name, size or address"),
        (edited(wheel={"name": "torch"}), "is there twice"),
        (edited(wheel={"url": "https://"}), "no usable file name, size or address"),
        (edited(wheel={"url": "https://x:99999/pip.whl"}), "ort"),
        (edited(wheel={"url": "http://[x/pip.whl"}), "x.lock"),
        (edited(wheel={"url": "file:///w/%00pip.whl"}), "no usable file name, size or address"),
        (edited(wheel={"url": "https://x/a b"}), "no usable file name, size or address"),
        (edited(stack="\x1b[31m"), "a control character stands in a value"),
        (edited(stack="../x"), "`stack` or `unpacked`"),
        (edited(unpacked=-1), "`stack` or `unpacked`"),
        (edited(gpu="../x"), "`gpu` is no card"),
        (edited(index="file:///x"), "`index` is no address"),
        (edited(torch=""), "`torch` is not what its wheels and its pins have"),
        (edited(torch="2.6.0"), "`torch` is not what its wheels and its pins have"),
        (edited(pins=[]), "`torch` is not what its wheels and its pins have"),
        (edited(pins=["torch==2.7.1+rocm6.2.4", "pip==1"]), "`pip` is pinned to another version"),
        (edited(pins=["torch==2.7.1+rocm6.2.4", "x @ https://evil/x.whl"]), "a pin names an address"),
        (edited(**{"\x1b[31m": 1}), "\N{REPLACEMENT CHARACTER}[31m"),
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
