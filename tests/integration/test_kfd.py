"""Reading the KFD topology of machines with several cards, none, and with files that say nonsense."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

import rocmswitch
from rocmswitch.host.gpu import first_target, hidden_nodes, read_gpus
from rocmswitch.model.gpu import Gpu
from tests.support.kfd import CPU, MI210, NODES, RX5700XT, RX7900XTX, plug, write_node

GARBLED = (
    "",
    "gfx_target_version",
    "gfx_target_version -100100",
    "gfx_target_version 0x18704",
    "gfx_target_version ١٠٠١٠٠",
    "gfx_target_version 100100 100100",
    "gfx_target_version " + "9" * 5000,
    "\x00\x00\xff",
    "gfx_target_version_2 100100",
)


def test_the_processor_is_no_gpu_and_the_card_is_described(tmp_path: Path):
    plug(tmp_path, RX5700XT)

    (gpu,) = read_gpus(tmp_path)

    assert gpu == Gpu(1, "gfx1010", "navi10", 4098, 0x731F, 0, 0x800, 128)
    assert (gpu.address, gpu.render_node) == ("0000:08:00.0", "/dev/dri/renderD128")


def test_cards_come_in_the_order_of_their_numbers_and_not_of_their_letters(tmp_path: Path):
    plug(tmp_path, *[RX7900XTX] * 9, MI210)

    assert [gpu.node for gpu in read_gpus(tmp_path)] == list(range(1, 11))
    assert read_gpus(tmp_path)[-1].target == "gfx90a"


def test_the_first_card_counts(tmp_path: Path):
    plug(tmp_path, MI210, RX5700XT)

    assert first_target(tmp_path) == "gfx90a"


@pytest.mark.parametrize("nodes", [(), (CPU,)], ids=["no driver", "only a processor"])
def test_a_machine_without_a_card_has_no_target(tmp_path: Path, nodes: tuple[str, ...]):
    for number, properties in enumerate(nodes):
        write_node(tmp_path, number, properties)

    assert (first_target(tmp_path), read_gpus(tmp_path)) == ("", ())


@pytest.mark.parametrize("properties", GARBLED)
def test_a_garbled_node_is_passed_over(tmp_path: Path, properties: str):
    write_node(tmp_path, 1, properties)
    plug(tmp_path / "other", RX5700XT)
    write_node(tmp_path, 2, (tmp_path / "other/sys/class/kfd/kfd/topology/nodes/1/properties").read_text())

    assert [gpu.node for gpu in read_gpus(tmp_path)] == [2]


def test_what_is_no_node_is_passed_over(tmp_path: Path):
    plug(tmp_path, RX5700XT)
    write_node(tmp_path, "x1", "gfx_target_version 110000\n")
    write_node(tmp_path, "²", "gfx_target_version 110000\n")
    (tmp_path / "sys/class/kfd/kfd/topology/nodes/7").touch()

    assert [gpu.target for gpu in read_gpus(tmp_path)] == ["gfx1010"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_card_that_may_not_be_read_is_passed_over(tmp_path: Path):
    plug(tmp_path, RX5700XT, MI210)
    (tmp_path / "sys/class/kfd/kfd/topology/nodes/1/properties").chmod(0)

    assert first_target(tmp_path) == "gfx90a"


def test_a_node_whose_properties_are_a_folder_is_passed_over(tmp_path: Path):
    plug(tmp_path, MI210)
    (tmp_path / "sys/class/kfd/kfd/topology/nodes/0/properties").unlink()
    (tmp_path / "sys/class/kfd/kfd/topology/nodes/0/properties").mkdir()

    assert first_target(tmp_path) == "gfx90a"


def test_cards_that_the_kernel_does_not_show_are_counted(tmp_path: Path):
    plug(tmp_path, MI210, MI210)
    for node in (1, 2):
        properties = tmp_path / f"sys/class/kfd/kfd/topology/nodes/{node}/properties"
        properties.unlink()
        properties.mkdir()  # even root cannot read it

    assert (read_gpus(tmp_path), hidden_nodes(tmp_path)) == ((), 2)


def test_a_card_without_a_name_is_still_a_card(tmp_path: Path):
    plug(tmp_path, RX5700XT)
    (tmp_path / "sys/class/kfd/kfd/topology/nodes/1/name").unlink()

    assert [gpu.name for gpu in read_gpus(tmp_path)] == [""]


def test_files_that_never_end_are_not_waited_for(tmp_path: Path):
    nodes = plug(tmp_path, RX5700XT, MI210) / NODES
    for file in (nodes / "1/properties", nodes / "2/name"):
        file.unlink()
        os.mkfifo(file)

    assert [(gpu.target, gpu.name) for gpu in read_gpus(tmp_path)] == [("gfx90a", "")]
    assert hidden_nodes(tmp_path) == 1


@pytest.mark.parametrize("properties", (*GARBLED, "gfx_target_version 100100\nlocation_id " + "9" * 5000))
def test_the_wheel_of_the_convolutions_knows_the_same_cards(tmp_path: Path, properties: str):
    """It has a reader of its own, because it runs where rocmswitch cannot be imported."""
    plug(tmp_path, RX7900XTX, MI210)
    write_node(tmp_path, 3, properties)
    source = Path(rocmswitch.__file__).parent / "guest/convolutions/cards.py"

    cards = runpy.run_path(str(source))["read_cards"](str(tmp_path / NODES))

    assert [card.target for card in cards] == [gpu.target for gpu in read_gpus(tmp_path)]
