"""An operation that can be computed: what goes in, how, and how the right result is computed otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Sequence


@dataclass(frozen=True)
class Case:
    """Inputs and modules are made on the processor in double precision, always the same."""

    inputs: Sequence[Any]
    run: Callable[..., Any] | None = None
    """From the inputs, wherever they are, to a tensor or several."""
    reference: Callable[..., Any] | None = None
    """The same by other functions; where there is none, `run` in double precision on the processor."""
    module: Any = None
    """A torch.nn.Module, in the place of `run`."""
    exact: bool = False
    """Nothing is rounded: every value has to be the same."""
    complaint: Callable[[Sequence[Any]], str] = field(default=lambda _: "")
    """What is wrong with the outputs in themselves; empty where nothing is."""


class Numbers:
    """Random numbers, the same in every run."""

    def __init__(self, torch: Any, seed: int = 20) -> None:
        self._torch = torch
        self._generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int) -> Any:
        return self._torch.randn(shape, dtype=self._torch.float64, generator=self._generator)

    def whole(self, low: int, high: int, *shape: int) -> Any:
        return self._torch.randint(low, high, shape, generator=self._generator)

    def shuffled(self, count: int) -> Any:
        """The whole numbers below *count*, each once."""
        return self._torch.randperm(count, generator=self._generator)

    def fill(self, module: Any) -> Any:
        """*module* with parameters of ours, about as large as torch makes them."""
        with self._torch.no_grad():
            for parameter in module.parameters():
                width = parameter[0].numel() if parameter.dim() > 1 else 4
                parameter.copy_(self.normal(*parameter.shape) / width**0.5)
        return module
