"""Firmware of amdgpu that is loaded instead of what linux-firmware brings."""

from __future__ import annotations

import hashlib

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import AMDGPU, FirmwareFile

_FOLDER = "lib/firmware/updates"
"""The kernel looks here first (drivers/base/firmware_loader/main.c), and before that in a folder of its release."""
_LIMIT = 64 * 1024 * 1024
"""Bytes. The largest of a card has 1 MB."""


def read_firmware(files: SystemRoot) -> tuple[FirmwareFile, ...]:
    """All below `updates` that amdgpu asks for; whose they are is left open."""
    paths = (path for path in files.below(_FOLDER) if f"/{AMDGPU}/" in path.removeprefix(files.within(_FOLDER)))
    contents = ((path, files.read(path, _LIMIT)) for path in paths)
    return tuple(
        FirmwareFile(path, hashlib.sha256(content).hexdigest())
        for path, content in sorted(contents, key=lambda one: one[0])
        if content is not None
    )
