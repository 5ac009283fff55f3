"""Convolutions by matrix products, one box of outputs after the other: one buffer is alive at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from . import shifts
from .columns import exact, gather, merged, overwrites, scatter
from .geometry import Box, Geometry
from .products import by_group, multiply, multiply_batch

Tensor = Any

PLAIN, MERGED, SHIFTED, IN_BLOCKS = "plain", "merged", "shifted", "in blocks"
"""A product for each image, for all images of a box, for each tap down the image, or for each part of an image."""


class Work(NamedTuple):
    """How one of the three products of a convolution is computed."""

    geometry: Geometry
    boxes: tuple[Any, ...]
    """For SHIFTED pairs of a box and its source."""
    spare: int
    """Bytes that copies of the weights may take."""
    how: str = PLAIN
    blocks: int = 1
    """Parts that a sum over the outputs of an image is computed in, where one product would not fill the device."""
    mirrors: bool = False
    """The way back is computed as a convolution, of which `geometry` is, with mirrored weights."""


def forward(image: Tensor, weight: Tensor, target: Tensor, work: Work) -> None:
    """Write the outputs into *target*."""
    geometry = work.geometry
    if work.how == SHIFTED:
        shifts.forward(image, weight, target, geometry, work.boxes, work.spare)
        return
    matrix = weight.reshape(geometry.groups, -1, geometry.depth)
    for box in work.boxes:
        outputs = by_group(target, geometry, box)
        if box.is_barren:
            outputs.zero_()
        elif work.how == MERGED:
            _write_merged(matrix, image, outputs, geometry, box)
        else:
            multiply(matrix, gather(image, geometry, box), outputs, work.spare)


def input_gradient(gradient: Tensor, weight: Tensor, target: Tensor, work: Work) -> None:
    """Write what the outputs' *gradient* means for the inputs into *target*; also the transposed convolution."""
    geometry = work.geometry
    if work.mirrors:
        forward(gradient, mirrored(weight, geometry), target, work)
        return
    matrix = weight.reshape(geometry.groups, -1, geometry.depth).transpose(1, 2)
    if geometry.is_pointwise:
        for box in work.boxes:
            inputs = by_group(target, geometry, box)
            multiply(matrix, by_group(gradient, geometry, box), inputs, work.spare)
        return
    if not all(overwrites(geometry, box) and not box.is_barren for box in work.boxes):
        target.zero_()
    for box in work.boxes:
        if not box.is_barren:
            scatter(_products(matrix, gradient, work, box), target, geometry, box)


