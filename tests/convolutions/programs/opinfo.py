"""torch's own samples of the six convolutions, with the package in their place: `opinfo.py SHARE BUDGET`.

Of values and gradients in each type every SHARE-th sample; first and second derivatives by differences of those
that are small enough; and all of torch's inputs that are errors.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing._internal.common_methods_invocations import op_db
from trial import TOLERANCES, difference, installed, report

NAMES = tuple(f"nn.functional.conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3))
TYPES = (*TOLERANCES, torch.complex64)
SMALL = 200
"""Elements of an input of which derivatives are checked by differences."""
TURN = 7
"""Samples of the shorter types start one further for each type, so that a share of them is not always the same."""


class Trial:
    """Counts what was compared, and keeps what was wrong."""

    def __init__(self, share: int, budget: int) -> None:
        self.share, self.budget = share, budget
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []

    def run(self) -> dict[str, Any]:
        for operator in (one for one in op_db if one.name in NAMES):
            self.counts["operators"] += 1
            for turn, dtype in enumerate(TYPES):
                for sample in self._samples(operator, dtype, turn * TURN):
                    self._try(f"{operator.name} {dtype}", self._values, operator, dtype, sample)
            for sample in self._samples(operator, torch.float64, 0):
                if sample.input.numel() <= SMALL:
                    self._try(f"{operator.name} derivatives", self._derivatives, operator, sample)
            for error in operator.error_inputs("cpu") if operator.error_inputs_func else ():
                self._try(f"{operator.name} error", self._errors, operator, error)
        return {**self.counts, "failures": self.failures[:5], "wrong": len(self.failures)}

    def _samples(self, operator: Any, dtype: torch.dtype, first: int) -> Iterator[Any]:
        """Reference inputs too, where they are others than the samples."""
        samples = list(operator.sample_inputs("cpu", dtype, requires_grad=True))
        if operator.reference_inputs_func is not None:
            samples += operator.reference_inputs("cpu", dtype, requires_grad=True)
        return (sample for index, sample in enumerate(samples) if (index + first) % self.share == 0)

    def _try(self, what: str, check: Any, *words: Any) -> None:
        # A sample that fails in any way is one failure, and the others are still tried.
        try:
            wrong = check(*words)
        except Exception as error:  # noqa: BLE001
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            self.failures.append(f"{what}: {wrong}"[:400])

    def _values(self, operator: Any, dtype: torch.dtype, sample: Any) -> str:
        with installed(budget=self.budget, delegates=False) as module:
            ours = _passes(operator, sample)
            self.counts.update(module.counts())
        exact = _passes(operator, sample, torch.complex128 if dtype.is_complex else torch.float64)
        self.counts["values"] += 1
        self.counts["gradients"] += len(ours) - 1
        if dtype.is_complex:
            ours, exact = [[torch.view_as_real(one) for one in each] for each in (ours, exact)]
            dtype = torch.float32
        return difference(ours, exact, dtype)

    def _derivatives(self, operator: Any, sample: Any) -> str:
        tensors = _tensors(sample)

        def function(*given: torch.Tensor) -> torch.Tensor:
            return _called(operator, sample, given)

        with installed(budget=self.budget, delegates=False) as module:
            first = gradcheck(function, tensors, fast_mode=True)
            second = gradgradcheck(function, tensors, fast_mode=True)
            self.counts["gradcheck"] += 1
            self.counts["gradgradcheck"] += 1
            self.counts["ours in derivatives"] += module.counts()["backward"]
        return "" if first and second else "derivatives differ"

    def _errors(self, operator: Any, error: Any) -> str:
        with installed(budget=self.budget, delegates=False):
            ours = _refusal(operator, error.sample_input)
        native = _refusal(operator, error.sample_input)
        self.counts["errors"] += 1
        return "" if ours == native and native[0] != "" else f"{ours} where torch says {native}"


def _tensors(sample: Any) -> list[torch.Tensor]:
    """Those that the sample wants gradients for."""
    return [one for one in (sample.input, *sample.args) if isinstance(one, torch.Tensor)]


def _called(operator: Any, sample: Any, tensors: Any) -> Any:
    given = iter(tensors)
    image, *others = (next(given) if isinstance(one, torch.Tensor) else one for one in (sample.input, *sample.args))
    return operator.op(image, *others, **sample.kwargs)


def _passes(operator: Any, sample: Any, dtype: torch.dtype | None = None) -> list[torch.Tensor]:
    """The result, and all gradients of its product with something that is not the same everywhere."""
    tensors = [one.detach().to(dtype or one.dtype).requires_grad_() for one in _tensors(sample)]
    result = _called(operator, sample, tensors)
    chance = torch.Generator().manual_seed(result.numel())
    gradient = torch.randn(result.shape, generator=chance, dtype=torch.float64).to(result.dtype)
    return [result.detach(), *torch.autograd.grad(result, tensors, gradient)]


def _refusal(operator: Any, sample: Any) -> tuple[str, str]:
    try:
        operator.op(sample.input, *sample.args, **sample.kwargs)
    except Exception as error:  # noqa: BLE001  # of any type: it is what is compared
        return type(error).__name__, str(error)
    return "", ""


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    report(Trial(*(int(word) for word in sys.argv[1:])).run())
