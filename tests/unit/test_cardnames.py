"""What a card is by its ids, and libdrm's table of names."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from rocmswitch.metadata.amdgpuids import parse_amdgpu_ids
from rocmswitch.planning import cardtable
from rocmswitch.planning.cardnames import families, is_integrated, name_of, target_of

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(
    ("device", "revision", "target", "name"),
    [
        (0x731F, 0xC1, "gfx1010", "AMD Radeon RX 5700 XT"),
        (0x731F, 0xCA, "gfx1010", "AMD Radeon RX 5600 XT"),
        (0x731F, 0x00, "gfx1010", "AMD Navi 10 (RDNA 1)"),
        (0x731F, None, "gfx1010", "AMD Navi 10 (RDNA 1)"),
        (0x7340, 0xC5, "gfx1012", "AMD Radeon RX 5500 XT"),
        (0x73FF, 0xDF, "gfx1031", "AMD Radeon RX 6750 GRE 10GB"),
        (0x73FF, 0xC7, "gfx1032", "AMD Radeon RX 6600"),
        (0x73FF, None, "", "AMD Navi 23 (RDNA 2)"),
        (0x740F, None, "gfx90a", "AMD Instinct MI210"),
        (0x74A1, None, "gfx942", "AMD Instinct MI300X"),
        (0x744C, 0xC8, "gfx1100", "AMD Radeon RX 7900 XTX"),
        (0x7590, 0xC0, "gfx1200", "AMD Radeon RX 9060 XT"),
        (0x1902, 0xFF, "gfx1153", "AMD card (RDNA 3.5)"),
        (0x2335, 0xA1, "", ""),
    ],
)
def test_a_card_has_its_target_and_its_name(device: int, revision: int | None, target: str, name: str):
    assert (target_of(device, revision), name_of(device, revision)) == (target, name)


def test_a_device_with_few_names_is_called_by_all_of_them_where_the_revision_is_not_known():
    assert name_of(0x1586) == "AMD Radeon 8060S Graphics or Radeon 8050S Graphics or Radeon 8040S Graphics"


def test_processors_with_a_card_in_them_are_told_apart():
    assert [is_integrated(device) for device in (0x164E, 0x15BF, 0x74A0)] == [True, True, True]
    assert [is_integrated(device) for device in (0x731F, 0x74A1, 0xFFFF)] == [False, False, False]


def test_each_device_and_each_target_stands_in_the_table_once():
    devices = [device for family in families() for device in family.devices]
    targets = [family.target for family in families()]

    assert (len(devices), len(targets)) == (len(set(devices)), len(set(targets)))
    assert len(devices) > 140


def test_every_name_belongs_to_a_device_of_the_table():
    devices = {device for family in families() for device in family.devices}
    named = {int(row.split()[0], 16) for row in cardtable.NAMES.splitlines()}

    assert named <= devices


def test_the_table_is_what_its_script_makes_of_its_own_rows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    rows = importlib.import_module("card_names").rows
    names = {
        (int(device, 16), int(revision, 16)): f"AMD {name}"
        for device, *revisions, name in (row.replace(" | ", " ", 1).split(" ", _ids(row)) for row in _rows())
        for revision in revisions
    }

    made = list(rows(names, dict.fromkeys(device for device, _ in names)))

    assert made == _rows()


def test_libdrms_table_is_read_and_the_first_of_two_names_counts():
    table = """\
# List of AMDGPU IDs
1.0.0
731F,\tC1,\tAMD Radeon RX 5700 XT
731f, c1, Second
15D8,\t91,\tAMD Ryzen Embedded R1606G, with Radeon
731F,\tCG,\tNo revision
731F,\tC2,
,,,
"""

    assert parse_amdgpu_ids(table.splitlines(keepends=True)) == {
        (0x731F, 0xC1): "AMD Radeon RX 5700 XT",
        (0x15D8, 0x91): "AMD Ryzen Embedded R1606G, with Radeon",
    }


def test_a_name_that_a_terminal_would_obey_is_no_name():
    assert parse_amdgpu_ids(["731F,\tC1,\tAMD \x1b[31mRadeon"]) == {}


def _rows() -> list[str]:
    return cardtable.NAMES.splitlines()


def _ids(row: str) -> int:
    """How many words stand before the name."""
    return len(row.partition(" | ")[0].split())
