"""Whatever bytes stand where a module or an index of modules should: facts or a refusal in words, never a crash."""

from __future__ import annotations

import io
import struct

from hypothesis import given, settings
from hypothesis import strategies as some

from rocmswitch.host.modulefiles import read_contents
from rocmswitch.metadata.kernelmodule import Damaged, parse_module
from rocmswitch.metadata.moduleindex import leads_to, listed_paths
from rocmswitch.metadata.modulesearch import in_order_of_preference, parse_rules
from rocmswitch.model.kernel import DAMAGED, EMPTY, SUFFIXES
from tests.support.kernelmodules import module, packed, signed

GOOD = signed(module())
INDEX = struct.pack(">III", 0xB007F457, 0x20001, 12 | 0x20000000)
"""A header that leads to what follows it, as a node with children."""
PATHS = some.lists(some.sampled_from(["updates", "extra", "kernel", "x", "dkms"]), max_size=3).map(
    lambda names: "/".join([*names, "amdgpu.ko"])
)


@settings(deadline=None)
@given(some.binary(max_size=500), some.sampled_from([b"", b"\x7fELF", b"\x7fELF\x02\x01\x01", b"\xfd7zXZ\0"]))
def test_any_bytes_are_damaged_or_empty(content: bytes, start: bytes):
    found = read_contents(io.BytesIO(start + content), "amdgpu")

    assert found.fault == (DAMAGED if start + content else EMPTY)


@settings(deadline=None)
@given(some.integers(0, len(GOOD) - 1), some.integers(1, 255))
def test_a_byte_that_became_another_never_ends_in_a_crash(position: int, change: int):
    content = bytearray(GOOD)
    content[position] ^= change

    try:
        facts = parse_module(bytes(content))
    except Damaged as error:
        assert str(error)
    else:
        assert isinstance(facts.vermagic, str)


@settings(deadline=None)
@given(some.integers(0, 63), some.binary(min_size=1, max_size=8))
def test_a_header_that_holds_anything_never_ends_in_a_crash(position: int, change: bytes):
    content = GOOD[:position] + change + GOOD[position + len(change) :]

    assert read_contents(io.BytesIO(content), "amdgpu").fault in (DAMAGED, "")


@settings(deadline=None)
@given(some.integers(1, len(GOOD) - 1), some.sampled_from(SUFFIXES))
def test_a_module_that_was_cut_is_damaged_unless_only_its_signature_is_gone(kept: int, suffix: str):
    whole = packed(GOOD, suffix)
    cut = whole[: kept * len(whole) // len(GOOD)]

    found = read_contents(io.BytesIO(cut), "amdgpu")

    is_unsigned = suffix == ".ko" and 0 <= len(cut) - len(module()) <= 16
    assert found.fault == ("" if is_unsigned else DAMAGED if cut else EMPTY)


@settings(deadline=None)
@given(some.binary(max_size=300))
def test_any_index_lists_something_or_nothing(content: bytes):
    for index in (content, INDEX + content):
        assert isinstance(listed_paths(index, ["amdgpu"]), tuple)
        assert leads_to(index, "pci:v00001002d", "amdgpu") in (True, False)


@settings(deadline=None)
@given(some.lists(PATHS, unique=True, max_size=6), some.text("abcsearch* \n#\\updates/extra built-in", max_size=80))
def test_any_rules_put_all_copies_into_an_order(paths: list[str], text: str):
    rules = parse_rules([text, f"search {text}", f"override amdgpu {text} updates"], "6.1")

    assert sorted(in_order_of_preference(paths, rules)) == sorted(paths)
