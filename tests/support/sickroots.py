"""The root of a healthy machine with an RX 5700 XT, and what makes it sick: one function for each fault.

    root = healthy(tmp_path / "machine")           # doctor finds nothing there
    blacklisted(root)                              # and now exactly that

It is an Ubuntu as far as doctor looks at one. Roots are only looked at: they have no programs. What is wrong with
packages and their sources stands in sickpackages.py.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.host.system import read_system
from rocmswitch.model.snapshot import BY_USER
from rocmswitch.operations import snapshot
from rocmswitch.store.layout import Layout
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.disk import Disk
from tests.support.kernelmodules import KERNEL, module, signed
from tests.support.kernelroots import PARAMETERS, add_kernel, add_package, in_tree, kernel_root, write
from tests.support.kfd import NODES, RX5700XT, Card, plug

CARD = "0000:08:00.0"
PHOENIX = Card(110003, 0x15BF, "ip discovery", 0xC500)
"""A Ryzen 7 7840's own GPU."""
RX7900XTX_IN = Card(110000, 0x744C, "ip discovery", 0x300)
NEWER = "6.1.0-51-amd64"
MODULES = f"usr/lib/modules/{KERNEL}"
LOG = f"""\
Nov 19 21:14:02 ada kernel: [    0.000000] Linux version {KERNEL} (gcc-12) #1 SMP
Nov 19 21:14:09 ada kernel: [    5.101000] [drm:amdgpu_device_init [amdgpu]] *ERROR* sw_init of IP block failed -2
Nov 19 21:14:09 ada kernel: [    5.102000] amdgpu {CARD}: amdgpu: Fatal error during GPU init
Nov 20 08:01:10 ada kernel: [    0.000000] Linux version {KERNEL} (gcc-12) #1 SMP
Nov 20 08:01:10 ada kernel: [    0.211000] iommu: Default domain type: Translated
Nov 20 08:01:15 ada kernel: [    4.900000] [drm] amdgpu kernel modesetting enabled.
Nov 20 08:01:16 ada kernel: [    5.400000] kfd kfd: amdgpu: added device 1002:731f
Nov 20 08:01:16 ada systemd[1]: Started amdgpu fan control.
"""
"""The boot before was bad, and this one is good."""
EFI = "sys/firmware/efi/efivars"
SECURE_BOOT = f"{EFI}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
ENROLLED = f"{EFI}/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23"
WAITING = f"{EFI}/MokNew-605dab50-e046-4300-abb6-3dd810dd8b23"
CERTIFICATE = bytes(range(256)) * 3


def healthy(root: Path) -> Path:
    """Made. It has Secure Boot, one release of AMD's repository with its key and pin, and an IOMMU."""
    kernel_root(root)
    index(root)
    for path, text in _FILES.items():
        write(root / path, text)
    write(root / SECURE_BOOT, b"\6\0\0\0\1")
    write(root / "etc/apt/keyrings/rocm.gpg", b"\x99key")
    plug(root, RX5700XT)
    plug_in(root, CARD)
    open_devices(root)
    return root


