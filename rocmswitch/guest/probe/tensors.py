"""What everything stands on: tensors, matrices, activations."""

from __future__ import annotations

import operator
from typing import Any

from .case import Case, Numbers

_BY_PYTHON = (
    *(operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod),
    *(operator.and_, operator.xor, operator.lt),
)


def create(torch: Any, numbers: Numbers, task: Any) -> Case:
    def run(one: Any) -> Any:
        place = {"device": one.device, "dtype": one.dtype}
        made = [torch.zeros(513, **place), torch.ones(7, 11, **place), torch.full((3, 5), 2.5, **place)]
        return [*made, torch.arange(1000, **place), torch.eye(33, **place)]

    return Case((numbers.normal(1),), run, exact=True)


def copy(torch: Any, numbers: Numbers, task: Any) -> Case:
    """To the device, as every input is, back and there again; rows and columns exchanged on the way."""

    def run(one: Any) -> Any:
        back = one.cpu()
        return [back, back.to(one.device), one.t().contiguous(), one[:, ::3].clone()]

    return Case((numbers.normal(257, 1031),), run, exact=True)


def elementwise(torch: Any, numbers: Numbers, task: Any) -> Case:
    def run(one: Any, other: Any) -> Any:
        sums = [one + other, one - 2 * other, one * other, one / (other * other + 1)]
        return [
            *sums,
            torch.exp(-one.abs()),
            torch.tanh(one),
            torch.sqrt(other.abs()),
            torch.where(one > 0, one, other),
        ]

    return Case((numbers.normal(64, 1023), numbers.normal(1023)), run)


def whole_numbers(torch: Any, numbers: Numbers, task: Any) -> Case:
    def run(one: Any, other: Any) -> Any:
        sums = [one + other, one - other, one * other, torch.div(one, other, rounding_mode="floor"), one % other]
        return [*sums, one & other, one ^ other, one < other]

    def by_python(one: Any, other: Any) -> Any:
        pairs = [(left, right) for row in one.tolist() for left, right in zip(row, other.tolist())]
        found = [[operation(left, right) for left, right in pairs] for operation in _BY_PYTHON]
        return [torch.tensor(values).reshape(one.shape) for values in found]

    return Case((numbers.whole(-99999, 99999, 64, 1023), numbers.whole(1, 999, 1023)), run, by_python, exact=True)


def reduce(torch: Any, numbers: Numbers, task: Any) -> Case:
    def run(one: Any) -> Any:
        found = [one.sum(), one.sum(0), one.sum(1), one.amax(1), one.amin(0), one.argmax(1), one.cumsum(1)]
        return found if one.dtype == torch.int64 else [*found, one.std(1), one.logsumexp(0)]

    if task["dtype"] == "int64":
        return Case((numbers.whole(-999, 999, 65, 4099),), run, exact=True)
    return Case((numbers.normal(65, 4099),), run)


def index(torch: Any, numbers: Numbers, task: Any) -> Case:
    def run(one: Any, places: Any) -> Any:
        marked = one.clone()
        marked[places[:20]] = 7
        added = torch.zeros_like(one).index_add_(0, places, one)
        found = [one[places], one.index_select(0, places), one[one > 1], one.flip(0), one.roll(3, 1), marked, added]
        return [*found, one.gather(0, places[:, None].expand_as(one)), one.gt(0).nonzero()]

    whole = task["dtype"] == "int64"
    one = numbers.whole(-99, 99, 300, 70) if whole else numbers.normal(300, 70)
    return Case((one, numbers.shuffled(300)), run, exact=True)


def order(torch: Any, numbers: Numbers, task: Any) -> Case:
    """Every value once, so that there is one right order."""

    def run(one: Any) -> Any:
        values, places = one.sort(1)
        return [values, places, *one.topk(9, 1), *one.sort(0, descending=True), one.flatten().unique()]

    one = numbers.shuffled(33 * 1025).reshape(33, 1025)
    return Case((one if task["dtype"] == "int64" else one.double() / 8,), run, exact=True)


def matmul(torch: Any, numbers: Numbers, task: Any) -> Case:
    words = task["arguments"]
    return Case((numbers.normal(*words["left"]), numbers.normal(*words["right"])), torch.matmul, _product)


def linear(torch: Any, numbers: Numbers, task: Any) -> Case:
    words = task["arguments"]
    into, out = words["features"]
    inputs = (numbers.normal(words["rows"], into), numbers.normal(out, into) / into**0.5, numbers.normal(out))

    def by_definition(one: Any, weight: Any, bias: Any) -> Any:
        return _product(one, weight.t()) + bias

    return Case(inputs, torch.nn.functional.linear, by_definition)


def _product(left: Any, right: Any) -> Any:
    """Of matrices, by nothing but sums and products of numbers."""
    places = range(left.shape[-1])
    return sum(left[..., place, None] * right[..., place, None, :] for place in places)


def activation(torch: Any, numbers: Numbers, task: Any) -> Case:
    functional, kind = torch.nn.functional, task["arguments"]["kind"]

    def run(one: Any) -> Any:
        return functional.softmax(one, 1) if kind == "softmax" else getattr(functional, kind)(one)

    return Case((2 * numbers.normal(65, 1023),), run)
