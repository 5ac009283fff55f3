"""Which way a convolution takes, and how: decided once for each combination of shapes, layouts and settings."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Sequence

import torch

from . import shifts
from .geometry import (
    Cost,
    Geometry,
    Sizes,
    Slices,
    boxes,
    outputs,
    transposed_outputs,
    volume,
    window,
)
from .kernels import IN_BLOCKS, MERGED, SHIFTED, Work, mirror

Tensor = Any
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
MERGE_BELOW = 256
"""Outputs of an image below which its gradient of the weights is too small a product to stand alone."""
SIDE_BY_SIDE = 64
"""The same for its outputs, which are computed faster alone where there are more."""
MIRRORED_GROWTH = 2
"""As many times more filters than channels may be unfolded for the gradient of the inputs."""
TILE = 128
"""Rows and columns of a product that a processor computes at a time."""
SHORTEST_SUM = 32
"""Outputs that are worth a product of their own."""


ANYHOW, LAST, PLAIN = range(3)
"""How a tensor lies in memory: as it came about, with its channels last, or row by row."""


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
    weight_bytes: int
    weight_copy: int
    """Bytes, where the weights have to be copied to be a matrix."""
    processors: int


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
        _bytes(weight),
        0 if weight.is_contiguous() else _bytes(weight),
        _processors(image),
    )


def lies(tensor: Tensor) -> int:
    """In which order: PLAIN and LAST are those in which an image is a matrix without being copied."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    if tensor.is_contiguous():
        return PLAIN
    is_last = tensor.dim() in formats and tensor.is_contiguous(memory_format=formats[tensor.dim()])
    return LAST if is_last else ANYHOW


def is_better_native(problem: Problem, budget: int) -> bool:
    """Where PyTorch's own kernels were measured to be as good: they loop over images and groups."""
    geometry = problem.geometry
    if problem.transposed:
        return False
    if geometry.groups > 1:
        return geometry.groups == geometry.channels
    fits = geometry.is_pointwise or geometry.depth * geometry.pixels * problem.itemsize <= budget
    return fits and (geometry.images == 1 or len(geometry.size) == 3)


def forward_work(problem: Problem, budget: int, *, image_lies: int) -> Work:
    """Outputs from inputs; or back through a transposed convolution."""
    geometry = problem.geometry
    if _shifts(problem, budget):
        return _shifted_work(problem, budget, image_lies=image_lies)
    small = MERGE_BELOW if geometry.groups > 1 else SIDE_BY_SIDE
    merges = geometry.images > 1 and geometry.pixels <= small and not geometry.is_pointwise

    def cost(extent: Sizes, is_whole: bool) -> int:
        merged = merges and is_whole
        columns = 0 if geometry.is_pointwise else geometry.channels * geometry.taps * volume(extent)
        is_direct = not any(geometry.padding) if merged else _is_ready(geometry, image_lies) and is_whole
        product = geometry.filters * volume(extent) if merged else 0
        return (columns + max(_block(geometry, extent, is_direct), product)) * problem.itemsize

    work = _work(problem, cost, budget, _full_waves(problem))
    return work._replace(how=MERGED) if merges and work.boxes[0].is_whole else work


def input_work(problem: Problem, budget: int, *, gradient_lies: int, target_is_plain: bool) -> Work:
    """Inputs from the gradient of the outputs; or forward through a transposed convolution."""
    geometry = problem.geometry
    other = None if geometry.is_pointwise else mirror(geometry)
    copies = problem.weight_copy + 2 * problem.weight_bytes
    grows = geometry.filters > MIRRORED_GROWTH * geometry.channels
    if other is not None and not grows and copies <= budget // 2:
        mirrored = problem._replace(geometry=other, weight_copy=copies)
        return forward_work(mirrored, budget, image_lies=gradient_lies)._replace(mirrors=True)
    width = 2 if problem.itemsize == 2 and len(geometry.size) == 3 else 1  # sums in float32

    def cost(extent: Sizes, is_whole: bool) -> int:
        pixels = volume(extent)
        columns = 0 if geometry.is_pointwise else geometry.channels * geometry.taps * pixels
        direct = geometry.is_pointwise or (is_whole and target_is_plain and len(geometry.size) == 2)
        block = 0 if direct else geometry.channels * volume(window(geometry, extent)) * width
        gradient = 0 if gradient_lies else geometry.filters * pixels
        return (columns + max(block, gradient)) * problem.itemsize

    return _work(problem, cost, budget)


def weight_work(problem: Problem, budget: int, *, image_lies: int, gradient_lies: int) -> Work:
    """The gradient of the weights."""
    geometry = problem.geometry
    filters = geometry.filters // geometry.groups
    merges = geometry.images > 1 and (geometry.pixels <= MERGE_BELOW or filters > geometry.pixels)

    def cost(extent: Sizes, is_whole: bool) -> int:
        pixels = volume(extent)
        merged = merges and is_whole
        is_view = geometry.is_pointwise and image_lies and not merged
        columns = 0 if is_view else geometry.channels * geometry.taps * pixels
        gradient = 0 if gradient_lies and not merged else geometry.filters * pixels
        products = 0 if merged else geometry.filters * geometry.depth
        is_direct = not any(geometry.padding) if merged else _is_ready(geometry, image_lies) and is_whole
        return (columns + max(_block(geometry, extent, is_direct), gradient + products)) * problem.itemsize

    work = _work(problem, cost, budget)
    if merges and work.boxes[0].is_whole:
        return work._replace(how=MERGED)
    return _in_blocks(problem, work, budget) if geometry.groups == 1 and not geometry.is_pointwise else work


