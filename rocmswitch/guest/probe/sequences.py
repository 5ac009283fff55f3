"""Layers of networks for sequences."""

from __future__ import annotations

from typing import Any

from .answers import Absent
from .case import Case, Numbers


def recurrent(torch: Any, numbers: Numbers, task: Any) -> Case:
    kind = getattr(torch.nn, task["arguments"]["kind"])
    module = numbers.fill(kind(32, 48, num_layers=2, batch_first=True).double())
    return Case((numbers.normal(8, 20, 32),), module=module)


def encoder_layer(torch: Any, numbers: Numbers, task: Any) -> Case:
    """Without gradients in use, where torch has one fused function for the whole; with them as in training."""
    layer = torch.nn.TransformerEncoderLayer(64, 4, dim_feedforward=96, dropout=0.0, batch_first=True)
    module = numbers.fill(layer.double()).train(bool(task["backward"]))
    return Case((numbers.normal(4, 32, 64),), module=module)


def attention(torch: Any, numbers: Numbers, task: Any) -> Case:
    attend = getattr(torch.nn.functional, "scaled_dot_product_attention", None)
    if attend is None:
        raise Absent(f"torch {torch.__version__} has no `scaled_dot_product_attention`")

    def by_definition(query: Any, key: Any, value: Any) -> Any:
        weights = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1)
        return weights @ value

    return Case([numbers.normal(2, 4, 64, 32) for _ in range(3)], attend, by_definition)
