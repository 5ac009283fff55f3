"""How much memory a convolution takes above what goes in and comes out, as torch's profiler sees it.

The profiler is told of every allocation for processors, hidden ones within an operator too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.profiler import ProfilerActivity, profile
from trial import LAYOUTS, installed, report

MEBIBYTE = 1 << 20
MASKS = {"input": (True, False, False), "weight": (False, True, False), "both": (True, True, False)}


class Layer(NamedTuple):
    """A convolution of square images, or cubes."""

    images: int
    channels: int
    filters: int
    kernel: int
    size: int
    stride: int = 1
    padding: int = 1
    groups: int = 1
    transposed: bool = False
    dimensions: int = 2
    layout: str = LAYOUTS[0]
    dtype: torch.dtype = torch.float32
    budget: int = 8 * MEBIBYTE


LAYERS = {
    "3x3 of large images": Layer(16, 64, 64, 3, 56),
    "3x3 channels last": Layer(16, 64, 64, 3, 56, layout=LAYOUTS[1]),
    "3x3 of a gradient of no usual order": Layer(16, 64, 64, 3, 56, layout=LAYOUTS[2]),
    "3x3 in bfloat16 with a stride": Layer(16, 64, 64, 3, 56, stride=2, dtype=torch.bfloat16),
    "3x3 with a stride": Layer(16, 128, 128, 3, 28, stride=2),
    "3x3 of small images": Layer(32, 256, 256, 3, 14),
    "3x3 with weights as large as the budget": Layer(32, 512, 512, 3, 7),
    "3x3 with weights larger than the budget": Layer(2, 512, 512, 3, 14, budget=4 * MEBIBYTE),
    "1x1": Layer(16, 64, 256, 1, 56, padding=0),
    "1x1 with a stride": Layer(16, 256, 512, 1, 28, stride=2, padding=0),
    "1x1 channels last": Layer(16, 256, 512, 1, 28, padding=0, layout=LAYOUTS[1]),
    "1x1 of many channels": Layer(16, 1024, 2048, 1, 7, padding=0),
    "3x3 of 32 groups": Layer(16, 128, 128, 3, 28, groups=32),
    "3x3 of 32 groups channels last": Layer(16, 128, 128, 3, 28, groups=32, layout=LAYOUTS[1]),
    "4x4 transposed": Layer(8, 256, 128, 4, 16, stride=2, transposed=True),
    "3x3 of an image larger than the budget": Layer(2, 32, 32, 3, 512),
    "3x3 of an image much larger than the budget": Layer(1, 16, 16, 3, 768, budget=2 * MEBIBYTE),
    "7 of a long signal": Layer(1, 64, 64, 7, 65536, padding=3, dimensions=1),
    "7 of signals": Layer(8, 64, 64, 7, 8192, padding=3, dimensions=1),
    "3x3x3": Layer(4, 32, 64, 3, 16, dimensions=3),
    "3x3x3 of 2 groups": Layer(2, 16, 16, 3, 32, groups=2, dimensions=3),
    "4x4x4 transposed": Layer(2, 16, 8, 4, 16, stride=2, transposed=True, dimensions=3),
}


def peaks(layer: Layer) -> dict[str, float]:
    """Of each pass, in budgets, above the tensors that it was given and those that it returned."""
    image, weight, settings = _tensors(layer)
    with installed(budget=layer.budget, delegates=False) as module:
        found = {}
        above, result = _peak(lambda: torch.convolution(image, weight, None, *settings))
        found["forward"] = above / layer.budget
        gradient = torch.randn_like(result)
        if layer.layout == LAYOUTS[2]:
            gradient = torch.ones((), dtype=layer.dtype).expand(result.shape)
        del result
        for name, mask in MASKS.items():
            # The mask is this turn's: it is called before the next one.
            above, _ = _peak(
                lambda mask=mask: torch.ops.aten.convolution_backward(
                    gradient, image, weight, [layer.filters], *settings, mask
                )
            )
            found[name] = above / layer.budget
        found["ours"] = sum(module.counts()[name] for name in ("forward", "backward"))
    return found


def _tensors(layer: Layer) -> Any:
    image = torch.randn(layer.images, layer.channels, *[layer.size] * layer.dimensions, dtype=layer.dtype)
    inner = (layer.channels, layer.filters // layer.groups)
    outer = (layer.filters, layer.channels // layer.groups)
    weight = torch.randn(*(inner if layer.transposed else outer), *[layer.kernel] * layer.dimensions)
    weight = weight.to(layer.dtype)
    if layer.layout == LAYOUTS[1]:
        image, weight = (one.contiguous(memory_format=torch.channels_last) for one in (image, weight))
    each = ([number] * layer.dimensions for number in (layer.stride, layer.padding, 1))
    return image, weight, (*each, layer.transposed, [0] * layer.dimensions, layer.groups)


def _peak(function: Callable[[], Any]) -> tuple[int, Any]:
    """Bytes above what is left at the end, which is what *function* returns, and that."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        result = function()
    live = top = 0
    events = [one for one in found.profiler.kineto_results.events() if one.name() == "[memory]"]
    for event in sorted(events, key=lambda one: one.start_ns()):
        live += event.nbytes()
        top = max(top, live)
    return top - live, result


if __name__ == "__main__":
    torch.set_num_threads(1)
    report({name: peaks(layer) for name, layer in LAYERS.items()})
