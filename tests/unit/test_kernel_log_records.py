"""Records of /dev/kmsg, and which messages may concern a card."""

from __future__ import annotations

import pytest

from rocmswitch.metadata.kernellog import is_relevant, parse_record


def test_a_record_gives_its_number_and_its_text_with_the_time():
    record = b"6,339,5140900,-;amdgpu 0000:08:00.0: enabling device\n SUBSYSTEM=pci\n DEVICE=+pci:0000:08:00.0\n"

    assert parse_record(record) == (339, "[    5.140900] amdgpu 0000:08:00.0: enabling device")


@pytest.mark.parametrize("record", [b"", b"text", b"6,x,1,-;text", b"6,1;text", b"\xff,\xff,\xff;"])
def test_what_is_no_record_is_none(record: bytes):
    assert parse_record(record) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[    5.1] kfd kfd: skipped device 1002:67df, PCI rejects atomics", True),
        ("[    5.1] [drm:gfx_v10_0 [amdgpu]] *ERROR* ring gfx timeout", True),
        ("[    5.1] amdkcl: Unknown symbol x", True),
        ("[    0.2] iommu: Default domain type: Translated", True),
        ("[   12.3] Loading of module with unavailable key is rejected", True),
        ("[    5.1] nouveau 0000:01:00.0: fifo: fault", False),
        ("[    5.1] usb 1-1: new high-speed USB device", False),
    ],
)
def test_what_may_concern_a_card_is_kept(text: str, expected: bool):
    assert is_relevant(text) is expected
