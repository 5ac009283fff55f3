"""Which way a convolution takes, and how: decided once for each combination of shapes, layouts and settings."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

import torch

from .geometry import Cost, Geometry, Sizes, boxes, outputs, transposed_outputs, volume, window
from .kernels import Work

Tensor = Any
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
MERGE_BELOW = 256
"""Outputs of an image below which its gradient of the weights is too small a product to stand alone."""


class Settings(NamedTuple):
    """The arguments of a convolution that are no tensors, one number for each dimension."""

    stride: Sizes
    padding: Sizes
    dilation: Sizes
    transposed: bool
    output_padding: Sizes
    groups: int


class Problem(NamedTuple):
    """A convolution that the kernels here can compute, as one that is not transposed."""

    geometry: Geometry
    shape: Sizes
    """Of what the forward pass returns."""
    itemsize: int
    transposed: bool
    weight_copy: int
    """Bytes, where the weights have to be copied to be a matrix."""


def settings_of(arguments: Sequence[Any], dimensions: int) -> Settings | None:
    """From the last six arguments of `aten::convolution`; None where they make no sense."""
    stride, padding, dilation, transposed, output_padding, groups = arguments
    lists = [tuple(each) for each in (stride, padding, dilation, output_padding)]
    lists = [each * dimensions if len(each) == 1 else each for each in lists]
    if any(len(each) != dimensions for each in lists) or groups < 1:
        return None
    stride, padding, dilation, extra = lists
    if min(stride) < 1 or min(dilation) < 1 or min(padding) < 0 or min(extra) < 0:
        return None
    return Settings(stride, padding, dilation, bool(transposed), extra, groups)


def problem_of(image: Tensor, weight: Tensor, bias_sizes: Any, settings: Settings | None) -> Problem | None:
    """None for what torch computes itself or refuses in its own words."""
    if settings is None or not _are_alike(image, weight) or not image.numel() or not weight.numel():
        return None
    shape = _result(image, weight, settings)
    if shape is None or min(shape) < 1 or (bias_sizes is not None and tuple(bias_sizes) != shape[1:2]):
        return None
    return Problem(
        _geometry(image, weight, shape, settings),
        shape,
        image.element_size(),
        settings.transposed,
        0 if weight.is_contiguous() else weight.numel() * weight.element_size(),
    )


def is_flat(tensor: Tensor) -> bool:
    """Contiguous in one of the two orders in which an image is a matrix without being copied."""
    if tensor.is_contiguous():
        return True
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return tensor.dim() in formats and bool(tensor.is_contiguous(memory_format=formats[tensor.dim()]))


def is_better_native(problem: Problem, budget: int) -> bool:
    """Where PyTorch's own kernels were measured to be as good: they loop over images and groups."""
    geometry = problem.geometry
    if problem.transposed:
        return False
    if geometry.groups > 1:
        return geometry.groups == geometry.channels
    fits = geometry.is_pointwise or geometry.depth * geometry.pixels * problem.itemsize <= budget
    return fits and (geometry.images == 1 or len(geometry.size) == 3)


def forward_work(problem: Problem, budget: int, *, image_is_flat: bool) -> Work:
    """Outputs from inputs; or back through a transposed convolution."""
    geometry = problem.geometry

    def cost(extent: Sizes, is_whole: bool) -> int:
        columns = 0 if geometry.is_pointwise else geometry.channels * geometry.taps * volume(extent)
        return (columns + _block(geometry, extent, image_is_flat and is_whole)) * problem.itemsize

    return _work(problem, cost, budget)


def input_work(problem: Problem, budget: int, *, gradient_is_flat: bool, target_is_plain: bool) -> Work:
    """Inputs from the gradient of the outputs; or forward through a transposed convolution."""
    geometry = problem.geometry
    width = 2 if problem.itemsize == 2 and len(geometry.size) == 3 else 1  # sums in float32

    def cost(extent: Sizes, is_whole: bool) -> int:
        pixels = volume(extent)
        columns = 0 if geometry.is_pointwise else geometry.channels * geometry.taps * pixels
        direct = geometry.is_pointwise or (is_whole and target_is_plain and len(geometry.size) == 2)
        block = 0 if direct else geometry.channels * volume(window(geometry, extent)) * width
        gradient = 0 if gradient_is_flat else geometry.filters * pixels
        return (columns + max(block, gradient)) * problem.itemsize

    return _work(problem, cost, budget)


