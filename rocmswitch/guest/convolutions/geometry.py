"""What a convolution reads and writes, in plain numbers; and how it is cut so that its buffers fit a budget.

Images have two dimensions here, or three: those of one are as high as they were long, and one wide.
"""

from __future__ import annotations

from itertools import product
from typing import Callable, NamedTuple, Sequence, Tuple

Sizes = Tuple[int, ...]
Range = Tuple[int, int]
Cost = Callable[[Sizes, bool], int]
"""Bytes for one image and so many of its outputs in each dimension, and whether that is the whole image."""
Slices = Callable[[int], int]
"""From the thickest slice that fits the one to take."""


class Geometry(NamedTuple):
    """A convolution that is not transposed. A transposed one is the way back through such a one."""

    images: int
    channels: int
    filters: int
    groups: int
    size: Sizes
    out: Sizes
    """May be less than `size` allows for: outputs that nobody asks for are not computed."""
    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes

    @property
    def taps(self) -> int:
        return volume(self.kernel)

    @property
    def depth(self) -> int:
        """Products that are summed for one output."""
        return self.channels // self.groups * self.taps

    @property
    def pixels(self) -> int:
        """Outputs of one filter in one image."""
        return volume(self.out)

    @property
    def is_pointwise(self) -> bool:
        """Each output reads the input at its own place and nothing else: a plain matrix product."""
        return self.taps == 1 and self.size == self.out and not any(self.padding)

    @property
    def is_complete(self) -> bool:
        """Whether every output is computed that `size` allows for."""
        return self.out == outputs(self.size, self.kernel, self.stride, self.padding, self.dilation)


class Box(NamedTuple):
    """Outputs that are computed at once: some whole images, or a part of one."""

    images: slice
    outputs: tuple[slice, ...]
    columns: slice
    """The same outputs, counted through the image."""
    extent: Sizes
    """How many they are in each dimension."""
    inputs: tuple[slice, ...]
    """What they read, as far as it lies in the image."""
    edges: Sizes
    """Zeros that they read around it, as `torch.nn.functional.pad` wants them; empty where there are none."""
    is_whole: bool
    is_barren: bool
    """They read nothing but padding."""


def volume(sizes: Sequence[int]) -> int:
    product_ = 1
    for size in sizes:
        product_ *= size
    return product_


def outputs(size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Sizes:
    """How many outputs a convolution has in each dimension."""
    each = zip(size, kernel, stride, padding, dilation)
    return tuple((i + 2 * p - d * (k - 1) - 1) // s + 1 for i, k, s, p, d in each)


def transposed_outputs(size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Sizes:
    """The same for a transposed one, before its output padding is added."""
    each = zip(size, kernel, stride, padding, dilation)
    return tuple((i - 1) * s - 2 * p + d * (k - 1) + 1 for i, k, s, p, d in each)


def window(geometry: Geometry, extent: Sizes) -> Sizes:
    """Inputs that so many neighbouring outputs read, padding counted."""
    each = zip(extent, geometry.kernel, geometry.stride, geometry.dilation)
    return tuple((e - 1) * s + d * (k - 1) + 1 for e, k, s, d in each)


def boxes(geometry: Geometry, cost: Cost, budget: int, slices: Slices | None = None) -> tuple[Box, ...]:
    """Every output once, in as few boxes as the budget allows; one output alone is never cut.

    *slices* may choose another thickness for those of the first dimension than the largest that fits.
    """
    each = cost(geometry.out, geometry.is_complete)
    if each <= budget:
        most = budget // max(1, each)
        everything = tuple((0, size) for size in geometry.out)
        return tuple(part_of(geometry, run, everything) for run in _pieces(geometry.images, max(1, most)))
    parts = tuple(_parts(geometry.out, cost, budget, slices))
    return tuple(part_of(geometry, (image, image + 1), part) for image in range(geometry.images) for part in parts)


def _parts(out: Sizes, cost: Cost, budget: int, thickness: Slices | None) -> Sequence[tuple[Range, ...]]:
    """Cut in the first dimension in which a slice of one fits, and to one in those before it."""
    for axis, _ in enumerate(out):
        slices = [(1,) * axis + (count,) + out[axis + 1 :] for count in (1, 2)]
        first, second = (cost(extent, False) for extent in slices)
        if first <= budget or axis == len(out) - 1:
            break
    most = 1 + max(0, budget - first) // max(1, second - first)
    if axis == 0 and thickness is not None:
        most = thickness(min(most, out[0]))
    cuts = [_pieces(size, 1) for size in out[:axis]]
    cuts += [_pieces(out[axis], most)]
    cuts += [[(0, size)] for size in out[axis + 1 :]]
    return list(product(*cuts))


def _pieces(total: int, most: int) -> Sequence[Range]:
    """Of about one size, so that none of them is a small rest."""
    count = -(-total // most)
    size = -(-total // max(1, count))
    return [(start, min(start + size, total)) for start in range(0, total, max(1, size))]


def part_of(geometry: Geometry, images: Range, part: tuple[Range, ...]) -> Box:
    """The box of these images and these outputs in each dimension."""
    extent = tuple(stop - start for start, stop in part)
    inputs: list[slice] = []
    edges: list[int] = []
    for axis, (start, _) in enumerate(part):
        low = start * geometry.stride[axis] - geometry.padding[axis]
        high = low + window(geometry, extent)[axis]
        size = geometry.size[axis]
        inputs.append(slice(max(low, 0), min(high, size)))
        edges[:0] = [max(-low, 0), max(high - size, 0)]
    first = 0
    for (start, _), size in zip(part, geometry.out):
        first = first * size + start
    return Box(
        images=slice(*images),
        outputs=tuple(slice(*run) for run in part),
        columns=slice(first, first + volume(extent)),
        extent=extent,
        inputs=tuple(inputs),
        edges=tuple(edges) if any(edges) else (),
        is_whole=extent == geometry.out and geometry.is_complete,
        is_barren=any(run.start >= run.stop for run in inputs),
    )
