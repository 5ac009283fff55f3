"""One operation: its reference on the processor in double precision, itself on the device, compared and timed."""

from __future__ import annotations

import copy
import importlib
import time
from typing import Any, Callable, Sequence

from .answers import Answers
from .case import Case, Numbers
from .comparing import compare
from .surroundings import describe_device

_RECIPES = ("tensors", "layers", "sequences", "convolutions", "steps")
_REPEATED, _MOST = {"cpu": 0.03, "cuda": 0.2}, 1000
"""Seconds of repeating, in which a card loads its code and raises its clocks, and how often at most."""


def attempt(torch: Any, task: dict[str, Any], told: Answers) -> dict[str, Any]:
    """What *task*, as planning/probing.py describes it, comes to. Tells the stages, so that a hang has a place."""
    if task["recipe"] == "surroundings":
        return describe_device(torch, task["device"])
    torch.backends.cuda.matmul.allow_tf32 = False  # ten bits are no single precision: NVIDIA's cards would round to
    torch.backends.cudnn.allow_tf32 = False
    case = _recipe(task["recipe"])(torch, Numbers(torch), task)
    trial = _Trial(torch, case, task)
    told.tell(stage="the reference on the processor")
    expected = trial.reference()
    found = trial.on_device(lambda stage: told.tell(stage=stage))
    difference, complaint = compare(torch, found, expected, "exact" if case.exact else task["dtype"])
    complaint = complaint or case.complaint([one for _, one in found])
    if complaint:
        return {"result": "wrong", "difference": difference, "detail": complaint}
    told.tell(stage="a repetition")
    return dict(trial.timed(), result="ok", difference=difference)


def _recipe(name: str) -> Callable[..., Case]:
    for module in _RECIPES:
        found = getattr(importlib.import_module("." + module, __package__), name, None)
        if found is not None:
            return found  # type: ignore[no-any-return]
    raise LookupError(f"no recipe `{name}`")


def _unheard(_stage: str) -> None:
    """For what is repeated."""


class _Trial:
    def __init__(self, torch: Any, case: Case, task: dict[str, Any]) -> None:
        self._torch, self._case = torch, case
        self._dtype, self._device = getattr(torch, task["dtype"]), task["device"]
        self._backward = bool(task["backward"])
        self._drawn: dict[Any, list[Any]] = {}
        self._module = copy.deepcopy(case.module)
        if self._module is not None:
            self._module = self._module.to(self._dtype)

    def reference(self) -> list[tuple[str, Any]]:
        """What the result must be, from inputs that are rounded as the device gets them."""
        inputs = [self._rounded(one) for one in self._case.inputs]
        module: Any = copy.deepcopy(self._module).double() if self._module is not None else None
        return self._compute(self._case.reference or self._case.run or module, module, inputs)

    def on_device(self, told: Callable[[str], None]) -> list[tuple[str, Any]]:
        """What the device computes, still there."""
        told("copying to the device")
        return self._compute(*self._there(), told)

    def timed(self) -> dict[str, float]:
        """Seconds of one repetition, its inputs on the device, and their spread; the first half warms it up."""
        there = self._there()
        taken: list[float] = []
        until = time.perf_counter() + _REPEATED[self._device]
        while len(taken) < _MOST and (not taken or time.perf_counter() < until):
            taken.append(self._clock(lambda: self._compute(*there)))
        warm = sorted(taken[len(taken) // 2 :])
        end = len(warm) // 10
        return {"seconds": warm[len(warm) // 2], "spread": warm[-1 - end] - warm[end]}

    def _there(self) -> tuple[Callable[..., Any], Any, list[Any]]:
        floating = self._dtype
        inputs = [one.to(self._device, floating if one.is_floating_point() else None) for one in self._case.inputs]
        module: Any = copy.deepcopy(self._module).to(self._device) if self._module is not None else None
        return self._case.run or module, module, inputs

    def _clock(self, what: Callable[[], Any]) -> float:
        if self._device == "cpu":
            start = time.perf_counter()
            what()
            return time.perf_counter() - start
        begin, end = (self._torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        what()
        end.record()
        self._torch.cuda.synchronize()
        return float(begin.elapsed_time(end)) / 1000

    def _rounded(self, one: Any) -> Any:
        return one.to(self._dtype).double() if one.is_floating_point() else one

    def _compute(
        self, run: Callable[..., Any], module: Any, inputs: Sequence[Any], told: Callable[[str], None] = _unheard
    ) -> list[tuple[str, Any]]:
        """The outputs of *run* and, where they are wanted, the gradients of inputs and parameters of *module*."""
        self._reached("computing", told)
        if not self._backward:
            with self._torch.no_grad():
                outputs = _several(run(*inputs))
            self._reached("waiting for the result", told)
            return _named("output", outputs)
        leaves = [one.detach().requires_grad_() if one.is_floating_point() else one for one in inputs]
        outputs = _several(run(*leaves))
        self._reached("computing gradients", told)
        wanted = [one for one in leaves if one.requires_grad]
        wanted += list(module.parameters()) if module is not None else []
        # A single number to start from: torch imports sympy, which takes a second, for the shapes of several.
        start = sum((one * weight).sum() for one, weight in zip(outputs, self._weights(outputs)))
        gradients = self._torch.autograd.grad(start, wanted)
        self._reached("waiting for the gradients", told)
        return _named("output", [one.detach() for one in outputs]) + _named("gradient", gradients)

    def _reached(self, stage: str, told: Callable[[str], None]) -> None:
        """A card works behind the processor's back: what hangs is named rightly only once all before has ended."""
        if told is not _unheard:
            told(stage)
            if self._device != "cpu":
                self._torch.cuda.synchronize()

    def _weights(self, outputs: Sequence[Any]) -> list[Any]:
        """What the outputs are multiplied by in the sum whose gradients are taken: the same in every run.

        They are drawn once for each place: that takes longer than most operations, whose time would be theirs.
        """
        place = (outputs[0].device, outputs[0].dtype)
        if place not in self._drawn:
            numbers = Numbers(self._torch, seed=21)
            weights = [self._rounded(numbers.normal(*one.shape)) for one in outputs]
            self._drawn[place] = [weight.to(one.device, one.dtype) for weight, one in zip(weights, outputs)]
        return self._drawn[place]


def _several(result: Any) -> list[Any]:
    """The tensors of a result: an LSTM's has tuples in a tuple."""
    if isinstance(result, (tuple, list)):
        return [tensor for part in result for tensor in _several(part)]
    return [result]


def _named(what: str, tensors: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(f"{what} {number}" if len(tensors) > 1 else what, one) for number, one in enumerate(tensors, 1)]