def weight_work(problem: Problem, budget: int, *, image_is_flat: bool, gradient_is_flat: bool) -> Work:
    """The gradient of the weights."""
    geometry = problem.geometry
    filters = geometry.filters // geometry.groups
    merges = geometry.images > 1 and (geometry.pixels <= MERGE_BELOW or filters > geometry.pixels)

    def cost(extent: Sizes, is_whole: bool) -> int:
        pixels = volume(extent)
        merged = merges and is_whole
        is_view = geometry.is_pointwise and image_is_flat and not merged
        columns = 0 if is_view else geometry.channels * geometry.taps * pixels
        gradient = 0 if gradient_is_flat and not merged else geometry.filters * pixels
        products = 0 if merged else geometry.filters * geometry.depth
        is_direct = not any(geometry.padding) if merged else image_is_flat and is_whole
        return (columns + max(_block(geometry, extent, is_direct), gradient + products)) * problem.itemsize

    work = _work(problem, cost, budget)
    return work._replace(merges=merges and work.boxes[0].is_whole)


def _are_alike(image: Tensor, weight: Tensor) -> bool:
    return (
        image.dtype in FLOATS
        and image.dtype == weight.dtype
        and image.device == weight.device
        and image.dim() == weight.dim()
        and image.dim() in (3, 4, 5)
    )


def _result(image: Tensor, weight: Tensor, settings: Settings) -> Sizes | None:
    """The shape of the outputs; None where the channels do not fit, or the output padding."""
    size, kernel = tuple(image.shape[2:]), tuple(weight.shape[2:])
    how = (settings.stride, settings.padding, settings.dilation)
    groups = settings.groups
    if settings.transposed:
        largest = (max(pair) for pair in zip(settings.stride, settings.dilation))
        if weight.shape[0] != image.shape[1] or weight.shape[0] % groups:
            return None
        if any(extra >= most for extra, most in zip(settings.output_padding, largest)):
            return None
        out = zip(transposed_outputs(size, kernel, *how), settings.output_padding)
        return (image.shape[0], weight.shape[1] * groups, *(sum(pair) for pair in out))
    if weight.shape[1] * groups != image.shape[1] or weight.shape[0] % groups:
        return None
    return (image.shape[0], weight.shape[0], *outputs(size, kernel, *how))


def _geometry(image: Tensor, weight: Tensor, shape: Sizes, settings: Settings) -> Geometry:
    source, result = tuple(image.shape), shape
    if settings.transposed:
        source, result = result, source
    flat = len(source) == 3
    return Geometry(
        images=source[0],
        channels=source[1],
        filters=result[1],
        groups=settings.groups,
        size=_wide(source[2:], 1, flat),
        out=_wide(result[2:], 1, flat),
        kernel=_wide(tuple(weight.shape[2:]), 1, flat),
        stride=_wide(settings.stride, 1, flat),
        padding=_wide(settings.padding, 0, flat),
        dilation=_wide(settings.dilation, 1, flat),
    )


def _wide(sizes: Sizes, other: int, flat: bool) -> Sizes:
    """The length as height, so that a long signal can be cut along it."""
    return (*sizes, other) if flat else sizes


def _block(geometry: Geometry, extent: Sizes, is_direct: bool) -> int:
    """Elements of the copy of what is read: none where two-dimensional images are read as they lie in memory."""
    if is_direct and (len(geometry.size) == 2 or geometry.is_pointwise):
        return 0
    return geometry.channels * volume(window(geometry, extent))


def _work(problem: Problem, cost: Cost, budget: int) -> Work:
    spare = budget // 8 if problem.geometry.groups > 1 and problem.geometry.images > 1 else 0
    room = max(budget // 4, budget - spare - problem.weight_copy)
    return Work(problem.geometry, boxes(problem.geometry, cost, room), spare)