def index(root: Path, kernel: str = KERNEL) -> None:
    """By this machine's depmod; skips where there is none."""
    program = shutil.which("depmod", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip("there is no `depmod` here: install kmod")
    subprocess.run([program, "-b", str(root), kernel], check=True, capture_output=True)


def plug_in(root: Path, address: str, domain: str = "identity") -> None:
    """An AMD card on the PCI bus, in a *domain* of the IOMMU."""
    folder = f"sys/bus/pci/devices/{address}"
    for name, text in (("vendor", "0x1002"), ("class", "0x030000"), ("device", "0x731f"), ("revision", "0xc1")):
        write(root / folder / name, f"{text}\n")
    write(root / folder / "iommu_group/type", f"{domain}\n")


def open_devices(root: Path) -> None:
    for name in ("kfd", "dri/renderD128", "dri/renderD129"):
        write(root / "dev" / name, "")


def say(root: Path, *lines: str) -> None:
    """The kernel says *lines* in this boot."""
    with (root / "var/log/kern.log").open("a") as log:
        log.writelines(f"Nov 20 08:01:20 ada kernel: [    9.000000] {line}\n" for line in lines)


def without_driver(root: Path) -> None:
    """The card is on the bus, and there is no compute driver."""
    shutil.rmtree(root / NODES)
    shutil.rmtree(root / "sys/module/amdgpu")
    shutil.rmtree(root / "dev")
    (root / "dev").mkdir()


def blacklisted(root: Path) -> None:
    without_driver(root)
    write(root / "etc/modprobe.d/blacklist-gpu.conf", "# for the display\nblacklist amdgpu\n")


def blacklisted_at_boot(root: Path) -> None:
    without_driver(root)
    write(root / "proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda2 modprobe.blacklist=amdgpu\n")


def without_modes(root: Path) -> None:
    without_driver(root)
    write(root / "etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet nomodeset"\n')


def firmware_missing(root: Path) -> None:
    say(root, f"amdgpu {CARD}: Direct firmware load for amdgpu/navi10_mes.bin failed with error -2")


def given_up(root: Path) -> None:
    without_driver(root)
    say(
        root,
        f"amdgpu {CARD}: Direct firmware load for amdgpu/navi10_pfp.bin failed with error -2",
        "[drm:amdgpu_device_init [amdgpu]] *ERROR* sw_init of IP block <gfx_v10_0> failed -2",
        f"amdgpu {CARD}: amdgpu: Fatal error during GPU init",
    )


def mixed_modules(root: Path) -> None:
    without_driver(root)
    say(root, "amdgpu: Unknown symbol amdkcl_dev_cgroup_init (err -2)")


def without_atomics(root: Path) -> None:
    without_driver(root)
    say(root, "kfd kfd: amdgpu: skipped device 1002:731f, PCI rejects atomics 730<0")


def hung(root: Path) -> None:
    say(root, "[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring comp_1.0.0 timeout, signaled seq=2, emitted seq=4")


def page_fault(root: Path) -> None:
    say(root, f"amdgpu {CARD}: amdgpu: [gfxhub] page fault (src_id:0 ring:24 vmid:8 pasid:32771)")


def without_device_file(root: Path) -> None:
    (root / "dev/kfd").unlink()


def in_a_container(root: Path) -> None:
    """Started without the devices."""
    write(root / ".dockerenv", "")
    shutil.rmtree(root / "dev")


def refused_by_secure_boot(root: Path) -> None:
    without_driver(root)
    say(root, "amdgpu: Loading of module with unavailable key is rejected")


def built_unsigned(root: Path) -> None:
    """By a DKMS that was told nothing of keys."""
    _built(root, module(kernel=KERNEL, payload=b"AMD's" * 300, parameters=PARAMETERS))


def signed_by_a_stranger(root: Path) -> None:
    built_signed(root)
    write(root / ENROLLED, b"\7\0\0\0" + bytes(900))


def built_signed(root: Path) -> None:
    """With a key that the firmware knows: nothing is wrong."""
    _built(root, signed(module(kernel=KERNEL, payload=b"AMD's" * 300, parameters=PARAMETERS)))
    write(root / "var/lib/shim-signed/mok/MOK.der", CERTIFICATE)
    write(root / ENROLLED, b"\7\0\0\0" + bytes(44) + CERTIFICATE + bytes(9))


def waiting_for_the_boot(root: Path) -> None:
    signed_by_a_stranger(root)
    write(root / WAITING, b"\7\0\0\0" + CERTIFICATE)


def integrated_first(root: Path) -> None:
    shutil.rmtree(root / NODES)
    plug(root, PHOENIX, RX7900XTX_IN)


def two_cards_translated(root: Path) -> None:
    plug(root, RX5700XT, Card(100100, 0x731F, "navi10", 0x900))
    for address in (CARD, "0000:09:00.0"):
        plug_in(root, address, "DMA-FQ")


def other_rocm_for_the_loader(root: Path) -> None:
    write(root / "etc/ld.so.conf.d/amd.conf", "# AMD\n/opt/rocm-5.7.0/lib\n")


def override_of_the_machine(root: Path) -> None:
    write(root / "etc/environment", 'PATH="/usr/bin"\nHSA_OVERRIDE_GFX_VERSION=gfx1030\n')


def left_by_hand(root: Path) -> None:
    write(root / "etc/profile.d/rocm_gfx1010.sh", "# nothing\n")


def programs_nowhere(root: Path) -> None:
    write(root / "opt/rocm/bin/rocminfo", "")
    add_package(root, "rocminfo", ("opt/rocm/bin/rocminfo",))


def add_newer_kernel(root: Path) -> None:
    """As an upgrade does."""
    add_kernel(root, NEWER)
    index(root, NEWER)


def snapshot_outdated(root: Path) -> None:
    """Made before the newest kernel came."""
    if os.geteuid() != 0:
        pytest.skip("snapshots are root's alone")
    snapshots = Snapshots(Layout.driver(root), Disk(), root)
    snapshot.take(read_system(root), snapshots, BY_USER, Disk())
    add_newer_kernel(root)


def upgraded(root: Path) -> None:
    """The kernel's package has another amdgpu than before, and says so."""
    path = in_tree()
    write(root / path, module(kernel=KERNEL, payload=b"mended" * 500, parameters=PARAMETERS))
    index(root)
    sums = root / f"var/lib/dpkg/info/linux-image-{KERNEL}.md5sums"
    lines = [line for line in sums.read_text().splitlines() if not line.endswith(path)]
    digest = hashlib.md5((root / path).read_bytes()).hexdigest()
    sums.write_text("\n".join([*lines, f"{digest}  {path}"]) + "\n")


def _built(root: Path, content: bytes) -> None:
    """A module of a package in `updates`, which depmod prefers."""
    path = f"{MODULES}/updates/dkms/amdgpu.ko"
    write(root / path, content)
    index(root)
    add_package(root, "amdgpu-built", (path,))


_FILES = {
    "etc/os-release": "ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n",
    "etc/group": "root:x:0:\nvideo:x:44:\nrender:x:992:ada\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/bash\n",
    "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
    "etc/ld.so.conf.d/libc.conf": "# libc default configuration\n/usr/local/lib\n",
    "etc/environment": 'PATH="/usr/local/bin:/usr/bin"\n',
    "etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\n',
    "etc/apt/sources.list": "# Ubuntu's own are in ubuntu.sources\n",
    "etc/apt/sources.list.d/ubuntu.sources": "Types: deb\nURIs: http://archive.ubuntu.com/ubuntu\n"
    "Suites: noble noble-updates\nComponents: main\nSigned-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n",
    "etc/apt/sources.list.d/amd.list": "deb [arch=amd64 signed-by=/etc/apt/keyrings/rocm.gpg] "
    "https://repo.radeon.com/rocm/apt/6.2.4 noble main\n",
    "etc/apt/preferences.d/amd": "Package: *\nPin: release o=repo.radeon.com\nPin-Priority: 600\n",
    "usr/share/keyrings/ubuntu-archive-keyring.gpg": "",
    "usr/lib/firmware/amdgpu/navi10_pfp.bin.zst": "",
    "proc/cmdline": f"BOOT_IMAGE=/vmlinuz-{KERNEL} root=/dev/sda2 ro quiet splash\n",
    "sys/module/amdgpu/refcnt": "3\n",
    "sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
    "var/log/kern.log": LOG,
}
