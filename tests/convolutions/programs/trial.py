"""What the programs beside this one share: convolutions chosen by chance, and torch's own answer to compare with.

They run in the Python of an environment with torch. There the package under test is importable by a name that
each is told, and pytest and rocmswitch are not.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from types import ModuleType
from typing import Any, NamedTuple

import torch

PACKAGE = "rocmswitch_convolutions"
LAYOUTS = ("contiguous", "channels last", "gradient of no usual order")
TOLERANCES = {torch.float64: 1e-9, torch.float32: 2e-4, torch.float16: 2e-2, torch.bfloat16: 1.5e-1}
"""Of the largest value, against float64."""


class Case(NamedTuple):
    """The arguments of one convolution, and how long its tensors are."""

    images: int
    channels: int
    filters: int
    groups: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    bias: bool

    @property
    def result(self) -> tuple[int, ...]:
        """Outputs in each dimension."""
        each = zip(
            self.size, self.kernel, self.stride, self.padding, self.dilation, self.output_padding, strict=True
        )
        if self.transposed:
            return tuple((i - 1) * s - 2 * p + d * (k - 1) + 1 + o for i, k, s, p, d, o in each)
        return tuple((i + 2 * p - d * (k - 1) - 1) // s + 1 for i, k, s, p, d, _ in each)

    def is_allowed(self) -> bool:
        extra = zip(self.output_padding, self.stride, self.dilation, strict=True)
        return min(self.result) > 0 and all(o < max(s, d) for o, s, d in extra)


def registration(package: str = PACKAGE) -> ModuleType:
    return import_module(f"{package}.registration")


@contextmanager
def installed(package: str = PACKAGE, **settings: Any) -> Iterator[ModuleType]:
    module = registration(package)
    module.install("CPU", **settings)
    try:
        yield module
    finally:
        module.uninstall()


def cases(seed: int) -> Iterator[Case]:
    """Without end, the same for the same seed."""
    chance = random.Random(seed)
    for _ in count():
        case = _case(chance, chance.choice((1, 2, 2, 3)))
        if case.is_allowed():
            yield case


def _case(chance: random.Random, dimensions: int) -> Case:
    def each(*choices: int) -> tuple[int, ...]:
        return tuple(chance.choice(choices) for _ in range(dimensions))

    groups = chance.choice((1, 1, 2, 3))
    transposed = chance.random() < 0.35
    large = dimensions == 2 and chance.random() < 0.3
    return Case(
        images=chance.choice((1, 2, 3, 5)),
        channels=groups * chance.choice((1, 2, 3)),
        filters=groups * chance.choice((1, 2, 4)),
        groups=groups,
        size=each(13, 16, 18) if large else each(1, 3, 5, 8, 11),
        kernel=each(1, 1, 2, 3, 3, 4),
        stride=each(1, 1, 2, 3),
        padding=each(0, 0, 1, 2, 5),
        dilation=each(1, 1, 2, 3),
        transposed=transposed,
        output_padding=each(0, 0, 1, 2) if transposed else (0,) * dimensions,
        bias=chance.random() < 0.5,
    )


def passes(
    case: Case, seed: int, dtype: torch.dtype = torch.float64, layout: str = LAYOUTS[0]
) -> list[torch.Tensor]:
    """The result and all gradients."""
    chance = torch.Generator().manual_seed(seed)
    image, weight, bias = _tensors(case, chance)
    image, weight = (_laid_out(each.to(dtype), layout).requires_grad_() for each in (image, weight))
    bias = bias.to(dtype).requires_grad_() if case.bias else None
    result = torch.convolution(
        image,
        weight,
        bias,
        *(case.stride, case.padding, case.dilation, case.transposed, case.output_padding, case.groups),
    )
    gradient = torch.randn(result.shape, generator=chance, dtype=torch.float64).to(dtype)
    if layout == LAYOUTS[2]:
        gradient = gradient.transpose(0, 1).contiguous().transpose(0, 1)
    wanted = [each for each in (image, weight, bias) if each is not None]
    return [result.detach(), *torch.autograd.grad(result, wanted, gradient)]


def _tensors(case: Case, chance: torch.Generator) -> Sequence[torch.Tensor]:
    inner = (case.channels, case.filters // case.groups)
    shapes = (
        (case.images, case.channels, *case.size),
        (*(inner if case.transposed else (case.filters, case.channels // case.groups)), *case.kernel),
        (case.filters,),
    )
    return [torch.randn(shape, generator=chance, dtype=torch.float64) for shape in shapes]


def _laid_out(tensor: torch.Tensor, layout: str) -> torch.Tensor:
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    if layout == LAYOUTS[1] and tensor.dim() in formats:
        return tensor.contiguous(memory_format=formats[tensor.dim()])
    return tensor


def difference(ours: Sequence[torch.Tensor], exact: Sequence[torch.Tensor], dtype: torch.dtype) -> str:
    """What is wrong with *ours*; empty if nothing is."""
    for number, (one, other) in enumerate(zip(ours, exact, strict=True)):
        if one.shape != other.shape or one.dtype != dtype:
            return f"{number}: {tuple(one.shape)} of {one.dtype} where {tuple(other.shape)} of {dtype} was due"
        if not other.numel():
            continue
        largest = max(1.0, float(other.abs().max()))
        far = float((one.double() - other.double()).abs().max()) / largest
        if not far <= TOLERANCES[dtype]:
            return f"{number}: {far:.2g} away"
    return ""


def order(tensor: torch.Tensor) -> tuple[int, ...]:
    """How it lies in memory: its strides, where they matter."""
    return tuple(step for step, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1)


def report(found: dict[str, Any]) -> None:
    """The last line that a program prints."""
    sys.stdout.write(json.dumps(found) + "\n")
