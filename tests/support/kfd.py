"""The KFD topology that amdgpu shows in /sys, as it looks on real machines, below a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NODES = "sys/class/kfd/kfd/topology/nodes"
CPU = "cpu_cores_count 16\nsimd_count 0\nmem_banks_count 1\ngfx_target_version 0\nvendor_id 0\ndevice_id 0\n"
_GPU = """\
cpu_cores_count 0
simd_count 80
mem_banks_count 1
caches_count 103
io_links_count 1
p2p_links_count 0
cpu_core_id_base 0
simd_id_base 2147487744
max_waves_per_simd 20
lds_size_in_kb 64
gds_size_in_kb 0
num_gws 64
wave_front_size 32
array_count 4
simd_arrays_per_engine 2
cu_per_simd_array 10
simd_per_cu 2
max_slots_scratch_cu 32
gfx_target_version {card.version}
vendor_id 4098
device_id {card.device}
location_id {card.location}
domain 0
drm_render_minor {minor}
hive_id 0
num_sdma_engines 2
local_mem_size 8573157376
max_engine_clk_fcompute 2100
"""


@dataclass(frozen=True)
class Card:
    """One model of a card: `version` is its gfx_target_version."""

    version: int
    device: int
    name: str
    location: int = 0x800


RX5700XT = Card(100100, 0x731F, "navi10")
RX6800 = Card(100300, 0x73BF, "navi21", 0x900)
RX7900XTX = Card(110000, 0x744C, "ip discovery", 0x300)
MI210 = Card(90010, 0x740F, "aldebaran", 0x4300)


def plug(root: Path, *cards: Card, driver: str = "") -> Path:
    """Let the machine at *root* have a processor and *cards*. Gives *root*.

    *driver* is the version of amdgpu-dkms, which the kernel's own module does not state.
    """
    write_node(root, 0, CPU, "")
    for number, card in enumerate(cards, start=1):
        write_node(root, number, _GPU.format(card=card, minor=127 + number), card.name)
    if driver:
        version = root / "sys/module/amdgpu/version"
        version.parent.mkdir(parents=True, exist_ok=True)
        version.write_text(f"{driver}\n")
    return root


def write_node(root: Path, number: int | str, properties: str, name: str = "") -> Path:
    """One node of the topology, with any text. Gives its folder."""
    folder = root / NODES / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "properties").write_text(properties)
    (folder / "name").write_text(f"{name}\n")
    return folder
