"""The layers and networks that convolutions are measured on, and the ways in which they are computed.

Runs in a Python with torch, torchvision and a CUDA or ROCm device; of rocmswitch only its kernels are read.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNELS = Path(__file__).parents[2] / "rocmswitch/guest/convolutions"
VENDOR, FLAG, OURS, UNFOLD = "vendor", "flag", "ours", "unfold"
WAYS = (VENDOR, FLAG, OURS, UNFOLD)
"""The vendor's convolutions; PyTorch's own by the flag alone; the replacement; a module over torch's unfold."""

_own_batch_norm = functional.batch_norm


def native_batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """PyTorch's own, whatever the flag says: the flag is off where the replacement is shipped."""
    return torch.batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps, False)


def kernels() -> Any:
    """The replacement as it is imported in an environment."""
    if "rocmswitch_convolutions" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "rocmswitch_convolutions", KERNELS / "__init__.py", submodule_search_locations=[str(KERNELS)]
        )
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return importlib.import_module("rocmswitch_convolutions.registration")


@contextlib.contextmanager
def way(name: str) -> Iterator[None]:
    """Compute convolutions so."""
    functional.batch_norm = native_batch_norm
    torch.backends.cudnn.enabled = name == VENDOR
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    if name == OURS:
        kernels().install("CUDA")
    try:
        yield
    finally:
        if name == OURS:
            kernels().uninstall()
        torch.backends.cudnn.enabled = True
        functional.batch_norm = _own_batch_norm


class UnfoldConv2d(nn.Module):  # type: ignore[misc]  # torch is not there where this is checked
    """What guides replace nn.Conv2d by: all patches at once, one matrix product. Knows no groups."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias, self.conv = conv.weight, conv.bias, [conv]

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv[0]
        geometry = (conv.dilation, conv.padding, conv.stride)
        patches = functional.unfold(x, conv.kernel_size, *geometry)
        out = self.weight.view(len(self.weight), -1) @ patches
        reach = [d * (k - 1) + 1 for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        size = [
            (length + 2 * pad - span) // step + 1
            for length, pad, span, step in zip(x.shape[2:], conv.padding, reach, conv.stride, strict=True)
        ]
        out = out.view(len(x), -1, *size)
        return out if self.bias is None else out + self.bias.view(1, -1, 1, 1)


def unfolded(model: nn.Module) -> nn.Module:
    """*model* with every convolution replaced, the parameters shared."""
    for name, child in model.named_children():
        setattr(model, name, UnfoldConv2d(child) if isinstance(child, nn.Conv2d) else unfolded(child))
    return model


def has_groups(model: nn.Module) -> bool:
    return any(getattr(one, "groups", 1) > 1 for one in model.modules())


@dataclass(frozen=True)
class Layer:
    """One convolution with the shape of its input."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    needs_input_gradient: bool = True


def _conv(*words: int, **more: Any) -> Callable[[], nn.Module]:
    return lambda: nn.Conv2d(*words, bias=False, **more)


LAYERS = (
    Layer("stem 7x7/2", _conv(3, 64, 7, 2, 3), (32, 3, 224, 224), False),
    Layer("1x1 64>256 @56", _conv(64, 256, 1), (32, 64, 56, 56)),
    Layer("3x3 64 @56", _conv(64, 64, 3, 1, 1), (32, 64, 56, 56)),
    Layer("3x3/2 128 @56", _conv(128, 128, 3, 2, 1), (32, 128, 56, 56)),
    Layer("3x3 128 @28", _conv(128, 128, 3, 1, 1), (32, 128, 28, 28)),
    Layer("1x1 512>128 @28", _conv(512, 128, 1), (32, 512, 28, 28)),
    Layer("3x3 256 @14", _conv(256, 256, 3, 1, 1), (32, 256, 14, 14)),
    Layer("3x3 512 @7", _conv(512, 512, 3, 1, 1), (32, 512, 7, 7)),
    Layer("depthwise 144 @56", _conv(144, 144, 3, 1, 1, groups=144), (32, 144, 56, 56)),
    Layer("grouped 32, 128 @56", _conv(128, 128, 3, 1, 1, groups=32), (32, 128, 56, 56)),
    Layer(
        "conv1d k7 d3 128",
        lambda: nn.Conv1d(128, 128, 7, padding=9, dilation=3, bias=False),
        (8, 128, 8192),
    ),
    Layer("dilated 3x3 256 @28", _conv(256, 256, 3, 1, 2, dilation=2), (32, 256, 28, 28)),
    Layer(
        "convT 4x4/2 256>128 @16",
        lambda: nn.ConvTranspose2d(256, 128, 4, 2, 1, bias=False),
        (32, 256, 16, 16),
    ),
    Layer("grouped-dilated g8 128 @28", _conv(128, 128, 3, 1, 2, dilation=2, groups=8), (32, 128, 28, 28)),
    Layer("conv3d 3x3x3 32>64", lambda: nn.Conv3d(32, 64, 3, padding=1, bias=False), (8, 32, 16, 32, 32)),
    Layer("3x3 128 @1024, N=1", _conv(128, 128, 3, 1, 1), (1, 128, 1024, 1024)),
    Layer(
        "depthwise 1d g1024", lambda: nn.Conv1d(1024, 1024, 4, padding=3, groups=1024, bias=False), (8, 1024, 2048)
    ),
)


def layers_of(model: nn.Module, images: Tensor) -> tuple[Layer, ...]:
    """Every convolution of *model*, with what it gets for *images*."""
    found: list[Layer] = []

    def seen(conv: nn.Module, given: tuple[Tensor, ...], _: object) -> None:
        shape = tuple(given[0].shape)
        found.append(Layer(str(conv), lambda: conv, shape, needs_input_gradient=bool(found)))

    hooks = [one.register_forward_hook(seen) for one in model.modules() if isinstance(one, nn.Conv2d)]
    with torch.no_grad(), way(VENDOR):
        model(images)
    for hook in hooks:
        hook.remove()
    return tuple(found)
