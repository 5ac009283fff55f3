"""Learning: steps of an optimiser, and a small network whose loss has to fall."""

from __future__ import annotations

from typing import Any, Sequence

from .case import Case, Numbers
from .convolutions import Form

_STEPS = 20
_MUST_FALL_BELOW = 0.5
"""Of the first loss: in double precision it falls to a hundredth."""


def optimizer_steps(torch: Any, numbers: Numbers, task: Any) -> Case:
    kind = getattr(torch.optim, task["arguments"]["kind"])
    settings = {"momentum": 0.9} if kind is torch.optim.SGD else {}

    def run(weight: Any, bias: Any, one: Any, wanted: Any) -> Any:
        learnt = [weight.detach().clone().requires_grad_(), bias.detach().clone().requires_grad_()]
        steps = kind(learnt, lr=0.05, **settings)
        with torch.enable_grad():
            for _ in range(3):
                steps.zero_grad()
                (torch.tanh(one @ learnt[0] + learnt[1]) - wanted).pow(2).mean().backward()
                steps.step()
        return [value.detach() for value in learnt]

    shapes = ((24, 16), (16,), (32, 24), (32, 16))
    return Case([numbers.normal(*shape) for shape in shapes], run)


def train(torch: Any, numbers: Numbers, task: Any) -> Case:
    """Two convolutions and a linear layer tell four patterns apart; the losses of all steps are compared."""
    first = Form(torch, {"kernel": [3, 3], "padding": 1})
    second = Form(torch, {"kernel": [3, 3], "padding": 1, "stride": 2})

    def losses(names: str, values: Sequence[Any]) -> Any:
        images, classes, *weights = values
        learnt = [weight.detach().clone().requires_grad_() for weight in weights]
        steps = torch.optim.SGD(learnt, lr=0.1, momentum=0.9)
        with torch.enable_grad():
            return torch.stack(
                [
                    _step(torch, [getattr(one, names) for one in (first, second)], learnt, steps, (images, classes))
                    for _ in range(_STEPS)
                ]
            )

    patterns = numbers.normal(4, 3, 12, 12)
    classes = numbers.whole(0, 4, 16)
    images = patterns[classes] + 0.3 * numbers.normal(16, 3, 12, 12)
    shapes = ((8, 3, 3, 3), (8,), (12, 8, 3, 3), (12,), (4, 12), (4,))
    weights = [numbers.normal(*shape) / max(1, _width(shape)) ** 0.5 for shape in shapes]
    return Case(
        (images, classes, *weights),
        lambda *values: losses("by_torch", values),
        lambda *values: losses("by_definition", values),
        complaint=_does_not_fall,
    )


def _step(torch: Any, layers: Sequence[Any], learnt: Sequence[Any], steps: Any, examples: Sequence[Any]) -> Any:
    images, classes = examples
    functional = torch.nn.functional
    steps.zero_grad()
    found = functional.relu(layers[0](images, learnt[0], learnt[1]))
    found = functional.relu(layers[1](found, learnt[2], learnt[3])).mean((2, 3))
    loss = functional.cross_entropy(functional.linear(found, learnt[4], learnt[5]), classes)
    loss.backward()
    steps.step()
    return loss.detach()


def _width(shape: Sequence[int]) -> int:
    found = 1
    for one in shape[1:]:
        found *= one
    return found


def _does_not_fall(outputs: Sequence[Any]) -> str:
    first, last = float(outputs[0][0]), float(outputs[0][-1])
    return "" if last < _MUST_FALL_BELOW * first else f"the loss does not fall: from {first:.3g} to {last:.3g}"
