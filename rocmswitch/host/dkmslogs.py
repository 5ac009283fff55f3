"""Builds of amdgpu that DKMS has broken off, by the logs that it leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.machine import FailedBuild

_TREE = "var/lib/dkms"
_NAMES = ("amdgpu", "rock-dkms")
"""What AMD's packages have called it."""
_LOG = "build/make.log"
"""It is moved away once all went well (dkms: do_build)."""
_KERNEL = re.compile(r"make\.log for \S+ for kernel (\S+)")
_ERROR = re.compile(r"\b(fatal )?error: |^make\S*: \*\*\* |^ERROR: |not supported", re.MULTILINE)
_LIMIT = 32 * 1024 * 1024
_LONGEST = 300


def read_failed_builds(files: SystemRoot) -> tuple[FailedBuild, ...]:
    """One for each version of the module, the newest log; of kernels that are not there any more, none."""
    return tuple(_failed(files))


def _failed(files: SystemRoot) -> Iterator[FailedBuild]:
    for name in (one for one in files.names(_TREE) if one in _NAMES):
        for version in files.names(f"{_TREE}/{name}"):
            folder = f"{_TREE}/{name}/{version}"
            text = (files.read(f"{folder}/{_LOG}", _LIMIT) or b"").decode(errors="replace")
            match = _KERNEL.search(text[:_LONGEST])
            error = _ERROR.search(text)
            if match and error and _is_wanted(files, folder, match[1]):
                line = text.count("\n", 0, error.start()) + 1
                told = text.split("\n")[line - 1].strip()[:_LONGEST]
                yield FailedBuild(f"{name}/{version}", match[1], told, f"/{folder}/{_LOG}:{line}")


def _is_wanted(files: SystemRoot, folder: str, kernel: str) -> bool:
    """The kernel is there, and no later build of this version for it has gone well."""
    built = any(files.is_folder(f"{folder}/{kernel}/{one}/module") for one in files.names(f"{folder}/{kernel}"))
    return not built and "/" not in kernel and files.is_folder(f"lib/modules/{kernel}")
