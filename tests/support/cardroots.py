"""Cards below a folder as the kernel shows them in /sys: the PCI bus with its bridges, and what amdgpu adds.

Made by hand, after the files of kernel 6.8. The ids of RX5700XT are those of a real board (its uevent is in LACT's
test data), those of the others of libdrm's table. `tests/support/kfd.py` makes the topology beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.support.kfd import MI210, Card, plug, write_node

BUS = "sys/bus/pci/devices"
MIB, GIB = 2**20, 2**30
FULL = ("16.0 GT/s PCIe", 16)


@dataclass(frozen=True)
class Function:
    """A PCI function. `above` are the bridges between it and the root, the uppermost first."""

    address: str
    device: int
    revision: int = 0
    vendor: int = 0x1002
    subsystem: tuple[int, int] = (0, 0)
    kind: int = 0x030000
    driver: str = "amdgpu"
    link: tuple[str, int] = FULL
    best: tuple[str, int] = FULL
    above: tuple[Function, ...] = ()
    files: dict[str, object] = field(default_factory=dict)


ROOT_PORT = Function("0000:00:03.1", 0x1483, vendor=0x1022, kind=0x060400, driver="pcieport")
UPSTREAM = Function("0000:06:00.0", 0x1478, kind=0x060400, driver="pcieport", link=("8.0 GT/s PCIe", 8))
DOWNSTREAM = Function("0000:07:00.0", 0x1479, kind=0x060400, driver="pcieport")
RX5700XT = Function(
    "0000:08:00.0",
    0x731F,
    0xC1,
    subsystem=(0x1DA2, 0xE409),
    above=(ROOT_PORT, UPSTREAM, DOWNSTREAM),
    files={
        "mem_info_vram_total": 8176 * MIB,
        "mem_info_vis_vram_total": 256 * MIB,
        "mem_info_gtt_total": 16 * GIB,
        "drm/renderD128/dev": "226:128",
        "drm/card0/dev": "226:0",
    },
)
RAPHAEL = Function(
    "0000:10:00.0",
    0x164E,
    0xC1,
    files={
        "mem_info_vram_total": 512 * MIB,
        "mem_info_vis_vram_total": 512 * MIB,
        "mem_info_gtt_total": 31 * GIB,
        "drm/renderD129/dev": "226:129",
    },
)
H200 = Function("0000:e4:00.0", 0x2335, 0xA1, vendor=0x10DE, kind=0x030200, driver="nvidia")
BMC = Function("0000:c3:00.0", 0x2000, 0x52, vendor=0x1A03, driver="ast")


def rx5700xt_machine(root: Path) -> Path:
    """A desktop with an RX 5700 XT in a slot of eight lanes: made by hand, recorded of no machine."""
    plug(root, Card(100100, 0x731F, "navi10"))
    return put(root, RX5700XT)


def mi300x_in_parts(root: Path) -> Path:
    """Two MI300X, each in eight partitions: nodes 1 to 16, at functions that are no PCI devices.

    With the numbers of a real machine (ROCm/k8s-device-plugin@ed764684, testdata/topo-mi300-cpx).
    """
    for card, (bus, unique) in enumerate(((0x05, 16404946649897475633), (0x27, 2472748907779728154))):
        for part in range(8):
            node = write_node(
                root, 1 + 8 * card + part, _part(bus * 256 + part, unique, 128 + 8 * card + part), "ip discovery"
            )
            bank(node, 1, 24 * GIB)
        put(root, Function(f"0000:{bus:02x}:00.0", 0x74A1, kind=0x120000))
    return root


def mi210_pair(root: Path) -> Path:
    """Two MI210 that are joined by xGMI, of which only the topology is shown."""
    plug(root, MI210, Card(90010, 0x740F, "aldebaran", 0x6300))
    for number in (1, 2):
        folder = root / f"sys/class/kfd/kfd/topology/nodes/{number}"
        text = (folder / "properties").read_text().replace("hive_id 0", "hive_id 12609507387757274807")
        (folder / "properties").write_text(text)
        bank(folder, 2, 64 * GIB)
    return root


def put(root: Path, *functions: Function) -> Path:
    """Plug *functions* and their bridges in. Gives *root*."""
    for function in functions:
        folder = root / "sys/devices/pci0000:00"
        for one in (*function.above, function):
            folder = folder / one.address
            _write(root, folder, one)
    return root


def bank(node: Path, kind: int, size: int) -> None:
    """The memory of a node: 1 is reached by the processor, 2 by the card alone."""
    file = node / "mem_banks/0/properties"
    file.parent.mkdir(parents=True)
    file.write_text(f"heap_type {kind}\nsize_in_bytes {size}\nflags 0\nwidth 256\nmem_clk_max 875\n")


def names_of_libdrm(root: Path, *rows: str, folder: str = "usr/share/libdrm") -> Path:
    """The machine's table of names. Gives *root*."""
    file = root / folder / "amdgpu.ids"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(("# List of AMDGPU IDs", "1.0.0", *rows)) + "\n")
    return root


def _write(root: Path, folder: Path, one: Function) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "vendor": f"{one.vendor:#06x}",
        "device": f"{one.device:#06x}",
        "revision": f"{one.revision:#04x}",
        "class": f"{one.kind:#08x}",
        "subsystem_vendor": f"{one.subsystem[0]:#06x}",
        "subsystem_device": f"{one.subsystem[1]:#06x}",
        "current_link_speed": one.link[0],
        "current_link_width": one.link[1],
        "max_link_speed": one.best[0],
        "max_link_width": one.best[1],
        **one.files,
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{content}\n")
    if one.driver and not (folder / "driver").is_symlink():
        (root / "sys/bus/pci/drivers" / one.driver).mkdir(parents=True, exist_ok=True)
        up = "../" * len(folder.relative_to(root / "sys").parts)
        (folder / "driver").symlink_to(f"{up}bus/pci/drivers/{one.driver}")
    entry = root / BUS / one.address
    entry.parent.mkdir(parents=True, exist_ok=True)
    if not entry.is_symlink():
        entry.symlink_to(Path("../../..") / folder.relative_to(root / "sys"))


def _part(location: int, unique: int, minor: int) -> str:
    return (
        f"cpu_cores_count 0\nsimd_count 152\nmem_banks_count 1\ngfx_target_version 90402\nvendor_id 4098\n"
        f"device_id 29857\nlocation_id {location}\ndomain 0\ndrm_render_minor {minor}\n"
        f"hive_id 15188982192727901047\nlocal_mem_size 0\nunique_id {unique}\nnum_xcc 1\n"
    )