def weight_gradient(gradient: Tensor, image: Tensor, work: Work) -> Tensor:
    """What the outputs' *gradient* means for the weights: (groups, filters of each, depth), sums in float32."""
    geometry = work.geometry
    total = None
    for box in work.boxes:
        if box.is_barren:
            continue
        if work.how == MERGED:
            total = _merged_product(gradient, image, geometry, box, total)
        elif work.how == IN_BLOCKS:
            total = _sum(total, _product_in_blocks(gradient, image, geometry, box, work.blocks))
        elif box.images.stop - box.images.start == 1:
            total = _single_product(gradient, image, geometry, box, total)
        else:
            total = _sum(total, _summed_product(gradient, image, geometry, box))
    if total is None:
        shape = (geometry.groups, geometry.filters // geometry.groups, geometry.depth)
        total = image.new_zeros(shape)
    return total.to(image.dtype)


def mirror(geometry: Geometry) -> Geometry | None:
    """The convolution that computes the gradient of the inputs; None where steps or padding forbid it."""
    each = zip(geometry.padding, geometry.kernel, geometry.dilation)
    padding = tuple(d * (k - 1) - p for p, k, d in each)
    if min(padding) < 0 or set(geometry.stride) != {1} or not geometry.is_complete:
        return None
    return geometry._replace(
        channels=geometry.filters,
        filters=geometry.channels,
        size=geometry.out,
        out=geometry.size,
        padding=padding,
    )


def mirrored(weight: Tensor, geometry: Geometry) -> Tensor:
    """The weights of that convolution, whose *geometry* it is: each kernel turned, inputs and outputs exchanged."""
    groups, kernel = geometry.groups, geometry.kernel
    apart = weight.reshape(groups, geometry.channels // groups, -1, *kernel)
    turned = apart.flip(*range(3, 3 + len(kernel))).transpose(1, 2)
    return turned.reshape(geometry.filters, -1, *kernel)


def _products(matrix: Tensor, gradient: Tensor, work: Work, box: Box) -> Tensor:
    outputs = by_group(gradient, work.geometry, box)
    columns = outputs.new_empty((*outputs.shape[:2], work.geometry.depth, outputs.shape[3]))
    multiply(matrix, outputs, columns, work.spare)
    return columns


def _write_merged(matrix: Tensor, image: Tensor, outputs: Tensor, geometry: Geometry, box: Box) -> None:
    """Small images side by side fill a product that each of them alone would not."""
    columns = merged(image, geometry, box)
    product = columns.new_empty((*matrix.shape[:2], columns.shape[2]))
    torch.bmm(matrix, columns, out=product)
    del columns
    images, groups, filters, pixels = outputs.shape
    outputs.copy_(product.view(groups, filters, images, pixels).permute(2, 0, 1, 3))


def _summed_product(gradient: Tensor, image: Tensor, geometry: Geometry, box: Box) -> Tensor:
    """One product for each image and group, then their sum."""
    outputs = by_group(gradient, geometry, box)
    images, groups, filters, pixels = outputs.shape
    parts = outputs.new_empty((images * groups, filters, geometry.depth))
    columns = gather(image, geometry, box).reshape(images * groups, geometry.depth, pixels)
    torch.bmm(outputs.reshape(images * groups, filters, pixels), columns.transpose(1, 2), out=parts)
    del columns
    return parts.view(images, groups, filters, geometry.depth).sum(0, dtype=exact(parts.dtype))


def _single_product(gradient: Tensor, image: Tensor, geometry: Geometry, box: Box, total: Tensor | None) -> Tensor:
    """One product for each group of a single image, added to *total*."""
    outputs = by_group(gradient, geometry, box)[0]
    return _product(outputs, gather(image, geometry, box)[0], total)


def _product_in_blocks(gradient: Tensor, image: Tensor, geometry: Geometry, box: Box, blocks: int) -> Tensor:
    """Without groups: a product for each block of outputs, added up over the images, then their sum."""
    outputs = by_group(gradient, geometry, box)[:, 0]
    columns = gather(image, geometry, box)[:, 0]
    length = outputs.shape[2] // blocks
    parts = outputs.new_empty((blocks, outputs.shape[1], geometry.depth))
    total = None
    for number, (above, read) in enumerate(zip(outputs, columns)):
        factors = _blocks(above, length), _blocks(read, length).transpose(1, 2)
        if exact(parts.dtype) is parts.dtype:
            multiply_batch(*factors, parts, adds=number > 0)
        else:
            multiply_batch(*factors, parts, adds=False)
            part = parts.sum(0, dtype=exact(parts.dtype))
            total = part if total is None else total.add_(part)
    return (parts.sum(0) if total is None else total).unsqueeze(0)


def _blocks(matrix: Tensor, length: int) -> Tensor:
    """(blocks, rows, length): a view."""
    row, step = matrix.stride()
    shape = (matrix.shape[1] // length, matrix.shape[0], length)
    return matrix.as_strided(shape, (length * step, row, step))


def _merged_product(gradient: Tensor, image: Tensor, geometry: Geometry, box: Box, total: Tensor | None) -> Tensor:
    """One product for each group, added to *total*."""
    columns = merged(image, geometry, box)
    outputs = by_group(gradient, geometry, box).permute(1, 2, 0, 3)
    return _product(outputs.reshape(*outputs.shape[:2], -1), columns, total)


def _product(outputs: Tensor, columns: Tensor, total: Tensor | None) -> Tensor:
    """Into *total*, without a result beside it, unless the sum is to be more exact than a product is."""
    if total is not None and total.dtype is outputs.dtype and exact(total.dtype) is total.dtype:
        multiply_batch(outputs, columns.transpose(1, 2), total, adds=True)
        return total
    part = outputs.new_empty((*outputs.shape[:2], columns.shape[1]))
    multiply_batch(outputs, columns.transpose(1, 2), part, adds=False)
    return _sum(total, part)


def _sum(total: Tensor | None, part: Tensor) -> Tensor:
    return part if total is None else total.to(exact(part.dtype)).add_(part)
