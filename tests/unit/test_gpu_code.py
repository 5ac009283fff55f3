"""Which GPUs a file has code for, and which cards that serves."""

from __future__ import annotations

import io
import struct

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from rocmswitch.metadata.kpack import parse_kpack, targets_of_name
from rocmswitch.metadata.offloadbundle import parse_gpu_code
from rocmswitch.model.gpucode import GpuCode, plain, serves, target_of_override
from tests.support.offloadbundles import (
    MAGIC,
    ZLIB,
    ZSTD,
    bundle,
    code_object,
    kpack,
    packed,
    section,
)


def parsed(content: bytes) -> GpuCode:
    return parse_gpu_code(io.BytesIO(content))


def test_a_bundle_names_its_targets_and_not_the_host():
    found = parsed(bundle("gfx1010:xnack-", "gfx90a:sramecc+:xnack-"))

    assert found == GpuCode(1, (("gfx1010:xnack-", 1), ("gfx90a:sramecc+:xnack-", 1)))


def test_bundles_one_after_the_other_are_counted_for_each_target():
    found = parsed(section(bundle("gfx1030", "gfx942"), bundle("gfx942", size=5000), packed(bundle("gfx1030"))))

    assert found == GpuCode(3, (("gfx1030", 2), ("gfx942", 2)))


@pytest.mark.parametrize("method", [ZLIB, ZSTD])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_packed_bundles_of_every_version_are_read(version: int, method: int):
    one = packed(bundle("gfx1010", "gfx1100"), version=version, method=method)

    assert parsed(section(one, one)) == GpuCode(2, (("gfx1010", 2), ("gfx1100", 2)))


def test_a_packed_bundle_that_begins_where_the_last_one_ended_is_found():
    found = parsed(packed(bundle("gfx1010")) + packed(bundle("gfx1010")))

    assert found == GpuCode(2, (("gfx1010", 2),))


def test_a_table_longer_than_a_page_is_read_whole():
    targets = [f"gfx{number:x}" for number in range(0x900, 0x9C8)]

    assert parsed(packed(bundle(*targets))).targets == tuple(sorted(targets))


@pytest.mark.parametrize(
    "name",
    [
        "hip-amdgcn-amd-amdhsa--gfx1010",
        "hip-amdgcn-amd-amdhsa-gfx1010",
        "hipv4-amdgcn-amd-amdhsa--gfx10-1-generic",
        "hipv4-amdgcn-amd-amdhsa-unknown-gfx1010",
        "hip-spirv64-amd-amdhsa--amdgcnspirv",
    ],
)
def test_every_spelling_of_a_target_serves_its_card(name: str):
    content = MAGIC + struct.pack("<4Q", 1, 0, 0, len(name)) + name.encode()

    assert serves(parsed(content).targets, "gfx1010")


@pytest.mark.parametrize("target", ["gfx1010", "gfx1010:xnack-", "gfx90a:xnack+", "gfx10-1-generic"])
def test_a_code_object_is_for_the_gpu_that_its_flags_say(target: str):
    assert parsed(code_object(target)) == GpuCode(1, ((target, 1),))


def test_a_code_object_for_a_gpu_without_a_name_is_told():
    content = bytearray(code_object("gfx1010"))
    content[48] = 0xEE

    assert parsed(bytes(content)) == GpuCode(1, unread="it is for a GPU that has no name here")


@pytest.mark.parametrize(
    ("content", "unread"),
    [
        (bundle("gfx1010")[:60], "the table of a bundle is garbled or cut short"),
        (bundle("gfx1010")[:-1], "it is cut short"),
        (packed(bundle("gfx1010"))[:-1], "it is cut short"),
        (packed(bundle("gfx1010"))[:20], "it is cut short"),
        (b"CCOB", "it is cut short"),
        (b"CCOB" + struct.pack("<HHQQQ", 9, 1, 64, 64, 0), "a packed bundle has version 9"),
        (b"CCOB" + struct.pack("<HHQQQ", 3, 7, 64, 64, 0) + bytes(40), "a bundle is packed in way 7"),
        (b"CCOB" + struct.pack("<HHQQQ", 3, 1, 72, 64, 0) + bytes(40), "a packed bundle is garbled"),
        (b"CCOB" + struct.pack("<HHQQQ", 3, 0, 72, 64, 0) + bytes(40), "a packed bundle is garbled"),
        (packed(b"no bundle"), "a packed bundle holds none"),
        (packed(MAGIC), "the table of a packed bundle is garbled or cut short"),
        (MAGIC + struct.pack("<Q", 1 << 60), f"a bundle claims to have {1 << 60} entries"),
        (
            MAGIC + struct.pack("<4Q", 1, 0, 0, 1 << 60) + bytes(5000),
            "the table of a bundle is garbled or cut short",
        ),
        (MAGIC + struct.pack("<4Q", 1, 1 << 60, 1 << 60, 4) + b"host" + bytes(99), "it is cut short"),
    ],
)
def test_what_is_garbled_is_said_and_never_believed(content: bytes, unread: str):
    assert parsed(content).unread == unread


