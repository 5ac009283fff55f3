"""Convolutions chosen by chance are torch's, whatever the budget; and that a mistake in ours would be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.convolutionprograms import ALL, plant, run_program

COUNTS = {64 << 20: 150, 2000: 150, 300: 60}
"""Convolutions of each seed, by budget: the smaller it is, the more parts each of them has."""
_ALL_WAYS = {
    *(f"way: {mirrored}{one}" for mirrored in ("", "mirrored ") for one in ("plain", "merged", "shifted")),
    *(f"way: {one} weights" for one in ("plain", "merged", "in blocks")),
}
WAYS = {64 << 20: _ALL_WAYS, 2000: _ALL_WAYS, 300: {"way: plain", "way: shifted", "way: plain weights"}}
"""How ours are computed: a sample that went by some of these ways alone would prove little."""
SEEDS = range(1, 41) if ALL else range(1, 3)
MISTAKES = {
    "the_last_column_is_zero": (
        "columns.py",
        "    return columns.reshape(count, geometry.groups, geometry.depth, -1)\n",
        "    columns = columns.reshape(count, geometry.groups, geometry.depth, -1).clone()\n"
        "    columns[..., -1] = 0\n"
        "    return columns\n",
    ),
    "the_groups_are_exchanged": (
        "columns.py",
        "    return columns.reshape(count, geometry.groups, geometry.depth, -1)\n",
        "    return columns.reshape(count, geometry.groups, geometry.depth, -1).flip(1)\n",
    ),
    "a_part_begins_one_too_late": (
        "geometry.py",
        "low = start * geometry.stride[axis] - geometry.padding[axis]",
        "low = start * geometry.stride[axis] - geometry.padding[axis] + (start > 0)",
    ),
    "a_part_is_counted_from_another_place": (
        "geometry.py",
        "columns=slice(first, first + volume(extent))",
        "columns=slice(max(0, first - 1), max(0, first - 1) + volume(extent))",
    ),
    "what_two_parts_read_is_counted_once": ("columns.py", "].add_(block[", "].copy_(block["),
    "the_frame_is_not_cut_off": ("columns.py", "lows = box.edges[-2::-2] or", "lows = box.edges[-1::-2] or"),
    "the_bias_is_taken_off": ("operators.py", "result.add_(bias", "result.sub_(bias"),
    "a_tap_reads_the_rows_of_the_first": ("shifts.py", "first = number * step", "first = 0"),
    "kernels_are_not_turned": ("kernels.py", "apart.flip(*range(3, 3 + len(kernel)))", "apart"),
    "blocks_overlap": ("kernels.py", "(length * step, row, step)", "(step, row, step)"),
    "the_last_part_is_all": ("kernels.py", "total.to(exact(part.dtype)).add_(part)", "part"),
    "results_lie_as_they_come": ("native.py", "if weight.dim() not in (4, 5) or", "if True or"),
}


@pytest.mark.parametrize("budget", COUNTS)
def test_convolutions_chosen_by_chance_are_those_of_torch(budget: int, tmp_path: Path):
    found = run_program(tmp_path, "sweep", COUNTS[budget], budget, *SEEDS)

    checked = COUNTS[budget] * len(SEEDS)
    assert (found["wrong"], found["failures"], found["native"]) == (0, [], 0)
    assert found["checked"] == checked
    assert found["shorter"] >= checked // 4
    assert found["forward"] == found["backward"] == checked + found["shorter"]
    assert {one for one in found if one.startswith("way: ")} >= WAYS[budget]


def test_every_planted_mistake_is_found(tmp_path: Path):
    for name, (file, right, wrong) in MISTAKES.items():
        plant(tmp_path, name, file, right, wrong)

    found = run_program(tmp_path, "mutants", 60, *MISTAKES)

    assert {name: found[name] > 0 for name in MISTAKES} == dict.fromkeys(MISTAKES, True)
