"""Each fault of a machine gives exactly its finding, and a healthy machine gives none: the law of doctor."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding
from rocmswitch.operations.doctor import examine, plan
from rocmswitch.operations.examining import Surgery
from rocmswitch.store.catalog import Catalog, shipped_manifests
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk
from tests.support import sickpackages, sickroots
from tests.support.kernelmodules import KERNEL


@dataclass(frozen=True)
class Sick:
    """A fault: what makes it, and the one finding that it gives, with words that must be in it."""

    make: Callable[[Path], None]
    id: str
    severity: str
    where: str
    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def nothing(_root: Path) -> None:
    """The fault is in the shell."""


R, P = sickroots, sickpackages
LOG = "/var/log/kern.log"
LISTS = "/etc/apt/sources.list.d"
SECURE_BOOT = f"/{R.SECURE_BOOT}"
OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"
ENROL = "sudo mokutil --import /var/lib/shim-signed/mok/MOK.der"
TABLE = (
    Sick(R.without_driver, "driver", FAULT, R.CARD, ("amdgpu is not loaded", "sudo modprobe amdgpu")),
    Sick(
        R.blacklisted,
        "driver-blacklist:etc/modprobe.d/blacklist-gpu.conf:2",
        FAULT,
        "{root}/etc/modprobe.d/blacklist-gpu.conf",
        ("line 2: `blacklist amdgpu`", "no driver now", "rocmswitch recover --root {root}"),
    ),
    Sick(
        R.blacklisted_at_boot,
        "driver-blocked:proc/cmdline:1",
        FAULT,
        "{root}/proc/cmdline",
        ("modprobe.blacklist=amdgpu", "no driver now", "boot once more without that word"),
    ),
    Sick(
        R.without_modes,
        "driver-nomodeset:etc/default/grub:1",
        FAULT,
        "{root}/etc/default/grub",
        ("nomodeset", "no driver now"),
    ),
    Sick(R.given_up, "log-start", FAULT, f"{LOG}:11", ("Fatal error", "amdgpu/navi10_pfp.bin", "apt install")),
    Sick(R.mixed_modules, "log-symbols", FAULT, f"{LOG}:9", ("amdkcl_dev_cgroup_init", "rocmswitch recover")),
    Sick(R.without_atomics, "atomics", FAULT, f"{LOG}:9", ("PCI rejects atomics", "slot")),
    Sick(R.firmware_missing, "log-firmware", WARNING, f"{LOG}:9", ("navi10_mes.bin", "firmware-amd-graphics")),
    Sick(R.hung, "log-hang", WARNING, f"{LOG}:9", ("ring comp_1.0.0 timeout", "rocmswitch probe")),
    Sick(R.page_fault, "log-page-fault", WARNING, f"{LOG}:9", ("page fault (src_id:0", "rocmswitch probe")),
    Sick(R.without_device_file, "device", FAULT, "/dev/kfd", ("`/dev/kfd`", "sudo udevadm trigger")),
    Sick(R.in_a_container, "device", FAULT, "/dev/kfd", ("--device=/dev/kfd --device=/dev/dri",)),
    Sick(R.refused_by_secure_boot, "secure-boot", FAULT, f"{LOG}:9", ("unavailable key is rejected", "recover")),
    Sick(
        R.built_unsigned,
        f"secure-boot:{KERNEL}",
        FAULT,
        SECURE_BOOT,
        ("nobody has signed `/usr", "recover --root {root}"),
    ),
    Sick(R.signed_by_a_stranger, f"secure-boot:{KERNEL}", FAULT, SECURE_BOOT, ("does not know", ENROL)),
    Sick(R.waiting_for_the_boot, f"secure-boot:{KERNEL}", FAULT, SECURE_BOOT, ("handed over", "Enroll MOK")),
    Sick(
        R.integrated_first,
        "integrated",
        WARNING,
        "/sys/class/kfd",
        ("gfx1103", "gfx1100", "ROCR_VISIBLE_DEVICES=1"),
    ),
    Sick(R.two_cards_translated, "iommu", NOTE, "/proc/cmdline", ("0000:09:00.0", "iommu=pt", "update-grub")),
    Sick(
        R.other_rocm_for_the_loader,
        "foreign-loader:/etc/ld.so.conf.d/amd.conf:2",
        WARNING,
        "/etc/ld.so.conf.d/amd.conf:2",
        ("/opt/rocm-5.7.0/lib", "sudo ldconfig"),
    ),
    Sick(
        R.override_of_the_machine,
        f"global-variable:{{root}}/etc/environment:2:{OVERRIDE}",
        WARNING,
        "{root}/etc/environment:2",
        ("gfx1030", "no version", "delete line 2"),
    ),
    Sick(
        R.left_by_hand,
        "leftovers:/etc/profile.d/rocm_gfx1010.sh",
        WARNING,
        "/etc/profile.d/rocm_gfx1010.sh",
        ("no package owns it", "rocmswitch doctor --fix"),
    ),
    Sick(
        R.snapshot_outdated,
        "snapshot",
        WARNING,
        "/var/lib/rocmswitch/driver/snapshots/1",
        (R.NEWER, "sudo rocmswitch driver snapshot"),
    ),
    Sick(R.programs_nowhere, "tools", NOTE, "/opt/rocm", ("rocminfo", "rocmswitch link /opt/rocm")),
    Sick(nothing, "override-value", FAULT, OVERRIDE, ("10.3", f"unset {OVERRIDE}"), {OVERRIDE: "10.3"}),
    Sick(nothing, "override", NOTE, OVERRIDE, ("gfx1010 anyway", f"unset {OVERRIDE}"), {OVERRIDE: "10.1.0"}),
    Sick(
        nothing,
        "foreign-path:LD_LIBRARY_PATH",
        WARNING,
        "LD_LIBRARY_PATH",
        ("/opt/rocm/lib", "unset LD_LIBRARY_PATH"),
        {"LD_LIBRARY_PATH": "/opt/rocm/lib"},
    ),
    Sick(
        P.half_configured,
        "driver-half-configured:amdgpu-dkms",
        FAULT,
        "the package database",
        ("half-configured", "recover --root {root}"),
    ),
    Sick(
        P.dkms_leftover,
        "driver-dkms-leftover:amdgpu/6.7.0-1",
        WARNING,
        "/var/lib/dkms/amdgpu/6.7.0-1",
        ("dkms status", "sudo rm -r /var/lib/dkms/amdgpu/6.7.0-1"),
    ),
    Sick(
        P.build_broken_off,
        f"dkms-build:amdgpu/6.12.12:{KERNEL}",
        WARNING,
        "/var/lib/dkms/amdgpu/6.12.12/build/make.log:3",
        ("too few arguments", "sudo dkms remove amdgpu/6.12.12 --all"),
    ),
    Sick(
        P.two_releases,
        "repositories:rocm",
        WARNING,
        f"{LISTS}/amd-old.sources:2",
        ("5.7", "6.2.4", f"sudo mv {LISTS}/amd-old.sources {LISTS}/amd-old.sources.disabled"),
    ),
    Sick(
        P.two_drivers, "repositories:amdgpu", WARNING, f"{LISTS}/driver1.list:1", ("30.10", "driver1.list.disabled")
    ),
    Sick(
        P.two_releases_of_rpms,
        "repositories:rocm",
        WARNING,
        "/etc/yum.repos.d/rocm-5.7.repo:3",
        ("rocm-5.7.repo.disabled", "dnf clean metadata"),
    ),
    Sick(P.repeated, f"repository-twice:{LISTS}/amd.list:1", NOTE, f"{LISTS}/amd.list:1", ("again.list:1",)),
    Sick(P.without_key, f"repository-key:{LISTS}/amd.list:1", WARNING, f"{LISTS}/amd.list:1", ("rocm.gpg",)),
    Sick(P.for_another_release, f"repository-suite:{LISTS}/amd.list:1", WARNING, f"{LISTS}/amd.list:1", ("jammy",)),
    Sick(P.without_pin, "repository-pin", NOTE, f"{LISTS}/amd.list:1", ("/etc/apt/preferences.d/rocm-pin-600",)),
    Sick(
        P.kept_out,
        "repository-pin:/etc/apt/preferences.d/amd:1",
        WARNING,
        "/etc/apt/preferences.d/amd:1",
        ("priority -1",),
    ),
    Sick(
        P.firmware_by_hand,
        "driver-firmware:usr/lib/firmware/updates/amdgpu/navi10_pfp.bin",
        WARNING,
        "{root}/usr/lib/firmware/updates/amdgpu/navi10_pfp.bin",
        ("no package owns it",),
    ),
    Sick(
        P.firmware_of_another_driver,
        "firmware-clash",
        WARNING,
        "/usr/lib/firmware/updates/amdgpu/navi10_pfp.bin",
        ("amdgpu-dkms-firmware", "sudo apt remove amdgpu-dkms-firmware"),
    ),
    Sick(
        P.firmware_unpacked,
        "firmware-twin",
        WARNING,
        "/usr/lib/firmware/amdgpu/navi10_pfp.bin",
        ("navi10_pfp.bin.zst", "sudo mv"),
    ),
)


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sickroots.healthy(tmp_path_factory.mktemp("well") / "machine")


@pytest.fixture
def root(well: Path, tmp_path: Path) -> Path:
    """One of its own, to be made sick."""
    return shutil.copytree(well, tmp_path / "machine", symlinks=True)


def found(root: Path, home: Path, **environment: str) -> tuple[Finding, ...]:
    layouts = (Layout.under(home / "rocmswitch"),)
    shell = {"HOME": str(home), "PATH": "/usr/bin:/bin", **environment}
    here = Surgery(layouts, Installed(layouts), Catalog(shipped_manifests(), ()), shell, Disk(), root)
    return plan(examine(here))


def test_nothing_is_wrong_with_a_healthy_machine(well: Path, tmp_path: Path):
    assert found(well, tmp_path) == ()


@pytest.mark.parametrize("make", [sickroots.built_signed], ids=lambda one: one.__name__)
def test_what_is_as_it_should_be_gives_none(root: Path, tmp_path: Path, make: Callable[[Path], None]):
    make(root)

    assert found(root, tmp_path) == ()


@pytest.mark.parametrize("sick", TABLE, ids=lambda one: f"{one.make.__name__}-{one.id.partition(':')[0]}")
def test_each_fault_gives_exactly_its_finding(root: Path, tmp_path: Path, sick: Sick):
    sick.make(root)

    told = found(root, tmp_path, **sick.environment)

    assert [(one.id, one.severity, one.where) for one in told] == [
        (sick.id.format(root=root), sick.severity, sick.where.format(root=root))
    ]
    text = f"{told[0].what} {told[0].why} {told[0].remedy.text if told[0].remedy else ''}"
    assert [word for word in sick.words if word.format(root=root) not in text] == []
