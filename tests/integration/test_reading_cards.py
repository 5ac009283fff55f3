"""Reading the cards of machines: bus and topology together, either alone, and what strangers write there."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.host.cards import read_cards
from rocmswitch.model.card import Card, Cards, Link, Memory, OtherCard
from tests.support.cardroots import (
    BMC,
    BUS,
    GIB,
    H200,
    MIB,
    RAPHAEL,
    RX5700XT,
    mi210_pair,
    mi300x_in_parts,
    names_of_libdrm,
    put,
    rx5700xt_machine,
)
from tests.support.kfd import CPU, NODES, plug, write_node
from tests.support.kfd import RX5700XT as NAVI10

KFD = "sys/class/kfd/kfd/topology/nodes"


def test_a_card_is_described_by_the_bus_and_the_topology_together(tmp_path: Path):
    rx5700xt_machine(tmp_path)
    plug(tmp_path, NAVI10, driver="6.12.12")

    assert read_cards(tmp_path) == Cards(
        (
            Card(
                address="0000:08:00.0",
                vendor=0x1002,
                device=0x731F,
                revision=0xC1,
                subsystem="1da2:e409",
                name="AMD Radeon RX 5700 XT",
                target="gfx1010",
                target_from="kfd",
                memory=Memory(8176 * MIB, 256 * MIB, 16 * GIB, "drm"),
                driver="amdgpu",
                render_node="/dev/dri/renderD128",
                link=Link(8.0, 8, 16.0, 16),
                integrated=False,
                node=1,
                name_from="rocmswitch",
                driver_version="6.12.12",
                nodes=(1,),
            ),
        )
    )


def test_without_a_topology_the_pci_id_says_the_target(tmp_path: Path):
    put(tmp_path, replace(RX5700XT, driver="", files={}))

    (card,) = read_cards(tmp_path).amd

    assert (card.target, card.target_from, card.driver, card.node, card.nodes) == ("gfx1010", "pci", "", None, ())
    assert (card.memory, card.render_node) == (Memory(), "")


@pytest.mark.parametrize(("revision", "target"), [(0xDF, "gfx1031"), (0xC1, "gfx1032"), (0xC7, "gfx1032")])
def test_the_ambiguous_device_is_told_apart_by_its_revision(tmp_path: Path, revision: int, target: str):
    put(tmp_path, replace(RX5700XT, device=0x73FF, revision=revision))

    assert [card.target for card in read_cards(tmp_path).amd] == [target]


def test_the_link_is_that_of_the_slot_and_not_the_one_inside_the_card(tmp_path: Path):
    put(tmp_path, replace(RX5700XT, above=RX5700XT.above[:1]))
    put(tmp_path / "switched", RX5700XT)

    assert read_cards(tmp_path).amd[0].link == Link(16.0, 16, 16.0, 16)
    assert read_cards(tmp_path / "switched").amd[0].link == Link(8.0, 8, 16.0, 16)


def test_a_link_that_is_powered_down_states_no_speed(tmp_path: Path):
    put(tmp_path, replace(RX5700XT, above=(), link=("Unknown", 63), best=("8 GT/s", 16)))

    assert read_cards(tmp_path).amd[0].link == Link(0, 63, 8.0, 16)


def test_partitions_are_one_card_with_many_nodes(tmp_path: Path):
    mi300x_in_parts(tmp_path)

    cards = read_cards(tmp_path).amd

    assert [(card.address, card.nodes) for card in cards] == [
        ("0000:05:00.0", tuple(range(1, 9))),
        ("0000:27:00.0", tuple(range(9, 17))),
    ]
    assert {(card.name, card.memory) for card in cards} == {
        ("AMD Instinct MI300X", Memory(192 * GIB, 192 * GIB, source="kfd"))
    }


def test_partitions_are_one_card_also_where_the_bus_is_not_shown(tmp_path: Path):
    mi300x_in_parts(tmp_path)
    (tmp_path / "sys/bus").rename(tmp_path / "gone")

    assert [(card.address, len(card.nodes)) for card in read_cards(tmp_path).amd] == [
        ("0000:05:00.0", 8),
        ("0000:27:00.0", 8),
    ]


def test_cards_that_are_joined_say_so_and_their_memory_is_known_from_the_topology(tmp_path: Path):
    mi210_pair(tmp_path)

    cards = read_cards(tmp_path).amd

    assert {card.hive for card in cards} == {f"{12609507387757274807:016x}"}
    assert [(card.address, card.name, card.memory) for card in cards] == [
        ("0000:43:00.0", "AMD Instinct MI210", Memory(64 * GIB, 0, source="kfd")),
        ("0000:63:00.0", "AMD Instinct MI210", Memory(64 * GIB, 0, source="kfd")),
    ]


def test_an_integrated_card_has_little_of_its_own_and_much_of_the_machines(tmp_path: Path):
    put(tmp_path, RAPHAEL)

    (card,) = read_cards(tmp_path).amd

    assert (card.integrated, card.target) == (True, "gfx1036")
    assert card.memory == Memory(512 * MIB, 512 * MIB, 31 * GIB, "drm")


def test_a_node_with_a_processor_in_it_is_an_integrated_card(tmp_path: Path):
    write_node(
        tmp_path, 0, "cpu_cores_count 8\nsimd_count 32\ngfx_target_version 80001\nvendor_id 4098\n", "carrizo"
    )

    (card,) = read_cards(tmp_path).amd

    assert (card.integrated, card.name, card.name_from, card.target) == (True, "carrizo", "driver", "gfx801")


def test_an_old_kernel_states_no_target_and_is_understood(tmp_path: Path):
    write_node(tmp_path, 0, CPU)
    write_node(tmp_path, 1, "simd_count 256\nvendor_id 4098\ndevice_id 26720\nlocation_id 6400\n", "vega10")

    (card,) = read_cards(tmp_path).amd

    assert (card.address, card.target, card.target_from) == ("0000:19:00.0", "gfx900", "pci")


def test_cards_of_others_are_named_apart_and_what_is_no_card_is_not(tmp_path: Path):
    put(tmp_path, RX5700XT, H200, BMC)

    assert read_cards(tmp_path).others == (
        OtherCard("0000:c3:00.0", 0x1A03, 0x2000, "ast"),
        OtherCard("0000:e4:00.0", 0x10DE, 0x2335, "nvidia"),
    )


@pytest.mark.parametrize("driver", ["vfio-pci", "radeon"])
def test_a_card_that_another_driver_holds_is_shown_with_it(tmp_path: Path, driver: str):
    put(tmp_path, replace(RX5700XT, driver=driver, files={}))
    (tmp_path / "sys/module/amdgpu").mkdir(parents=True)
    (tmp_path / "sys/module/amdgpu/version").write_text("6.8.5\n")

    (card,) = read_cards(tmp_path).amd

    assert (card.driver, card.is_kept, card.driver_version) == (driver, True, "")


@pytest.mark.parametrize("folder", ["usr/share/libdrm", "opt/amdgpu/share/libdrm"])
def test_the_machines_own_table_names_the_card(tmp_path: Path, folder: str):
    rx5700xt_machine(tmp_path)
    names_of_libdrm(tmp_path, "731F,\tC1,\tAMD Radeon RX 5700 XT Anniversary Sample", "nonsense", folder=folder)

    (card,) = read_cards(tmp_path).amd

    assert (card.name, card.name_from) == ("AMD Radeon RX 5700 XT Anniversary Sample", "libdrm")


def test_a_card_that_nobody_names_has_the_drivers_word(tmp_path: Path):
    write_node(tmp_path, 1, "gfx_target_version 130000\nsimd_count 8\nvendor_id 4098\ndevice_id 31234\n", "navi99")

    (card,) = read_cards(tmp_path).amd

    assert (card.name, card.name_from, card.target) == ("navi99", "driver", "gfx1300")


def test_a_machine_without_cards_and_one_without_sys_have_none(tmp_path: Path):
    write_node(tmp_path, 0, CPU)

    assert read_cards(tmp_path) == read_cards(tmp_path / "nothing") == Cards()


def test_what_a_cgroup_hides_is_counted(tmp_path: Path):
    rx5700xt_machine(tmp_path)
    properties = tmp_path / NODES / "1/properties"
    properties.unlink()
    properties.mkdir()  # the kernel refuses when it is read, which no mode does to root

    found = read_cards(tmp_path)

    assert (found.hidden, [(card.node, card.target_from) for card in found.amd]) == (1, [(None, "pci")])


@pytest.mark.parametrize("content", [b"", b"0x", b"\xff\xfe\x00", b"0x1002\n0x1002", b"9" * 10_000, b"-1", b"0x1g"])
def test_a_garbled_file_states_nothing(tmp_path: Path, content: bytes):
    rx5700xt_machine(tmp_path)
    for name in ("revision", "subsystem_vendor", "mem_info_vram_total", "max_link_width", "current_link_speed"):
        (tmp_path / BUS / RX5700XT.address / name).write_bytes(content)

    (card,) = read_cards(tmp_path).amd

    assert (card.revision, card.memory.vram, card.target) == (None, 0, "gfx1010")


def test_files_that_never_end_are_not_waited_for(tmp_path: Path):
    rx5700xt_machine(tmp_path)
    for name in ("subsystem_vendor", "mem_info_gtt_total"):
        file = tmp_path / BUS / RX5700XT.address / name
        file.unlink()
        os.mkfifo(file)
    names = tmp_path / "usr/share/libdrm/amdgpu.ids"
    names.parent.mkdir(parents=True)
    os.mkfifo(names)

    assert [card.name for card in read_cards(tmp_path).amd] == ["AMD Radeon RX 5700 XT"]


def test_an_entry_that_leads_out_of_the_root_has_no_bridges_there(tmp_path: Path):
    put(tmp_path / "other", RX5700XT)
    entry = tmp_path / "root" / BUS / RX5700XT.address
    entry.parent.mkdir(parents=True)
    entry.symlink_to((tmp_path / "other" / BUS / RX5700XT.address).resolve())

    assert read_cards(tmp_path / "root").amd[0].link == Link(16.0, 16, 16.0, 16)


def test_a_name_of_a_driver_that_no_kernel_gives_is_passed_over(tmp_path: Path):
    rx5700xt_machine(tmp_path)
    driver = tmp_path / BUS / RX5700XT.address / "driver"
    driver.unlink()
    driver.symlink_to("../x\x1b[31m evil")

    assert read_cards(tmp_path).amd[0].driver == ""


def test_the_memory_of_a_card_without_drm_is_that_of_its_banks(tmp_path: Path):
    folder = write_node(tmp_path, 1, "gfx_target_version 100100\nsimd_count 80\nvendor_id 4098\ndevice_id 29471\n")
    for number, (kind, size) in enumerate(((1, 256 * MIB), (2, 7920 * MIB), (0, GIB))):
        file = folder / f"mem_banks/{number}/properties"
        file.parent.mkdir(parents=True)
        file.write_text(f"heap_type {kind}\nsize_in_bytes {size}\n")

    assert read_cards(tmp_path).amd[0].memory == Memory(8176 * MIB, 256 * MIB, source="kfd")
