"""The probe sees wrong numbers in every type of number, and its reference does not go through what is tested."""

from __future__ import annotations

import pytest

from rocmswitch.model.probe import WRONG, Report
from tests.support.probes import tried
from tests.support.sabotage import sabotaged

WRONG_NUMBERS = """
conv2d, conv3d, linear, matmul, div = F.conv2d, F.conv3d, F.linear, torch.matmul, torch.div
def without_last_column(*words, **more):
    found = conv2d(*words, **more).clone()
    found[..., -1] = 0
    return found
def without_one_weight(one, weight, bias, **more):
    weight = weight.clone()
    weight[0, 0, 0, 0, 0] = 0
    return conv3d(one, weight, bias, **more)
F.conv2d, F.conv3d = without_last_column, without_one_weight
F.linear = lambda *words: linear(*words) * 1.01
torch.matmul = lambda *words: matmul(*words) * 1.01
torch.div = lambda one, other, **more: div(one, other, **more) + (one == one.max())
"""


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Report:
    environment = sabotaged(tmp_path_factory.mktemp("wrong"), WRONG_NUMBERS)
    words = ("conv2d-16-32-44x44-*", "conv3d", "linear", "matmul-256-*", "tensors-elementwise-int64")
    return tried(environment, *words)


def test_wrong_numbers_are_seen_in_every_type_forward_and_backward(wrong: Report):
    assert {one.operation.name: one.result for one in wrong.outcomes if one.result != WRONG} == {}
    assert {one.operation.dtype for one in wrong.outcomes} == {"float64", "float32", "float16", "bfloat16", "int64"}
    assert len(wrong.outcomes) == 6 + 4 + 4 + 5 + 1


def test_a_wrong_outcome_says_where_and_by_how_much(wrong: Report):
    (one,) = [one for one in wrong.outcomes if one.operation.name == "conv2d-16-32-44x44-float32"]

    assert one.detail.startswith("the output is off by 6.")
    assert one.detail.endswith("of its largest value in 2816 of 123904, where 1e-04 is rounding")
    assert one.difference is not None and one.difference > 0.5
