"""Layers of networks for images, apart from convolutions."""

from __future__ import annotations

from typing import Any

from .case import Case, Numbers

_CHANNELS = 16


def batch_norm(torch: Any, numbers: Numbers, task: Any) -> Case:
    module = numbers.fill(torch.nn.BatchNorm2d(_CHANNELS).double())
    module.running_mean.copy_(numbers.normal(_CHANNELS))
    module.running_var.copy_(numbers.normal(_CHANNELS).abs() + 0.5)
    module.train(task["arguments"]["training"])
    return Case((numbers.normal(4, _CHANNELS, 31, 33) + 1,), module=module)


def pool(torch: Any, numbers: Numbers, task: Any) -> Case:
    names = {"max": "max_pool2d", "average": "avg_pool2d", "adaptive": "adaptive_avg_pool2d"}
    words = task["arguments"]

    def run(one: Any) -> Any:
        return getattr(torch.nn.functional, names[words["kind"]])(one, *words["words"])

    return Case((numbers.normal(2, 8, 33, 47),), run)
