"""Messages about the driver and the card: of the kernel's log, and of programs that cannot reach the card."""

from __future__ import annotations

from rocmswitch.model.finding import WARNING
from rocmswitch.model.trouble import PERHAPS, USUALLY, Sign, Trouble
from rocmswitch.planning.diagnosis_card import CONTAINER_FLAGS

_ROCM_CLI = "github:ROCm/rocm-cli:crates/rocm-core/src/diagnose.rs"
_DRIVER = ("driver", "driver-", "log-start", "log-symbols", "secure-boot", "hidden", "device")

KERNEL = (
    Trouble(
        "rights",
        "you may not use the card",
        "only the group that owns `/dev/kfd` and the render node may open them",
        "run `rocmswitch doctor`: it names the group; mostly `sudo usermod -aG render,video $USER`, then log out "
        f"and in; start a container with `{CONTAINER_FLAGS}`",
        (
            Sign(
                r"Unable to open /dev/kfd read-write: (?:Permission denied|Operation not permitted)",
                ("ROCm/ROCm#1798", "ROCm/ROCm#1211"),
            ),
            Sign(r"/dev/kfd.{0,80}permission denied|permission denied.{0,80}/dev/kfd", (_ROCM_CLI,)),
            Sign(r"/dev/dri\b.{0,80}permission denied|permission denied.{0,80}/dev/dri\b", (_ROCM_CLI,)),
            Sign(r"Failed to open kfd", (_ROCM_CLI,), USUALLY),
            Sign(r"HSA_STATUS_ERROR.{0,80}permission", (_ROCM_CLI,), USUALLY),
            Sign(r"HSA_STATUS_ERROR_OUT_OF_RESOURCES", ("ROCm/ROCm#2232", "ROCm/rocminfo#38"), PERHAPS),
            Sign(r"Failed to open device", (_ROCM_CLI,), PERHAPS),
        ),
        ("rights", "device", "hidden"),
    ),
    Trouble(
        "device",
        "there is no device file of the card",
        "a container was not given it, or the driver is not loaded",
        f"run `rocmswitch doctor`; start a container with `{CONTAINER_FLAGS}`",
        (Sign(r"/dev/kfd.{0,60}No such file or directory", ("ROCm/ROCm#1798",)),),
        (*_DRIVER, "rights"),
    ),
    Trouble(
        "driver-refuses",
        "the driver refuses to open the card for computing: {reason}",
        "it supports no card here, or a container's /dev/kfd is not the machine's",
        "run `rocmswitch gpu`, then `sudo dmesg | grep -i kfd`",
        (
            Sign(
                r"Unable to open /dev/kfd read-write: "
                r"(?P<reason>Invalid argument|Bad address|Cannot allocate memory)",
                ("ROCm/ROCm#5379", "ROCm/ROCm#2232", "ROCm/rocminfo#38"),
            ),
        ),
        _DRIVER,
    ),
    Trouble(
        "driver",
        "the driver amdgpu is not loaded, or offers no card to programs",
        "ROCm sees no card at all",
        "run `rocmswitch doctor`, then `rocmswitch driver status`: they say what keeps it from loading",
        (
            Sign(r"ROCk module is NOT loaded", ("ROCm/ROCm#1626",)),
            Sign(r"amdgpu not found in modules", ("ROCm/ROCm#2767", "ROCm/amdgpu#211")),
            Sign(r"could not insert '?amdgpu", ("ROCm/ROCm#4328",), USUALLY),
            Sign(
                r"Could not initialize Tensile host: No devices found|no ROCm-capable device is detected",
                ("ollama/ollama#6423", "oobabooga/textgen#5064"),
                USUALLY,
            ),
            Sign(r"No HIP GPUs are available|hipErrorNoDevice", (_ROCM_CLI,), USUALLY),
            Sign(
                r"no (?:ROCm|HIP)-capable device|no agents (?:were )?found|no HIP devices? found",
                (_ROCM_CLI,),
                PERHAPS,
            ),
            Sign(r"no devices? found", (_ROCM_CLI,), PERHAPS, is_spoken=True),
            Sign(r"\bHSA_STATUS_ERROR\b", (_ROCM_CLI,), PERHAPS),
        ),
        (*_DRIVER, "rights"),
    ),
    Trouble(
        "too-old",
        "ROCm's part of the driver does not know the chip {chip}",
        "it is too old for ROCm, whatever the release",
        "run `rocmswitch gpu`: it says what each card is, and what stacks give it",
        (Sign(r"amdgpu: (?P<chip>[A-Z0-9_]{1,40})\s{1,4}not supported in kfd", ("ROCm/ROCm#2232",)),),
        _DRIVER,
    ),
    Trouble(
        "atomics",
        "the slot of the card cannot do PCIe atomics",
        "the driver leaves the card out for programs; older cards and firmware need them",
        "move the card to a slot of the processor itself, and update the board's firmware; `rocmswitch gpu` says "
        "how the card is linked",
        (
            Sign(
                r"PCI rejects atomics",
                ("ROCm/ROCm#1214", "ROCm/ROCm#910", "ROCm/ROCm#722", "pytorch/pytorch#103973"),
            ),
        ),
        ("atomics", "driver"),
    ),
    Trouble(
        "no-space-on-bus",
        "the firmware gives the card no room in the address space",
        "the driver cannot reach the card's memory and gives up",
        "switch on `Above 4G Decoding` in the firmware's setup, or boot with `pci=realloc`",
        (
            Sign(
                r"amdgpu.{0,60}\bBAR \d{1,9}.{0,60}failed to assign",
                ("ROCm/ROCm#1541", "ROCm/ROCm#6281"),
            ),
            Sign(
                r"\bBAR 0\b.{0,60}failed to assign",
                ("ROCm/ROCm#2927", "ROCm/ROCm#6281"),
                USUALLY,
                also=r"amdgpu",
            ),
            Sign(
                r"amdgpu: probe of \S{1,80} failed with error -12\b", ("ROCm/ROCm#6281", "ROCm/ROCm#2927"), USUALLY
            ),
        ),
        _DRIVER,
    ),
    Trouble(
        "firmware",
        "firmware of the card is missing: {file}",
        "amdgpu gives the card up at its start",
        "run `sudo apt install firmware-amd-graphics` (Ubuntu, Fedora: `linux-firmware`), then "
        "`sudo update-initramfs -u`; `rocmswitch doctor` looks for packages that clash",
        (
            Sign(
                r"Direct firmware load for (?P<file>amdgpu/[\w.]{1,60}) failed",
                ("systemd/systemd#15386", "geerlingguy/raspberry-pi-pcie-devices#331"),
            ),
            Sign(r"Failed to load firmware .?(?P<file>amdgpu/[\w.]{1,60})", ("ROCm/amdgpu#113", "ROCm/ROCm#5566")),
        ),
        ("log-firmware", "firmware-clash", "firmware-twin", "log-start"),
    ),
    Trouble(
        "start-failed",
        "amdgpu could not start the card",
        "there is no picture by this driver, and no computing",
        "run `rocmswitch recover`: it compares the kernel's modules; lines before this one say what failed first",
        (
            Sign(
                r"Fatal error (?:-\d{1,9} )?during GPU init",
                ("ROCm/ROCm#2747", "ROCm/rocm-install-on-linux#615"),
                USUALLY,
            ),
            Sign(
                r"amdgpu: probe of \S{1,80} failed with error -\d{1,9}",
                ("ROCm/amdgpu#113", "ROCm/ROCm#6281"),
                USUALLY,
            ),
        ),
        _DRIVER,
    ),
    Trouble(
        "secure-boot",
        "Secure Boot rejects a kernel module",
        "a module that was built on this machine is signed with a key that the firmware does not know",
        "run `sudo mokutil --import /var/lib/shim-signed/mok/MOK.der` (Fedora: `/var/lib/dkms/mok.pub`), reboot "
        "and enroll it; or go back to the distribution's module: `rocmswitch recover`",
        (
            Sign(r"amdgpu.{0,80}Key was rejected by service", ("ROCm/ROCm#2948", "ROCm/ROCm#4328")),
            Sign(r"Key was rejected by service", ("dkms-project/dkms#347",)),
            Sign(
                r"could not insert '?amdgpu.{0,20}Required key not available", ("AdnanHodzic/displaylink-debian#7",)
            ),
            Sign(r"Loading of (?:unsigned )?module .{0,40}is rejected", ("dkms-project/dkms#347",), USUALLY),
        ),
        ("secure-boot", "driver-"),
    ),
    Trouble(
        "mixed-modules",
        "kernel modules of two drivers are mixed: {symbol} does not fit",
        "some of the nine modules of amdgpu-dkms are the kernel's own: the driver does not load",
        "run `rocmswitch recover`: it says which module is whose, and mends it with `--apply`",
        (
            Sign(
                r"\b(?:amdgpu|amdttm|amdkcl|amd_sched|amdxcp|amddrm\w{0,60}): Unknown symbol (?P<symbol>\w{1,60})",
                ("ROCm/ROCm#738",),
            ),
            Sign(r"Unknown symbol (?P<symbol>amd\w{1,60})", ("ROCm/ROCm#738",)),
            Sign(r"\bamd\w{0,60}: disagrees about version of symbol (?P<symbol>\w{1,60})", ("ROCm/ROCm#738",)),
        ),
        ("log-symbols", "driver-"),
    ),
    Trouble(
        "hang",
        "the card hangs, and the driver resets it",
        "what was computing on it is lost; a kernel does not end, or the card is not stable",
        "run `rocmswitch probe VENV`: it says which operation hangs; reboot where the card stays away afterwards",
        (
            Sign(r"\*ERROR\* ring \S{1,80} timeout", ("ROCm/xformers#14", "pytorch/pytorch#75642")),
            Sign(r"HW Exception by GPU node", ("lamikr/rocm_sdk_builder#141", "ROCm/ROCm#5259")),
            Sign(r"GPU reset begin", ("ROCm/xformers#14", "ROCm/ROCm#5616"), USUALLY),
            Sign(r"qcm fence wait loop timeout|unrecoverable state", ("ROCm/ROCm#1020", "ROCm/ROCm#5616")),
            Sign(r"MES failed to respond", ("ROCm/ROCm#5616",)),
            Sign(r"(?:Failed|unable) to evict queue|queue.{0,40}unable to evict", ("ROCm/ROCm#5616",), USUALLY),
        ),
        ("log-hang", "known-bad"),
    ),
    Trouble(
        "iommu",
        "the IOMMU stands between the card and memory",
        "cards that copy to one another may hang or fault",
        "boot with `iommu=pt` (GRUB_CMDLINE_LINUX in /etc/default/grub, then `sudo update-grub`)",
        (
            Sign(r"IO_PAGE_FAULT", ("pytorch/pytorch#75642",), USUALLY),
            Sign(
                r"\biommu\b(?!: Default)|\bdeadlock|\bhang(?:s|ing)?\b|\btimed out waiting\b",
                (_ROCM_CLI,),
                PERHAPS,
                is_spoken=True,
            ),
        ),
        ("iommu",),
        WARNING,
    ),
)
