"""One AMD GPU as the kernel's driver describes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """A node of the KFD topology that computes. Numbers that the driver does not state are 0."""

    node: int
    """Its number in the topology; ROCm counts its devices in this order."""
    target: str
    """What code for it is compiled for: `gfx1010`. An override does not change it."""
    name: str = ""
    """The driver's own, `navi10` or `ip discovery`: no name for people."""
    vendor: int = 0
    """PCI, 4098 is AMD."""
    device: int = 0
    domain: int = 0
    """PCI."""
    location: int = 0
    """PCI: the bus in the upper eight bits, the device in five, the function in three."""
    render_minor: int = 0

    @property
    def address(self) -> str:
        """Where it is plugged in, as lspci writes it: `0000:08:00.0`."""
        bus, device, function = self.location >> 8, self.location >> 3 & 31, self.location & 7
        return f"{self.domain:04x}:{bus:02x}:{device:02x}.{function}"

    @property
    def render_node(self) -> str:
        """The device file that programs open beside /dev/kfd; empty where the driver states none."""
        return f"/dev/dri/renderD{self.render_minor}" if self.render_minor else ""


def target_name(gfx_target_version: int) -> str:
    """The target that the driver states as major, minor and stepping in decimal: 90010 is `gfx90a`.

    Minor and stepping are hexadecimal digits in the name (LLVM's AMDGPU user guide, Processors). 0, which is a
    processor's, has none, nor has what is no such number.
    """
    major, rest = divmod(gfx_target_version, 10_000)
    minor, stepping = divmod(rest, 100)
    return f"gfx{major}{minor:x}{stepping:x}" if 0 < major < 1_000 and minor < 16 and stepping < 16 else ""
