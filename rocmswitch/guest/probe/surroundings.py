"""Where the operations run, as torch tells it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

_FALLBACK = "rocmswitch_convolutions"


def describe_torch(torch: Any) -> dict[str, str]:
    """What is known without touching a device."""
    version = torch.version
    return {
        "torch": str(torch.__version__),
        "hip": str(getattr(version, "hip", None) or ""),
        "cuda": str(getattr(version, "cuda", None) or ""),
        "glibc": _glibc(),
        "convolutions": "fallback" if _is_replaced() else "vendor",
    }


def describe_device(torch: Any, device: str) -> dict[str, str]:
    """What the first device is; `absent` where torch has none. `address` is of a card, where torch tells it.

    To ask for a card starts its runtime, and only then a replacement for convolutions may decide.
    """
    if device == "cpu":
        return {"device_name": _processor(), "convolutions": "fallback" if _is_replaced() else "vendor"}
    if not torch.cuda.is_available():
        return {"absent": "yes"}
    seen = torch.cuda.get_device_properties(0)
    place = [int(getattr(seen, name, -1)) for name in ("pci_domain_id", "pci_bus_id", "pci_device_id")]
    return {
        "device_name": str(seen.name),
        "address": "" if -1 in place else "{:04x}:{:02x}:{:02x}.0".format(*place),
        "convolutions": "fallback" if _is_replaced() else "vendor",
    }


def _is_replaced() -> bool:
    asked = getattr(sys.modules.get(_FALLBACK), "is_active", None)
    return bool(asked()) if callable(asked) else False


def _glibc() -> str:
    """Of the C library that this Python runs with; empty where it is another one."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").replace("glibc ", "")
    except (ValueError, OSError):
        return ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""
