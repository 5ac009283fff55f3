"""What is wrong with the packages of a machine, and with where they come from: see sickroots.py."""

from __future__ import annotations

from pathlib import Path

from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import add_package, write

_LISTS = "etc/apt/sources.list.d"
AMD = f"{_LISTS}/amd.list"


def half_configured(root: Path) -> None:
    add_package(root, "amdgpu-dkms", (), "1:6.8.5", state="half-configured")


def dkms_leftover(root: Path) -> None:
    (root / "var/lib/dkms/amdgpu/6.7.0-1").mkdir(parents=True)


def build_broken_off(root: Path) -> None:
    """By a kernel that the release does not know."""
    source = "usr/src/amdgpu-6.12.12"
    write(root / source / "dkms.conf", 'PACKAGE_NAME="amdgpu"\nBUILT_MODULE_NAME[0]="amdgpu"\nAUTOINSTALL="yes"\n')
    add_package(root, "amdgpu-dkms", (f"{source}/dkms.conf",))
    folder = root / "var/lib/dkms/amdgpu/6.12.12"
    log = (
        f"DKMS make.log for amdgpu-6.12.12 for kernel {KERNEL} (x86_64)\n"
        "  CC [M]  /tmp/amd.x/amdgpu_device.o\n"
        "/tmp/amd.x/amdgpu_device.c:1752:13: error: too few arguments to function ‘pci_resize_resource’\n"
    )
    write(folder / "build/make.log", log)
    (folder / "source").symlink_to(f"/{source}")


def two_releases(root: Path) -> None:
    write(
        root / f"{_LISTS}/amd-old.sources",
        "Types: deb\nURIs: https://repo.radeon.com/rocm/apt/5.7\nSuites: noble\nComponents: main\n",
    )


def two_drivers(root: Path) -> None:
    for number, release in enumerate(("6.2.4", "30.10"), 1):
        line = f"deb https://repo.radeon.com/amdgpu/{release}/ubuntu noble main\n"
        write(root / f"{_LISTS}/driver{number}.list", line)


def two_releases_of_rpms(root: Path) -> None:
    for release in ("5.7", "6.2.4"):
        text = (
            f"[rocm-{release}]\nname=ROCm\nbaseurl=https://repo.radeon.com/rocm/rhel9/{release}/main\nenabled=1\n"
        )
        write(root / f"etc/yum.repos.d/rocm-{release}.repo", text)
    (root / AMD).unlink()


def repeated(root: Path) -> None:
    write(root / f"{_LISTS}/again.list", (root / AMD).read_text())


def without_key(root: Path) -> None:
    (root / "etc/apt/keyrings/rocm.gpg").unlink()


def for_another_release(root: Path) -> None:
    write(root / AMD, (root / AMD).read_text().replace("noble", "jammy"))


def without_pin(root: Path) -> None:
    (root / "etc/apt/preferences.d/amd").unlink()


def kept_out(root: Path) -> None:
    write(root / "etc/apt/preferences.d/amd", "Package: *\nPin: release o=repo.radeon.com\nPin-Priority: -1\n")


def firmware_by_hand(root: Path) -> None:
    write(root / "usr/lib/firmware/updates/amdgpu/navi10_pfp.bin", "from a guide")


def firmware_of_another_driver(root: Path) -> None:
    path = "usr/lib/firmware/updates/amdgpu/navi10_pfp.bin"
    write(root / path, "AMD's")
    add_package(root, "amdgpu-dkms-firmware", (path,))


def firmware_unpacked(root: Path) -> None:
    write(root / "usr/lib/firmware/amdgpu/navi10_pfp.bin", "from a guide")
