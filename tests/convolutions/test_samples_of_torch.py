"""torch's own samples of its six convolutions, with ours in their place on processors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.convolutionprograms import ALL, run_program

MEBIBYTES_64, SMALL = 64 << 20, 2000
SHARES = {MEBIBYTES_64: 1, SMALL: 1 if ALL else 5}
"""How many samples there are for each that is compared, by budget."""


@pytest.mark.parametrize("budget", SHARES)
def test_values_gradients_derivatives_and_errors_are_those_of_torch(budget: int, tmp_path: Path):
    found = run_program(tmp_path, "opinfo", SHARES[budget], budget)

    assert (found["wrong"], found["failures"], found["native"]) == (0, [], 0)
    assert found["operators"] == 6
    assert found["values"] >= 450 // SHARES[budget]
    assert found["gradients"] >= 1200 // SHARES[budget] - 10
    assert found["gradcheck"] == found["gradgradcheck"] >= 70 // SHARES[budget] - 4
    assert found["ours in derivatives"] >= 1000 // SHARES[budget] - 100
    assert found["errors"] >= 30
    assert min(found["forward"], found["backward"]) >= found["values"]
