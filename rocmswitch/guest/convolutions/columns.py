"""Images as matrices of which each column holds what one output reads, and back: im2col and col2im.

torch's own two are given what to write into (`out=`), for without it both begin with a result of the size of what
they read: col2im would take the memory of the columns twice.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch.nn import functional

from .geometry import Box, Geometry, Sizes, volume, window

Tensor = Any
_EVERYTHING = (slice(None), slice(None))
"""All images, all channels."""


def gather(image: Tensor, geometry: Geometry, box: Box) -> Tensor:
    """(images, groups, depth, outputs): one new buffer, and none where each output reads its own place alone."""
    count = box.images.stop - box.images.start
    if geometry.is_pointwise:
        columns = selected(image, box).flatten(2)
    elif len(geometry.size) == 2:
        columns = _unfolded(image, geometry, box)
    else:
        columns = patches(_framed(image, box), geometry, box)
    return columns.reshape(count, geometry.groups, geometry.depth, -1)


def merged(image: Tensor, geometry: Geometry, box: Box) -> Tensor:
    """(groups, depth, images × outputs): the columns of all images side by side."""
    view = patches(_framed(image, box), geometry, box)
    taps = len(geometry.kernel)
    order = [*range(1, 2 + taps), 0, *range(2 + taps, 2 + 2 * taps)]
    return view.permute(order).reshape(geometry.groups, geometry.depth, -1)


def scatter(columns: Tensor, target: Tensor, geometry: Geometry, box: Box) -> None:
    """Add what each output read to the places it was read from, where `overwrites` does not say otherwise."""
    if len(geometry.size) == 2:
        _folded(columns, target, geometry, box)
    else:
        _add(_added_up(columns, geometry, box), target, box)


def overwrites(geometry: Geometry, box: Box) -> bool:
    """Whether `scatter` writes every place of the box's images, whatever was there."""
    return box.is_whole and len(geometry.size) == 2


def selected(tensor: Tensor, box: Box) -> Tensor:
    """The part of something that has the box's outputs in its last dimensions."""
    part = tensor if tensor.shape[0] == box.images.stop - box.images.start else tensor[box.images]
    return part if box.is_whole else part[_EVERYTHING + box.outputs]


def patches(block: Tensor, geometry: Geometry, box: Box) -> Tensor:
    """A view (images, channels, taps…, outputs…) of *block*, which has its zeros around it."""
    images, channels, *steps = block.stride()
    taps = [step * each for step, each in zip(steps, geometry.dilation)]
    outputs = [step * each for step, each in zip(steps, geometry.stride)]
    shape = (*block.shape[:2], *geometry.kernel, *box.extent)
    return block.as_strided(shape, (images, channels, *taps, *outputs))


def exact(dtype: Any) -> Any:
    """What sums are kept in."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def _framed(image: Tensor, box: Box) -> Tensor:
    """What the outputs read, with zeros where that is outside of the image."""
    block = image[_in_images(box)]
    if not box.edges or image.is_contiguous():
        return functional.pad(block, box.edges) if box.edges else block
    # The result of pad would lie as the image does, and had to be copied once more to be unfolded.
    lows = box.edges[-2::-2]
    frames = zip(lows, block.shape[2:], box.edges[-1::-2])
    framed = block.new_zeros((*block.shape[:2], *(sum(frame) for frame in frames)))
    places = (slice(low, low + size) for low, size in zip(lows, block.shape[2:]))
    framed[_EVERYTHING + tuple(places)] = block
    return framed


def _unfolded(image: Tensor, geometry: Geometry, box: Box) -> Tensor:
    """All images as the channels of one, which takes one kernel in place of one for each image."""
    if box.is_whole:
        block = image if image.shape[0] == box.images.stop - box.images.start else image[box.images]
        padding = geometry.padding
    else:
        block, padding = _framed(image, box), (0, 0)
    one = block.reshape(1, -1, *block.shape[2:])
    columns = one.new_empty((1, one.shape[1] * geometry.taps, volume(box.extent)))
    how = (geometry.kernel, geometry.dilation, padding, geometry.stride)
    return torch._C._nn.im2col(one, *how, out=columns)


def _folded(columns: Tensor, target: Tensor, geometry: Geometry, box: Box) -> None:
    part = target[box.images]
    if overwrites(geometry, box) and part.is_contiguous():
        _fold_into(part, columns, geometry, geometry.padding)
    elif overwrites(geometry, box):
        block = columns.new_empty(part.shape)
        part.copy_(_fold_into(block, columns, geometry, geometry.padding))
    else:
        block = columns.new_empty((part.shape[0], geometry.channels, *window(geometry, box.extent)))
        _add(_fold_into(block, columns, geometry, (0, 0)), target, box)


def _fold_into(block: Tensor, columns: Tensor, geometry: Geometry, padding: Sizes) -> Tensor:
    """*block*, which is contiguous: its images are the channels of one while they are computed."""
    one = columns.reshape(1, -1, columns.shape[-1])
    how = (block.shape[2:], geometry.kernel, geometry.dilation, padding, geometry.stride)
    torch._C._nn.col2im(one, *how, out=block.view(1, -1, *block.shape[2:]))
    return block


def _added_up(columns: Tensor, geometry: Geometry, box: Box) -> Tensor:
    """In float32 where the images are of half of that: as many sums as there are taps would lose too much."""
    taps = columns.reshape(-1, geometry.channels, geometry.taps, *box.extent)
    shape = (taps.shape[0], geometry.channels, *window(geometry, box.extent))
    block = columns.new_zeros(shape, dtype=exact(columns.dtype))
    steps = tuple(zip(geometry.dilation, geometry.stride, box.extent))
    for number, tap in enumerate(product(*(range(size) for size in geometry.kernel))):
        places = (slice(t * d, t * d + (e - 1) * s + 1, s) for t, (d, s, e) in zip(tap, steps))
        block[_EVERYTHING + tuple(places)].add_(taps[:, :, number])
    return block


def _add(block: Tensor, target: Tensor, box: Box) -> None:
    """All of *block* but its frame."""
    lows = box.edges[-2::-2] or (0,) * len(box.inputs)
    runs = (slice(low, low + run.stop - run.start) for low, run in zip(lows, box.inputs))
    target[_in_images(box)].add_(block[_EVERYTHING + tuple(runs)])


def _in_images(box: Box) -> tuple[slice, ...]:
    return (box.images, slice(None), *box.inputs)
