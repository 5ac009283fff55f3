"""Products of matrices for each image and group, written into what exists.

With `out=` autocast, which may be active in a backward pass, changes no dtype, and no second copy is made.
"""

from __future__ import annotations

from typing import Any

import torch

from .columns import selected
from .geometry import Box, Geometry

Tensor = Any


def by_group(tensor: Tensor, geometry: Geometry, box: Box) -> Tensor:
    """(images, groups, filters, outputs) of what has a filter in each channel: a view wherever there can be one."""
    if box.is_whole or tensor.is_contiguous():
        part = tensor if len(range(tensor.shape[0])[box.images]) == tensor.shape[0] else tensor[box.images]
        part = part.reshape(part.shape[0], geometry.groups, -1, geometry.pixels)
        return part if box.is_whole else part[..., box.columns]
    part = selected(tensor, box)
    return part.reshape(part.shape[0], geometry.groups, tensor.shape[1] // geometry.groups, -1)


def multiply(matrix: Tensor, columns: Tensor, out: Tensor, spare: int, *, adds: bool = False) -> None:
    """out[image, group] = matrix[group] @ columns[image, group], with few copies of *matrix*, or none.

    What is in *out* is *adds* to where that is said.
    """
    images, groups = columns.shape[:2]
    if groups == 1 and images == 1:
        _single(matrix[0], columns[0, 0], out[0, 0], adds=adds)
    elif groups == 1:
        multiply_batch(matrix.expand(images, -1, -1), columns.squeeze(1), out.squeeze(1), adds=adds)
    elif images == 1:
        multiply_batch(matrix, columns.squeeze(0), out.squeeze(0), adds=adds)
    elif _may_copy(matrix, columns, out, spare):
        copies = matrix.expand(images, *matrix.shape).reshape(-1, *matrix.shape[1:])
        multiply_batch(copies, columns.flatten(0, 1), out.flatten(0, 1), adds=adds)
    elif images < groups:
        for image in range(images):
            multiply_batch(matrix, columns[image], out[image], adds=adds)
    else:
        for group in range(groups):
            multiply_batch(matrix[group].expand(images, -1, -1), columns[:, group], out[:, group], adds=adds)


def multiply_batch(one: Tensor, other: Tensor, out: Tensor, *, adds: bool) -> None:
    """out[each] = one[each] @ other[each]."""
    if adds:
        torch.baddbmm(out, one, other, out=out)
    else:
        torch.bmm(one, other, out=out)


def _single(one: Tensor, other: Tensor, out: Tensor, *, adds: bool) -> None:
    if adds:
        torch.addmm(out, one, other, out=out)
    else:
        torch.mm(one, other, out=out)


def _may_copy(matrix: Tensor, columns: Tensor, out: Tensor, spare: int) -> bool:
    """Only then is there one batch of all images and groups."""
    fits: bool = columns.shape[0] * matrix.numel() * matrix.element_size() <= spare
    return fits and _are_one_batch(columns) and _are_one_batch(out)


def _are_one_batch(tensor: Tensor) -> bool:
    """Whether images and groups lie at one distance from each other."""
    return bool(tensor.stride(0) == tensor.shape[1] * tensor.stride(1))
