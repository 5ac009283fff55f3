"""Convolutions by matrix products, one box of outputs after the other: one buffer is alive at a time.

Matrix products are written into what exists (`out=`): so autocast, which may be active in a backward pass, changes
no dtype here, and no second copy of a result is made.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from .columns import exact, gather, merged, overwrites, scatter, selected
from .geometry import Box, Geometry

Tensor = Any


class Work(NamedTuple):
    """How one of the three products of a convolution is computed."""

    geometry: Geometry
    boxes: tuple[Box, ...]
    spare: int
    """Bytes that copies of the weights may take."""
    merges: bool = False
    """Whether the gradient of the weights sums over the images of a box within one matrix product."""


def forward(image: Tensor, weight: Tensor, target: Tensor, work: Work) -> None:
    """Write the outputs into *target*."""
    geometry = work.geometry
    matrix = weight.reshape(geometry.groups, -1, geometry.depth)
    for box in work.boxes:
        outputs = _by_group(target, geometry, box)
        if box.is_barren:
            outputs.zero_()
        else:
            _multiply(matrix, gather(image, geometry, box), outputs, work.spare)


def input_gradient(gradient: Tensor, weight: Tensor, target: Tensor, work: Work) -> None:
    """Write what the outputs' *gradient* means for the inputs into *target*; also the transposed convolution."""
    geometry = work.geometry
    matrix = weight.reshape(geometry.groups, -1, geometry.depth).transpose(1, 2)
    if geometry.is_pointwise:
        for box in work.boxes:
            inputs = _by_group(target, geometry, box)
            _multiply(matrix, _by_group(gradient, geometry, box), inputs, work.spare)
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
        part = (_merged_product if work.merges else _summed_product)(gradient, image, geometry, box)
        total = part if total is None else total.to(exact(part.dtype)).add_(part)
    if total is None:
        shape = (geometry.groups, geometry.filters // geometry.groups, geometry.depth)
        total = image.new_zeros(shape)
    return total.to(image.dtype)


def _by_group(tensor: Tensor, geometry: Geometry, box: Box) -> Tensor:
    """(images, groups, filters, outputs) of what has a filter in each channel: a view wherever there can be one."""
    if box.is_whole or tensor.is_contiguous():
        part = tensor if len(range(tensor.shape[0])[box.images]) == tensor.shape[0] else tensor[box.images]
        part = part.reshape(part.shape[0], geometry.groups, -1, geometry.pixels)
        return part if box.is_whole else part[..., box.columns]
    part = selected(tensor, box)
    return part.reshape(part.shape[0], geometry.groups, tensor.shape[1] // geometry.groups, -1)


def _products(matrix: Tensor, gradient: Tensor, work: Work, box: Box) -> Tensor:
    outputs = _by_group(gradient, work.geometry, box)
    columns = outputs.new_empty((*outputs.shape[:2], work.geometry.depth, outputs.shape[3]))
    _multiply(matrix, outputs, columns, work.spare)
    return columns


def _summed_product(gradient: Tensor, image: Tensor, geometry: Geometry, box: Box) -> Tensor:
    """One product for each image and group, then their sum."""
    outputs = _by_group(gradient, geometry, box)
    images, groups, filters, pixels = outputs.shape
    parts = outputs.new_empty((images * groups, filters, geometry.depth))
    columns = gather(image, geometry, box).reshape(images * groups, geometry.depth, pixels)
    torch.bmm(outputs.reshape(images * groups, filters, pixels), columns.transpose(1, 2), out=parts)
    del columns
    parts = parts.view(images, groups, filters, geometry.depth)
    return parts.sum(0, dtype=exact(parts.dtype)) if images > 1 else parts[0]


def _merged_product(gradient: Tensor, image: Tensor, geometry: Geometry, box: Box) -> Tensor:
    """One product for each group."""
    outputs = _by_group(gradient, geometry, box).permute(1, 2, 0, 3)
    groups, filters = outputs.shape[:2]
    total = outputs.new_empty((groups, filters, geometry.depth))
    columns = merged(image, geometry, box)
    torch.bmm(outputs.reshape(groups, filters, -1), columns.transpose(1, 2), out=total)
    return total


def _multiply(matrix: Tensor, columns: Tensor, out: Tensor, spare: int) -> None:
    """out[image, group] = matrix[group] @ columns[image, group], with few copies of *matrix*, or none."""
    images, groups = columns.shape[:2]
    if groups == 1:
        torch.bmm(matrix.expand(images, -1, -1), columns.squeeze(1), out=out.squeeze(1))
    elif images == 1:
        torch.bmm(matrix, columns.squeeze(0), out=out.squeeze(0))
    elif _may_copy(matrix, columns, out, spare):
        copies = matrix.expand(images, *matrix.shape).reshape(-1, *matrix.shape[1:])
        torch.bmm(copies, columns.flatten(0, 1), out=out.flatten(0, 1))
    elif images < groups:
        for image in range(images):
            torch.bmm(matrix, columns[image], out=out[image])
    else:
        for group in range(groups):
            torch.bmm(matrix[group].expand(images, -1, -1), columns[:, group], out=out[:, group])


def _may_copy(matrix: Tensor, columns: Tensor, out: Tensor, spare: int) -> bool:
    """Only then is there one batch of all images and groups."""
    fits: bool = columns.shape[0] * matrix.numel() * matrix.element_size() <= spare
    return fits and bool(columns.is_contiguous() and out.is_contiguous())
