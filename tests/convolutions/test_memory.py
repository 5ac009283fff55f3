"""No pass takes more than 1.2 of its budget above the tensors that go in and come out."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.support.convolutionprograms import run_program

PASSES = ("forward", "input", "weight", "both")
MOST = 1.2
LAYERS = 22


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, float]]:
    return run_program(tmp_path_factory.mktemp("peaks"), "memory")


def test_a_pass_takes_little_more_than_its_budget(peaks: Mapping[str, Mapping[str, float]]):
    above = {(name, one): found[one] for name, found in peaks.items() for one in PASSES if found[one] > MOST}

    assert above == {}


def test_every_layer_was_computed_by_us_and_most_took_a_buffer(peaks: Mapping[str, Mapping[str, float]]):
    assert [found["ours"] for found in peaks.values()] == [4] * LAYERS
    assert sum(found["both"] > 0.4 for found in peaks.values()) >= LAYERS - 4


def test_a_matrix_product_takes_no_buffer(peaks: Mapping[str, Mapping[str, float]]):
    assert (peaks["1x1"]["forward"], peaks["1x1"]["input"]) == (0, 0)