def test_what_was_read_before_the_garbled_part_counts_but_is_not_all():
    found = parsed(section(bundle("gfx1030")) + bundle("gfx1010")[:-1])

    assert (found.targets, found.is_known) == (("gfx1030",), False)


def test_of_a_bundle_that_unpacks_to_gigabytes_only_the_table_is_unpacked():
    bomb = zstandard.ZstdCompressor().compressobj()
    pieces = [bomb.compress(bundle("gfx1010")), *(bomb.compress(bytes(1 << 20)) for _ in range(256)), bomb.flush()]
    body = b"".join(pieces)
    content = b"CCOB" + struct.pack("<HHQQQ", 3, 1, 32 + len(body), 1 << 40, 0) + body

    assert parsed(content).targets == ("gfx1010",)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_arbitrary_bytes_are_read_without_an_error(content: bytes):
    for start in (b"", MAGIC, b"CCOB\x03\0\x01\0", b"CCOB\x01\0\0\0", b"\x7fELF\x02\x01\x01"):
        found = parsed(start + content)
        assert all(count <= found.bundles for _, count in found.counts)
    parse_kpack(io.BytesIO(b"KPAK" + content))


@given(st.integers(0, 8192), st.binary(min_size=1, max_size=8))
@settings(deadline=None)
def test_a_section_in_which_bytes_were_changed_is_read_without_an_error(place: int, content: bytes):
    whole = section(packed(bundle("gfx1010")), bundle("gfx1030"))
    found = parsed(whole[:place] + content + whole[place + len(content) :])

    assert found.bundles <= 2 and all(count <= found.bundles for _, count in found.counts)


def test_an_archive_of_kernels_names_its_targets():
    assert parse_kpack(io.BytesIO(kpack("gfx1010", "gfx1011"))) == ("gfx1010", "gfx1011")


@pytest.mark.parametrize(
    "content",
    [b"", b"KPAK", kpack("gfx1010")[:70], b"ZIPP" + kpack("gfx1010")[4:], b"KPAK" + struct.pack("<IQ", 1, 1 << 60)],
)
def test_what_is_no_archive_of_kernels_names_none(content: bytes):
    assert parse_kpack(io.BytesIO(content)) == ()


def test_an_archive_that_cannot_be_read_is_known_by_its_name():
    found = [targets_of_name(one) for one in ("torch_gfx1010.kpack", "blas_lib_gfx101X.kpack", "blas_lib.kpack")]

    assert found == [("gfx1010",), ("gfx1010", "gfx1011", "gfx1012", "gfx1013"), ()]


def test_an_archive_that_lists_thousands_of_targets_is_not_believed():
    assert parse_kpack(io.BytesIO(kpack(*(f"gfx{number:x}" for number in range(4000))))) == ()


@pytest.mark.parametrize(
    ("targets", "card", "served"),
    [
        (("gfx1010:xnack-", "gfx1030"), "gfx1010", "gfx1010:xnack-"),
        (("gfx1010:xnack+",), "gfx1010", ""),
        (("gfx10-1-generic",), "gfx1012", "gfx10-1-generic"),
        (("gfx10-1-generic", "gfx1012"), "gfx1012", "gfx1012"),
        (("gfx10-1-generic",), "gfx1030", ""),
        (("gfx11-generic",), "gfx1151", "gfx11-generic"),
        (("amdgcnspirv",), "gfx1010", "amdgcnspirv"),
        (("gfx101",), "gfx1010", ""),
        ((), "gfx1010", ""),
    ],
)
def test_code_serves_the_cards_that_it_is_for(targets: tuple[str, ...], card: str, served: str):
    assert serves(targets, card) == served


def test_an_override_names_another_card():
    found = [target_of_override(one) for one in ("10.3.0", "9.0.10", "11.0.0", "", "gfx1030", "10.3", "9.0.99")]

    assert found == ["gfx1030", "gfx90a", "gfx1100", "", "", "", ""]


def test_targets_are_shown_without_features_in_the_order_of_their_numbers():
    assert plain(["gfx1030", "gfx90a:xnack+", "gfx90a:xnack-", "gfx9-generic"]) == (
        "gfx9-generic",
        "gfx90a",
        "gfx1030",
    )
