"""How those who build ROCm name their packages: what `manifest new` looks for in a repository.

Names were read in AMD's documentation (package-manager-integration.rst of rocm-install-on-linux), in ROCm/TheRock
(build_tools/packaging/linux/package.json) and in Debian's archive.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

GPU = "{gpu}"
VERSION = "{version}"
HEADERS = "{headers}"
"""Stands for `dev` where packages are Debian's, for `devel` where they are rpm's."""


@dataclass(frozen=True)
class Vendor:
    """One way to name packages. In `sets` a name may hold a pattern for the number of an interface."""

    name: str
    """Stacks are called after it: `rocm-6.2.4`."""
    mark: re.Pattern[str]
    """A name that only this vendor's repositories have. Its group, if it has one, is the version in the names."""
    root: str
    sets: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, str] = field(default_factory=dict)
    """By the key of the manifest, the package whose version it is."""
    is_ranged: bool = False
    """Names hold no version, so each root needs a range."""
    example: str = ""
    """A name of that kind, for messages."""


AMD = Vendor(
    name="rocm",
    mark=re.compile(r"rocm-hip-runtime([0-9]+\.[0-9]+\.[0-9]+)"),
    root="opt/rocm-{version}",
    sets={
        "runtime": ("rocm-hip-runtime{version}", "rocminfo{version}"),
        "compiler": ("rocm-hip-runtime-{headers}{version}",),
        "libraries": ("rocm-hip-libraries{version}", "miopen-hip{version}"),
        "developer": ("rocm-hip-sdk{version}", "miopen-hip-{headers}{version}"),
    },
    versions={
        "version": "rocm-core{version}",
        "hip": "hip-runtime-amd{version}",
        "rocblas": "rocblas{version}",
        "miopen": "miopen-hip{version}",
    },
    example="rocm-hip-runtime6.2.4",
)
_THEROCK = Vendor(
    name="therock",
    mark=re.compile(r"amdrocm-runtime([0-9]+\.[0-9]+)"),
    root="opt/rocm/core-{version}",
    sets={
        "runtime": ("amdrocm-runtime{version}",),
        "compiler": ("amdrocm-runtime-{headers}{version}", "amdrocm-llvm-{headers}{version}"),
        "libraries": ("amdrocm{version}-{gpu}",),
        "developer": ("amdrocm-core-sdk{version}-{gpu}",),
    },
    versions={"version": "amdrocm-runtime{version}"},
    example="amdrocm-runtime10.0",
)
_LIBRARIES = ("rand", "sparse", "blas", "solver", "fft")
DEBIAN = Vendor(
    name="debian",
    mark=re.compile(r"libamdhip64-[0-9]+"),
    root="usr",
    sets={
        "runtime": (r"libamdhip64-[0-9]+", "rocminfo", "rocm-smi"),
        "compiler": ("hipcc",),
        "libraries": (
            *(rf"lib{kind}{one}[0-9]+" for one in _LIBRARIES for kind in ("roc", "hip")),
            *(r"libhipblaslt[0-9]+", r"librccl[0-9]+", r"libmiopen[0-9]+"),
        ),
        "developer": (
            *("hipcc", "libamdhip64-dev", "libamd-comgr-dev", "libhsa-runtime-dev", "libhsakmt-dev"),
            "librocm-smi-dev",
            *(f"lib{kind}{one}-dev" for one in _LIBRARIES for kind in ("roc", "hip")),
            *("libhipblaslt-dev", "librccl-dev", "libmiopen-dev", "librocprim-dev", "rocm-cmake"),
        ),
    },
    versions={
        "version": r"libamdhip64-[0-9]+",
        "rocblas": r"librocblas[0-9]+",
        "miopen": r"libmiopen[0-9]+",
    },
    is_ranged=True,
    example="libamdhip64-5",
)
VENDORS = (AMD, _THEROCK, DEBIAN)


def vendor_of(names: Collection[str]) -> tuple[Vendor, tuple[str, ...]] | None:
    """Who names packages like that, and the versions in the names, the newest last; None where nobody does."""
    for vendor in VENDORS:
        found = {match.groups() for match in map(vendor.mark.fullmatch, names) if match}
        if found:
            versions = {group[0] for group in found if group}
            return vendor, tuple(sorted(versions, key=lambda one: [int(part) for part in one.split(".")]))
    return None


def targets_in(template: str, names: Collection[str]) -> tuple[str, ...]:
    """The cards that *template*, a name with `{gpu}`, has packages for."""
    before, _, after = template.partition(GPU)
    pattern = re.compile(f"{re.escape(before)}(gfx[0-9a-f]+){re.escape(after)}")
    return tuple(sorted({match[1] for match in map(pattern.fullmatch, names) if match}, key=_in_order))


def upstream(version: str) -> str:
    """What a package's version says of what is in it: `6.2.41134` of `6.2.41134.60204-139~24.04`, `5.3.0` of
    `5.3.0+dfsg-2`. AMD appends the release as one number.
    """
    number = re.split(r"[-+~]", version.rpartition(":")[2])[0]
    match = re.fullmatch(r"(.+)\.([0-9])([0-9]{2})([0-9]{2})", number)
    return match[1] if match and match[1].count(".") >= 2 else number


def _in_order(target: str) -> tuple[int, str]:
    return len(target), target