def _in_blocks(problem: Problem, work: Work, budget: int) -> Work:
    """*work*, or image by image in blocks where the products of a box would leave most of the device idle."""
    geometry, first, last = problem.geometry, work.boxes[0], work.boxes[-1]
    tiles = _tiles(geometry.filters, geometry.depth)
    if (first.images.stop - first.images.start) * tiles * 4 > problem.processors:
        return work
    outputs = math.gcd(volume(first.extent), volume(last.extent))
    room = budget // 8 // max(1, geometry.filters * geometry.depth * problem.itemsize)
    most = min(2 * problem.processors // tiles, outputs // SHORTEST_SUM, room)
    blocks = max((count for count in range(1, most + 1) if outputs % count == 0), default=1)
    return work._replace(how=IN_BLOCKS, blocks=blocks) if blocks > 1 else work


def _shifted_work(problem: Problem, budget: int, *, image_lies: int) -> Work:
    geometry = problem.geometry
    buffer, reach = shifts.unfolding(geometry), shifts.reach(geometry)

    def cost(extent: Sizes, is_whole: bool) -> int:
        rows = (extent[0] + reach, *extent[1:])
        columns = buffer.channels * buffer.taps * volume(rows)
        return (columns + _block(buffer, rows, _is_ready(buffer, image_lies) and is_whole)) * problem.itemsize

    weights = problem._replace(weight_copy=problem.weight_copy + problem.weight_bytes)
    work = _work(weights, cost, budget, _full_waves(problem))
    if not work.boxes[0].is_whole:
        # What is cut needs a copy of the rows that it reads: an eighth more lets the slices be thick enough.
        work = _work(weights, cost, budget + budget // 8, _full_waves(problem))
    pairs = tuple((box, shifts.source(box, geometry)) for box in work.boxes)
    return work._replace(boxes=pairs, how=SHIFTED)


def _shifts(problem: Problem, budget: int) -> bool:
    """Whether outputs are added up tap by tap, from a copy of the weights.

    Never in half precision: what one tap adds is rounded, and may be infinite where the whole sum is not.
    """
    fits = problem.weight_copy + problem.weight_bytes <= budget // 2
    gains = shifts.can_shift(problem.geometry) and problem.geometry.pixels > SIDE_BY_SIDE
    return fits and gains and problem.itemsize > 2


def _full_waves(problem: Problem) -> Slices:
    """The thickness at which the products of all slices take the fewest turns of the device's processors.

    A product is computed in tiles of about 128 by 128, one on each processor at a time; what does not fill the last
    turn is idle.
    """
    geometry = problem.geometry
    total, across = geometry.out[0], volume(geometry.out[1:])

    def turns(thickness: int) -> int:
        pieces = -(-total // thickness)
        tiles = _tiles(geometry.filters // geometry.groups, -(-total // pieces) * across) * geometry.groups
        return pieces * -(-tiles // problem.processors)

    return lambda most: min(range(most, max(1, most // 2) - 1, -1), key=turns)


def _tiles(rows: int, columns: int) -> int:
    return -(-rows // TILE) * -(-columns // TILE)


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


def _bytes(tensor: Tensor) -> int:
    return int(tensor.numel() * tensor.element_size())


def _processors(tensor: Tensor) -> int:
    """What computes one tile of a product at a time."""
    return int(torch.cuda.get_device_properties(tensor.device).multi_processor_count) if tensor.is_cuda else 32


def _wide(sizes: Sizes, other: int, flat: bool) -> Sizes:
    """The length as height, so that a long signal can be cut along it."""
    return (*sizes, other) if flat else sizes


def _is_ready(geometry: Geometry, image_lies: int) -> bool:
    """Whether columns can be made of whole images as they lie."""
    return image_lies == PLAIN or (image_lies == LAST and geometry.is_pointwise)


def _block(geometry: Geometry, extent: Sizes, is_direct: bool) -> int:
    """Elements of the copy of what is read: none where two-dimensional images are read as they lie in memory."""
    if is_direct and (len(geometry.size) == 2 or geometry.is_pointwise):
        return 0
    return geometry.channels * volume(window(geometry, extent))


def _work(problem: Problem, cost: Cost, budget: int, slices: Slices | None = None) -> Work:
    spare = budget // 8 if problem.geometry.groups > 1 and problem.geometry.images > 1 else 0
    room = max(budget // 4, budget - spare - problem.weight_copy)
    return Work(problem.geometry, boxes(problem.geometry, cost, room, slices), spare)
