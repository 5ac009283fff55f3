"""Convolutions that step by one along the first dimension: unfolded along the others alone.

The rows that outputs read then lie one after the other in the buffer, so that for the next tap along the first
dimension it is the same buffer, begun some rows later. It is smaller by the number of those taps than what im2col
makes, and is written that many times less; the products of the taps are added up in the output.
"""

from __future__ import annotations

from typing import Any

from .columns import gather
from .geometry import Box, Geometry, part_of, volume
from .products import by_group, multiply

Tensor = Any


def can_shift(geometry: Geometry) -> bool:
    """Whether this is such a convolution, and there is something to be gained: taps in both dimensions."""
    flat = len(geometry.size) == 2
    return flat and min(geometry.kernel) > 1 and geometry.stride[0] == 1 and geometry.is_complete


def unfolding(geometry: Geometry) -> Geometry:
    """What the buffer holds: the convolution without its taps along the first dimension."""
    return geometry._replace(
        out=(geometry.size[0] + 2 * geometry.padding[0], *geometry.out[1:]),
        kernel=(1, *geometry.kernel[1:]),
        dilation=(1, *geometry.dilation[1:]),
    )


def reach(geometry: Geometry) -> int:
    """Rows that the last tap lies behind the first."""
    return geometry.dilation[0] * (geometry.kernel[0] - 1)


def source(box: Box, geometry: Geometry) -> Box:
    """The rows of the buffer that the outputs of *box* are made of."""
    rows = (box.outputs[0].start, box.outputs[0].stop + reach(geometry))
    others = [(run.start, run.stop) for run in box.outputs[1:]]
    return part_of(unfolding(geometry), (box.images.start, box.images.stop), (rows, *others))


def forward(image: Tensor, weight: Tensor, target: Tensor, geometry: Geometry, boxes: Any, spare: int) -> None:
    """Write the outputs into *target*. *boxes* are pairs of a box and its source."""
    buffer = unfolding(geometry)
    taps = _by_tap(weight, geometry)
    for box, rows in boxes:
        out = by_group(target, geometry, box)
        if rows.is_barren:
            out.zero_()
            continue
        step = geometry.dilation[0] * volume(box.extent[1:])
        _add_up(taps, gather(image, buffer, rows), out, step, spare)


def _add_up(taps: Tensor, rows: Tensor, out: Tensor, step: int, spare: int) -> None:
    """A function of its own, so that the buffer is gone before the next one is made."""
    for number, matrix in enumerate(taps):
        first = number * step
        multiply(matrix, rows[..., first : first + out.shape[-1]], out, spare, adds=number > 0)


def _by_tap(weight: Tensor, geometry: Geometry) -> Tensor:
    """(taps along the first dimension, groups, filters of each, what one of them reads in a row)."""
    groups, taps = geometry.groups, geometry.kernel[0]
    filters, channels = weight.shape[0] // groups, weight.shape[1]
    apart = weight.reshape(groups, filters, channels, taps, -1).permute(3, 0, 1, 2, 4)
    return apart.reshape(taps, groups, filters, -1)
