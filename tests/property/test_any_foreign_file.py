"""Files that somebody else made, changed anywhere: they are read, or refused in words."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.offloadbundle import parse_gpu_bytes, parse_gpu_code, targets_in
from rocmswitch.metadata.rocblas import rocblas_version
from rocmswitch.store.unpack import Unpacking
from rocmswitch.system.disk import Disk
from tests.support.offloadbundles import bundle, kpack_note, packed, section, with_gpu_code
from tests.support.rawrpm import FOLDER, LINK, RawFile, raw_rpm, stripped
from tests.support.rocblas import library
from tests.support.unpacking import unpack

FILES = (
    RawFile("/opt", kind=FOLDER, mode=0o755),
    RawFile("/opt/a", b"linked", inode=7),
    RawFile("/opt/b", b"linked", inode=7),
    RawFile("/opt/link", b"a", kind=LINK, mode=0o777),
)
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 2**63 - 1, 2**64 - 1)
EXTREMES = some.tuples(some.sampled_from(NUMBERS), some.sampled_from([1, 2, 4, 8]), some.booleans()).map(
    lambda one: (one[0] % 256 ** one[1]).to_bytes(one[1], "big" if one[2] else "little")
)
Changes = list[tuple[int, bytes, int]]
CHANGE = some.tuples(some.integers(0), EXTREMES | some.binary(max_size=8), some.integers(0, 8))


def changed(content: bytes, changes: Changes) -> bytes:
    """With other bytes in as many places, each of them in the place of so many, or of as many as they are."""
    for at, other, count in changes:
        at %= len(content) + 1
        content = content[:at] + other + content[at + (count or len(other)) :]
    return content


@cache
def rpm(is_stripped: bool) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        archive = stripped(*FILES) if is_stripped else None
        return raw_rpm(Path(scratch) / "a.rpm", *FILES, archive=archive).read_bytes()


def code() -> bytes:
    parts = bundle("gfx1010", "gfx90a:xnack-"), packed(bundle("gfx1030")), packed(bundle("gfx1010"), version=1)
    return section(*parts)


GPU_FILES: dict[str, Callable[[], bytes]] = {
    "bundles": code,
    "library": lambda: with_gpu_code(library(), code()),
    "referring": lambda: with_gpu_code(library(), kpack_note("a", "b"), ".rocm_kpack_ref"),
}


@settings(deadline=None, max_examples=60)
@given(some.lists(CHANGE, min_size=1, max_size=4), some.booleans())
def test_an_rpm_is_unpacked_below_its_tree_or_refused(changes: Changes, is_stripped: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        (tree := Path(scratch) / "outside/tree").mkdir(parents=True)
        archive = Path(scratch) / "a.rpm"
        archive.write_bytes(changed(rpm(is_stripped), changes))

        with contextlib.suppress(VerificationFailed):
            unpack(Unpacking("any", archive, tree), Disk())

        assert [one.name for one in tree.parent.iterdir()] == ["tree"]


@pytest.mark.parametrize("kind", GPU_FILES)
@settings(deadline=None, max_examples=40)
@given(changes=some.lists(CHANGE, min_size=1, max_size=4))
def test_the_code_for_cards_is_told_or_said_to_be_unread(kind: str, changes: Changes) -> None:
    content = changed(GPU_FILES[kind](), changes)

    told = parse_gpu_code(io.BytesIO(content))
    sizes = parse_gpu_bytes(io.BytesIO(content))
    version = rocblas_version(io.BytesIO(content))

    assert all(size >= 0 for size in sizes.values()) and (not version or version.replace(".", "").isdigit())
    assert told.unread.isprintable() and isinstance(targets_in(content, len(content)), tuple)
