"""Symptoms of machines in which every row about them finds something."""

from __future__ import annotations

from dataclasses import replace

from rocmswitch.model.convolutions import ConvolutionSymptoms
from rocmswitch.model.gpu import Gpu
from rocmswitch.model.kernel import FirmwareFile, Owner
from rocmswitch.model.machine import (
    APT,
    FailedBuild,
    FirmwareTwin,
    KernelLog,
    LoaderFolder,
    LogLine,
    MachineSymptoms,
    Pin,
    SecureBoot,
    SnapshotState,
    Source,
    Space,
)
from rocmswitch.model.symptoms import Active, CardSymptoms, ShellSymptoms, Symptoms, Tools
from tests.support.systems import bookworm

CARD = "0000:08:00.0"
NAVI10 = Gpu(1, "gfx1010", location=0x800, render_minor=128)
BARE = CardSymptoms(plugged=(CARD,))
LINES = (
    "amdgpu: Unknown symbol amdkcl_dev_cgroup_init (err -2)",
    f"amdgpu {CARD}: Direct firmware load for amdgpu/navi10_pfp.bin failed with error -2",
    "kfd kfd: skipped device 1002:731f, PCI rejects atomics",
    "[drm] PCIE atomic ops is not supported",
    "[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring gfx timeout",
    "amdgpu: [gfxhub] page fault (src_id:0 ring:24)",
    f"amdgpu {CARD}: amdgpu: Fatal error during GPU init",
    "amdgpu: Loading of unsigned module is rejected",
)
AMD = Source(APT, "/etc/apt/sources.list.d/rocm.list", 1, "https://repo.radeon.com/rocm/apt/6.2.4", "jammy")
MACHINE = MachineSymptoms(
    log=KernelLog(tuple(LogLine(one, f"/var/log/kern.log:{at}") for at, one in enumerate(LINES, 1))),
    secure_boot=SecureBoot(is_on=True, where="/sys/x", certificate="/var/lib/dkms/mok.pub", is_enrolled=False),
    sources=(AMD, replace(AMD, line=2), replace(AMD, line=3, uri="https://repo.radeon.com/rocm/apt/5.7")),
    pins=(Pin("/etc/apt/preferences.d/x", 1, "*", "release o=repo.radeon.com", -1),),
    codename="noble",
    loader=(
        LoaderFolder("/etc/ld.so.conf", 4, "/opt/rocm/lib"),
        LoaderFolder("/etc/ld.so.conf.d/x.conf", 1, "/opt/rocm/lib", is_alone=True),
        LoaderFolder("/etc/ld.so.conf.d/y.conf", 1, "/opt/rocm/lib", package="rocm-core"),
    ),
    builds=(FailedBuild("amdgpu/6.12.12", "6.18.14", "x.c:1:1: error: `y`", "/var/lib/dkms/make.log:3"),),
    spaces=(Space("/d", "the next `rocmswitch use`", 1, 10**9), Space("/boot", "a new boot image", 1, 2)),
    snapshot=SnapshotState(3, "2026-08-01T10:00:00+00:00", ("6.1.0-50-amd64",), ("6.1.0-49-amd64",)),
    firmware_twins=(FirmwareTwin("/lib/firmware/amdgpu/a.bin", "/lib/firmware/amdgpu/a.bin.xz"),),
    command_line="quiet",
    translated=(CARD, "0000:09:00.0"),
)
FIRMWARE = FirmwareFile("lib/firmware/updates/amdgpu/a.bin", "0" * 64, Owner("amdgpu-dkms-firmware", "1:6.8"))
KEYLESS = replace(AMD, key="/etc/apt/keyrings/rocm.gpg", has_key=False)
WITHOUT_START = replace(MACHINE, log=KernelLog(MACHINE.log.lines[1:2]), sources=(KEYLESS,), pins=())

CONVOLUTIONS = ConvolutionSymptoms("demo", "rocm-6.2.4", "/d/venvs/demo", "gfx1010", wanted=True)
WHOLE = replace(CONVOLUTIONS, made_with="1.0", there="1.0", current="2.0")
SYSTEM = bookworm()
EVERYTHING = (
    Symptoms(
        convolutions=(
            *(CONVOLUTIONS, WHOLE, replace(WHOLE, there="")),
            replace(WHOLE, switch=("ROCMSWITCH_CONV", "off")),
        )
    ),
    Symptoms(card=BARE, machine=MACHINE, system=replace(SYSTEM, firmware=(FIRMWARE,))),
    Symptoms(card=BARE, machine=WITHOUT_START, system=replace(SYSTEM, package_database="rpm")),
    Symptoms(card=BARE, machine=WITHOUT_START),
    Symptoms(
        ShellSymptoms(override="10.1.0", tools=Tools(unreached="/opt/rocm")),
        card=replace(
            BARE, gpus=(Gpu(1, "gfx1036"), Gpu(2, "gfx1100")), integrated=(1,), target="gfx1010", plugged=()
        ),
    ),
    Symptoms(ShellSymptoms(override="gfx1030", tools=Tools(("/d/bin",)), active=Active("demo", "rocm-6.2.4"))),
)
