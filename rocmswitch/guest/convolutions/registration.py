"""Puts the convolutions of this package in the place of torch's, for all devices of one kind."""

from __future__ import annotations

import inspect
import os
import warnings
from typing import Any, Mapping

import torch

from . import operators
from .hiding import hide
from .native import Native, Unsupported
from .operators import Convolutions, Wants

__all__ = ["Unsupported", "counts", "install", "is_installed", "uninstall", "ways"]

VARIABLE = "ROCMSWITCH_CONV_BUDGET"
DEFAULT_BUDGET = 64
"""MiB."""


class _Installed:
    """What is in the place of torch's operators; it lives as long as the library does."""

    def __init__(self, library: Any, convolutions: Convolutions) -> None:
        self.library = library
        self.convolutions = convolutions


_installed: list[_Installed] = []


def install(key: str = "CUDA", wants: Wants = None, *, budget: int | None = None, delegates: bool = True) -> None:
    """Let convolutions of the devices that torch calls *key* be computed here; a second call takes the first back.

    *wants* says of a tensor whether that is so for its device. *budget* is in bytes. Without *delegates* also those
    are computed here for which torch's own kernels are as good. Raises `Unsupported`, and changes nothing, where
    this torch cannot do that.
    """
    native = Native()
    convolutions = Convolutions(native, wants, budget or budget_from(os.environ), delegates=delegates)
    hide(__package__ or "")
    uninstall()
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Oo]verriding a previously registered kernel")
        warnings.filterwarnings("ignore", message="Warning only once for all operators")
        for name, function in implementations(convolutions).items():
            if hasattr(torch.ops.aten, name):
                library.impl(name, function, key, **_allowed(library))
    _installed.append(_Installed(library, convolutions))


def uninstall() -> None:
    """Let torch's own operators be what they were."""
    while _installed:
        library = _installed.pop().library
        # Older ones go with the last reference to them.
        getattr(library, "_destroy", lambda: None)()


def is_installed() -> bool:
    return bool(_installed)


def counts() -> dict[str, int]:
    """Passes that were computed here since the installation, forward and backward, and those left to torch."""
    return dict(_installed[-1].convolutions.counts) if _installed else {}


def ways() -> set[str]:
    """The kinds of products that were used since the installation."""
    return _installed[-1].convolutions.ways() if _installed else set()


def implementations(convolutions: Convolutions) -> dict[str, Any]:
    """By the operator's name in `aten`; an older torch has not all of them."""
    vendor = operators.Vendor(convolutions)
    return {
        "convolution": convolutions.convolution,
        "_convolution": convolutions.convolution_with_flags,
        "convolution_backward": convolutions.convolution_backward,
        "miopen_convolution": vendor.convolution,
        "miopen_depthwise_convolution": vendor.convolution,
        "miopen_convolution_transpose": vendor.transposed,
        "miopen_convolution_relu": vendor.relu,
        "miopen_convolution_add_relu": vendor.add_relu,
        "cudnn_convolution_relu": vendor.relu,
        "cudnn_convolution_add_relu": vendor.add_relu,
        "miopen_batch_norm": operators.batch_norm,
        "miopen_batch_norm_backward": operators.batch_norm_backward,
    }


def budget_from(environment: Mapping[str, str]) -> int:
    """Bytes. What is no positive number counts as the default, and is said in a warning."""
    said = environment.get(VARIABLE, "").strip()
    if not said:
        return DEFAULT_BUDGET << 20
    try:
        mebibytes = float(said)
    except ValueError:
        mebibytes = 0.0
    if not 0 < mebibytes < 1 << 20:
        warnings.warn(
            f"`{VARIABLE}={said[:40]!a}` is no number of MiB and counts as {DEFAULT_BUDGET}", stacklevel=2
        )
        return DEFAULT_BUDGET << 20
    return max(1, int(mebibytes * (1 << 20)))


def _allowed(library: Any) -> dict[str, bool]:
    """Newer ones want to be told that what is overridden is meant to be."""
    return {"allow_override": True} if "allow_override" in inspect.signature(library.impl).parameters else {}
