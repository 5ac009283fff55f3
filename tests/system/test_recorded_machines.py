"""Real machines with AMD cards, whose topologies others have recorded and published.

They are not kept here. Clone the repository (Apache-2.0), and name the clone in the environment:

    git clone https://github.com/ROCm/k8s-device-plugin
    RECORDED_MACHINES=k8s-device-plugin scripts/test tests/system/test_recorded_machines.py

Read at commit ed764684. They hold the topology alone: no PCI bus, no DRM, memory in two of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.host.cards import read_cards
from rocmswitch.model.card import Card

TOPOLOGY = "sys/class/kfd/kfd/topology"
GIB = 2**30


@pytest.fixture
def recorded() -> Path:
    folder = Path(os.environ.get("RECORDED_MACHINES", "")) / "testdata"
    if not os.environ.get("RECORDED_MACHINES") or not folder.is_dir():
        pytest.skip("clone ROCm/k8s-device-plugin and name the clone in RECORDED_MACHINES")
    return folder.resolve()


def cards(recorded: Path, name: str, root: Path) -> tuple[Card, ...]:
    place = root / TOPOLOGY
    place.parent.mkdir(parents=True)
    place.symlink_to(recorded / name)
    return read_cards(root).amd


def test_a_server_with_eight_mi210_in_two_hives(recorded: Path, tmp_path: Path):
    found = cards(recorded, "topo-mi210-xgmi-pcie", tmp_path)

    assert {(one.name, one.target, one.target_from) for one in found} == {("AMD Instinct MI210", "gfx90a", "kfd")}
    assert [one.address[5:7] for one in found] == ["03", "26", "43", "63", "83", "a3", "c3", "e3"]
    hives = [one.hive for one in found]
    assert (hives.count(hives[0]), hives.count(hives[-1])) == (4, 4)
    assert sorted(one.node for one in found if one.node) == list(range(2, 10))


def test_a_server_with_eight_mi300x_in_parts(recorded: Path, tmp_path: Path):
    found = cards(recorded, "topo-mi300-cpx/topology", tmp_path)

    assert [len(one.nodes) for one in found] == [8, 8, 8, 8, 8, 8, 8, 7]  # the last part was not recorded
    assert {(one.name, one.target) for one in found} == {("AMD Instinct MI300X", "gfx942")}


def test_a_server_with_eight_mi308x_in_two_domains(recorded: Path, tmp_path: Path):
    found = cards(recorded, "topology-parsing-mi308/topology", tmp_path)

    assert [(one.address, len(one.nodes)) for one in found][4:6] == [("0001:0b:00.0", 4), ("0001:81:00.0", 4)]
    assert {(one.name, round(one.memory.vram / GIB)) for one in found} == {("AMD Instinct MI308X", 192)}


def test_an_old_kernel_that_states_no_target(recorded: Path, tmp_path: Path):
    (found,) = cards(recorded, "topology-parsing/topology", tmp_path)

    assert (found.target, found.target_from, found.name) == ("gfx900", "pci", "AMD Vega 10 (GCN 5)")
