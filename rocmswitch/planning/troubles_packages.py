"""Messages of apt, dpkg, DKMS and pip, and of shells that do not find a tool."""

from __future__ import annotations

from rocmswitch.model.finding import WARNING
from rocmswitch.model.trouble import PERHAPS, USUALLY, Sign, Trouble

_ROCM_CLI = "github:ROCm/rocm-cli:crates/rocm-core/src/diagnose.rs"
_TOOLS = r"hipcc|rocminfo|rocm-smi|rocm_agent_enumerator|hipconfig|amd-smi"

PACKAGES = (
    Trouble(
        "dkms-build",
        "amdgpu could not be built for the kernel {kernel}",
        "that kernel has no such module, and every later call of apt fails over it",
        "run `rocmswitch driver status`: it says what each kernel would load; `rocmswitch recover` puts the "
        "packages in order",
        (
            Sign(
                r"Bad return status for module build on kernel: (?P<kernel>\S{1,80})",
                ("ROCm/ROCm#3701", "ROCm/ROCm#6193", "ROCm/amdgpu#192"),
                USUALLY,
            ),
            Sign(
                r"dkms autoinstall on (?P<kernel>[^\s/]{1,80}).{0,40}failed for amdgpu",
                ("ROCm/ROCm#3701",),
            ),
            Sign(
                r"dkms.{0,80}amdgpu.{0,80} failed|amdgpu-dkms.{0,120}returned error", ("ROCm/ROCm#4619",), USUALLY
            ),
        ),
        ("dkms-build", "driver-"),
        otherwise=(("kernel", "that is installed"),),
    ),
    Trouble(
        "half-configured",
        "dpkg has stopped in the middle of {package}",
        "apt does nothing more before that is put right",
        "run `rocmswitch recover`, which does it together with the driver; without a fault of the driver "
        "`sudo dpkg --configure -a`",
        (
            Sign(
                r"dpkg: error processing package (?P<package>(?:amdgpu|rock|rocm|hip)\S{0,80})",
                ("ROCm/ROCm#1375", "ROCm/ROCm#3701", "ROCm/amdgpu#192"),
            ),
            Sign(r"half-?[ -]?configured", (_ROCM_CLI,), USUALLY),
            Sign(r"Sub-process /usr/bin/dpkg returned an error code", ("ROCm/ROCm#1211",), PERHAPS),
            Sign(r"dpkg: error", (_ROCM_CLI,), PERHAPS),
        ),
        ("driver-half-configured", "dkms-build"),
        otherwise=(("package", "a package"),),
    ),
    Trouble(
        "repository-gone",
        "AMD's repository is not at the address in apt's sources",
        "`apt update` fails, also for what has nothing to do with it",
        "remove that line from /etc/apt/sources.list.d and run `sudo apt update`; `rocmswitch install STACK` needs "
        "no such line",
        (
            Sign(
                r"repo\.radeon\.com\S{0,80} \S{1,80} (?:In)?Release'? (?:does not have|no longer has) a "
                r"Release file",
                ("ROCm/ROCm#1736", "ROCm/ROCm#5968"),
            ),
            Sign(
                r"repo\.radeon\.com.{0,200}(?:\n.{0,200})?\b404\b|\b404\b.{0,200}repo\.radeon\.com",
                ("ROCm/ROCm#1736", _ROCM_CLI),
            ),
            Sign(r"Unable to locate package (?:rocm|hip|miopen|amdgpu)\S{0,80}", (_ROCM_CLI,), USUALLY),
            Sign(r"accept-eula", ("ROCm/ROCm#5968",), PERHAPS),
        ),
        ("repository-suite", "repositories", "leftovers"),
    ),
    Trouble(
        "repository-key",
        "apt does not accept AMD's key",
        "its binding signature is of SHA-1, which Debian 13 refuses since 2026-02-01; or the key is an old copy",
        "run `rocmswitch install STACK`: it checks the same signatures by the pinned fingerprint, without apt",
        (
            Sign(
                r"Signing key on (?:CA8BB4727A47B4D09B4EE8969386B48A1A693C5C) is not bound",
                ("ROCm/ROCm#5619", "ROCm/ROCm#5232"),
            ),
            Sign(r"(?:NO_PUBKEY|EXPKEYSIG) 9386B48A1A693C5C", ("ROCm/ROCm#1058",)),
            Sign(r"SHA1 is not considered secure", ("ROCm/ROCm#5619",), USUALLY, also=r"radeon"),
        ),
        ("repository-key",),
    ),
    Trouble(
        "repository-date",
        "apt finds the repository's Release file outside its time",
        "this machine's clock is wrong, or a mirror is old",
        "run `timedatectl`, and where the clock is right, `sudo apt update` again later",
        (
            Sign(r"Release file for \S{1,80} is (?:not valid yet|expired)", (_ROCM_CLI,)),
            Sign(r"release file (?:is )?not (?:yet )?valid", (_ROCM_CLI,), USUALLY),
        ),
        severity=WARNING,
    ),
    Trouble(
        "mirror-sync",
        "the repository's server is between two states",
        "its index names files that it does not have yet",
        "wait some minutes, then run `sudo apt update` again",
        (
            Sign(
                r"File has unexpected size.{0,80}Mirror sync in progress",
                ("the index of rocm/apt/6.2.4 for noble",),
            ),
        ),
        severity=WARNING,
    ),
    Trouble(
        "tools",
        "{tool} is not on PATH",
        "the ROCm tree with it is not installed, or this shell has not entered it",
        "run `rocmswitch install STACK --set compiler`, then `rocmswitch run STACK -- {tool}`",
        (
            Sign(rf"\b(?P<tool>{_TOOLS}): (?:command )?not found", (_ROCM_CLI,)),
            Sign(rf"command not found: (?P<tool>{_TOOLS})\b", (_ROCM_CLI,)),
            Sign(rf"Unknown command:? '?(?P<tool>{_TOOLS})\b", (_ROCM_CLI,)),
            Sign(r"could not find hip\b|HIP_PATH.{0,40}not set", (_ROCM_CLI,), USUALLY),
            Sign(r"No ROCm runtime is found, using ROCM_HOME", (_ROCM_CLI,), USUALLY),
        ),
        ("path", "tools", "program", "gone"),
        otherwise=(("tool", "hipcc"),),
    ),
    Trouble(
        "device-library",
        "the compiler finds no ROCm with what is linked into every kernel",
        "nothing is compiled for the card: its ROCm was installed without, or lies where clang does not look",
        "run `rocmswitch install STACK --set compiler`, then `rocmswitch run STACK -- COMMAND`",
        (
            Sign(
                r"cannot find (?:ROCm device library|device library for gfx|ROCm installation)",
                ("ROCm/rocBLAS#1280", "ROCm/hip#2086", "ROCm/ROCR-Runtime#110"),
            ),
        ),
        ("path", "tools", "gone"),
    ),
    Trouble(
        "space",
        "there is too little room on a disk",
        "what was written there was broken off; a torch for ROCm takes gigabytes, twice while pip installs it",
        "run `rocmswitch doctor`, which says where room is short; `rocmswitch cache prune` makes some",
        (
            Sign(
                r"No space left on device|You don't have enough free space in",
                ("pypa/pip#7745", "pytorch/pytorch#70751"),
                USUALLY,
            ),
        ),
        ("space",),
    ),
    Trouble(
        "python",
        "there is no such PyTorch for this Python",
        "wheels exist for some versions of Python alone; old ROCm's end at 3.10 or 3.11",
        "run `rocmswitch use STACK --venv VENV`: it brings a Python that fits",
        (
            Sign(
                r"torch\S{0,80}\.whl is not a supported wheel on this platform",
                ("pytorch/pytorch#98257", "ROCm/TheRock#808"),
            ),
            Sign(
                r"(?:Could not find a version that satisfies the requirement|No matching distribution found for)"
                r" torch",
                ("pytorch/pytorch#98257",),
                USUALLY,
            ),
        ),
        ("wrong-python",),
    ),
    Trouble(
        "dependencies",
        "packages of two releases or distributions do not go together",
        "apt refuses to install any of them",
        "remove AMD's lines for other releases from /etc/apt/sources.list.d; `rocmswitch install STACK` asks "
        "nothing of apt",
        (Sign(r"The following packages have unmet dependencies", (_ROCM_CLI,), PERHAPS),),
        ("repositories", "repository-twice", "repository-pin", "repository-suite"),
        WARNING,
    ),
)
