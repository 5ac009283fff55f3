"""Convolutions, and what they are by definition.

The reference uses no convolution of torch: what is tested on a processor, or put in the place of torch's own,
would be compared with itself.
"""

from __future__ import annotations

import itertools
from typing import Any, Sequence

from .case import Case, Numbers

_IMAGES = 2


def convolution(torch: Any, numbers: Numbers, task: Any) -> Case:
    words = task["arguments"]
    form = Form(torch, words)
    into, out = words["channels"]
    shape = (into, out // form.groups) if form.transposed else (out, into // form.groups)
    weight = numbers.normal(*shape, *words["kernel"]) / (shape[1] * form.taps) ** 0.5
    inputs = (numbers.normal(_IMAGES, into, *words["size"]), weight, numbers.normal(out))
    return Case(inputs, form.by_torch, form.by_definition)


class Form:
    """One kind of convolution: *words* as in planning/probing.py."""

    def __init__(self, torch: Any, words: dict[str, Any]) -> None:
        self._torch = torch
        self._kernel: Sequence[int] = words["kernel"]
        self._stride, self._padding = int(words.get("stride", 1)), int(words.get("padding", 0))
        self.groups, self.transposed = int(words.get("groups", 1)), bool(words.get("transposed"))

    @property
    def taps(self) -> int:
        found = 1
        for one in self._kernel:
            found *= one
        return found

    def by_torch(self, one: Any, weight: Any, bias: Any) -> Any:
        name = f"conv{'_transpose' if self.transposed else ''}{len(self._kernel)}d"
        function = getattr(self._torch.nn.functional, name)
        return function(one, weight, bias, stride=self._stride, padding=self._padding, groups=self.groups)

    def by_definition(self, one: Any, weight: Any, bias: Any) -> Any:
        found = self._scattered(one, weight) if self.transposed else self._gathered(one, weight)
        return found + bias.reshape(-1, *[1] * len(self._kernel))

    def _gathered(self, one: Any, weight: Any) -> Any:
        """The sum over all places in the kernel, each a product of matrices."""
        padded = self._torch.nn.functional.pad(one, [self._padding] * 2 * len(self._kernel))
        sizes = [(have - tap) // self._stride + 1 for have, tap in zip(padded.shape[2:], self._kernel)]
        weights = weight.reshape(self.groups, -1, *weight.shape[1:])
        total: Any = 0
        for place in itertools.product(*map(range, self._kernel)):
            window, tap = self._window(place, sizes), (Ellipsis, *place)
            total = total + self._torch.einsum("bgcx,goc->bgox", self._in_groups(padded[window]), weights[tap])
        return total.reshape(one.shape[0], -1, *sizes)

    def _scattered(self, one: Any, weight: Any) -> Any:
        """Every input value added, times the kernel, where it belongs."""
        sizes = [(have - 1) * self._stride + tap for have, tap in zip(one.shape[2:], self._kernel)]
        weights = weight.reshape(self.groups, -1, *weight.shape[1:])
        total = one.new_zeros(one.shape[0], weight.shape[1] * self.groups, *sizes)
        part = self._in_groups(one)
        for place in itertools.product(*map(range, self._kernel)):
            window, tap = self._window(place, one.shape[2:]), (Ellipsis, *place)
            grown = self._torch.einsum("bgcx,gco->bgox", part, weights[tap])
            total[window] += grown.reshape(one.shape[0], -1, *one.shape[2:])
        kept = [slice(self._padding, -self._padding or None)] * len(self._kernel)
        return total[tuple([slice(None)] * 2 + kept)]

    def _in_groups(self, one: Any) -> Any:
        return one.reshape(one.shape[0], self.groups, one.shape[1] // self.groups, -1)

    def _window(self, place: Sequence[int], sizes: Sequence[int]) -> tuple[slice, ...]:
        """Those values of all images and channels that the kernel's place *place* meets."""
        step = self._stride
        window = [slice(first, first + (size - 1) * step + 1, step) for first, size in zip(place, sizes)]
        return (slice(None), slice(None), *window)
