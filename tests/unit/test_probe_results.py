"""What a report comes to: cells, the matrix, and the sentence."""

from __future__ import annotations

import pytest

from rocmswitch.model.probe import BAD, CRASH, ERROR, HANG, OK, RESULTS, SKIPPED, WRONG, Outcome
from rocmswitch.planning.proberesults import WORST_FIRST, Cell, by_dtype, by_size, duration, summary
from rocmswitch.planning.probing import operations
from tests.support.probereports import SIZES, hanging_from, made_report, outcome


@pytest.mark.parametrize(
    ("outcomes", "text"),
    [
        ((), ""),
        ((outcome("a", seconds=0.0012),), "ok 1.2 ms"),
        ((outcome("a", seconds=0.0012), outcome("a", seconds=0.05)), "ok 50 ms"),
        ((outcome("a", seconds=0.0),), "ok"),
        ((outcome("a", WRONG, difference=0.031),), "wrong 3e-2"),
        ((outcome("a", WRONG, difference=0.0),), "wrong 0"),
        ((outcome("a", WRONG, difference=1234.5),), "wrong 1e3"),
        ((outcome("a", WRONG),), "wrong"),
        ((outcome("a", HANG, detail="it had not ended after 60 s"),), "hang"),
        ((outcome("a", CRASH, detail="SIGSEGV (core dumped)"),), "crash SIGSEGV"),
        ((outcome("a", CRASH, detail="exit code 3"),), "crash"),
        ((outcome("a", ERROR, detail="RuntimeError: SIGHT"),), "error"),
        ((outcome("a", SKIPPED, detail="not implemented"),), "skipped"),
        ((outcome("a"), outcome("a", SKIPPED)), "ok 1.0 ms"),
        ((outcome("a", HANG), outcome("a", SKIPPED)), "hang"),
        ((outcome("a", HANG), outcome("a"), outcome("a", HANG)), "hang 2 of 3"),
        ((outcome("a", HANG), outcome("a", HANG)), "hang 2 of 2"),
        ((outcome("a", WRONG, difference=1.0), outcome("a"), outcome("a", HANG)), "hang 1, wrong 1 of 3"),
    ],
)
def test_a_cell_says_the_worst_first(outcomes: tuple[Outcome, ...], text: str):
    assert Cell(outcomes).text == text


def test_every_result_has_its_place_among_the_worst():
    assert sorted(WORST_FIRST) == sorted(RESULTS)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, ""),
        (4e-9, "0 µs"),
        (0.00035, "350 µs"),
        (0.0009994, "999 µs"),
        (0.0099, "9.9 ms"),
        (0.0996, "100 ms"),
        (2.14, "2.1 s"),
        (61.0, "61 s"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_fits(seconds: float, text: str):
    assert duration(seconds) == text


def test_the_matrix_has_groups_as_they_were_tried_and_usual_dtypes_first():
    report = made_report(
        outcome("tensors", dtype="int64"),
        outcome("matmul", dtype="bfloat16"),
        outcome("tensors", HANG, dtype="float32"),
    )

    found = by_dtype(report)

    assert found.columns == ("float32", "bfloat16", "int64")
    assert [(name, [cell.text for cell in cells]) for name, cells in found.rows] == [
        ("tensors", ["hang", "", "ok 1.0 ms"]),
        ("matmul", ["", "ok 1.0 ms", ""]),
    ]


def test_sizes_stand_in_order_whatever_order_they_were_tried_in():
    sizes = ("224×224", "44×44", "32×32")
    report = made_report(*(outcome("conv2d", shape=f"16 → 32 channels at {one}") for one in sizes))

    found = by_size(report, "conv2d")

    assert found is not None
    assert (found.columns, [name for name, _ in found.rows]) == (
        ("32×32", "44×44", "224×224"),
        ["16 → 32 channels, float32"],
    )


def test_a_group_of_one_size_has_no_matrix_of_sizes():
    assert by_size(made_report(outcome("conv2d", shape="3 → 16 channels at 32×32")), "conv2d") is None
    assert by_size(made_report(outcome("matmul")), "conv2d") is None


def test_the_real_operations_make_a_matrix_with_the_sizes_that_matter():
    report = made_report(*(Outcome(one, OK, 0.001) for one in operations()))

    found = by_size(report, "conv2d")

    assert found is not None and found.columns == SIZES
    placed = [one for _, cells in found.rows for cell in cells for one in cell.outcomes]
    assert len(placed) == sum(one.operation.shape.startswith("16 → 32 ") for one in report.of_group("conv2d"))


@pytest.mark.parametrize("size", SIZES)
def test_the_sentence_names_the_size_from_which_on_it_hangs(size: str):
    told = summary(hanging_from(size)).rpartition(", ")[2]

    assert told == ("conv2d hangs" if size == SIZES[0] else f"conv2d hangs from {size} up")


def test_the_sentence_names_what_the_failing_have_in_common():
    def half(result: str, size: str, dtype: str, *, backward: bool = False) -> Outcome:
        return outcome("conv2d", result, dtype=dtype, shape=f"3 → 8 channels at {size}", backward=backward)

    in_half = made_report(half(OK, "8×8", "float32"), half(HANG, "8×8", "float16"))
    larger = made_report(half(OK, "9×9", "float32"), half(OK, "8×8", "float16"), half(HANG, "9×9", "float16"))
    back = made_report(half(OK, "8×8", "float32"), half(CRASH, "8×8", "float32", backward=True))
    some = made_report(half(HANG, "8×8", "float32"), half(OK, "9×9", "float32"), half(HANG, "10×10", "float32"))
    mixed = made_report(outcome("gru", HANG), outcome("gru", CRASH))

    assert summary(in_half) == "1 of 2 work; conv2d hangs in float16"
    assert summary(larger) == "2 of 3 work; conv2d hangs in float16 from 9×9 up"
    assert summary(back) == "1 of 2 work; conv2d crashes backward"
    assert summary(some) == "1 of 3 work; conv2d hangs in 2 of 3"
    assert summary(mixed) == "0 of 2 work; gru fails"


def test_a_size_is_only_told_of_convolutions_of_one_kind():
    report = made_report(
        outcome("conv2d", shape="16 → 32 channels at 32×32"),
        outcome("conv2d", HANG, shape="16 → 32 channels at 44×44"),
        outcome("conv2d", shape="3 → 16 channels, 7×7, every second, at 64×64"),
    )

    assert summary(report) == "2 of 3 work; conv2d hangs with 16 → 32 channels from 44×44 up"


def test_the_sentence_counts_what_was_tried_and_says_that_it_was_stopped():
    report = made_report(outcome("tensors"), outcome("matmul", SKIPPED), planned=80)

    assert summary(report) == "1 of 1 work, stopped after 2 of 80"
    assert summary(made_report(planned=80)) == "nothing was tried, stopped after 0 of 80"


def test_a_card_on_which_everything_fails_gets_a_sentence_of_bearable_length():
    report = made_report(*(outcome(f"group-{number}", ERROR) for number in range(9)))

    assert summary(report) == (
        "0 of 9 work; group-0 fails, group-1 fails, group-2 fails, group-3 fails and 5 more fail"
    )


@pytest.mark.parametrize("result", BAD)
def test_what_does_not_work_is_never_counted_as_working(result: str):
    assert summary(made_report(outcome("lstm", result))).startswith("0 of 1 work; lstm ")


def test_sizes_of_absurd_length_take_no_time():
    shapes = (f"at {'9' * 5000}×{'9' * 5000}", "at 8×8")

    assert (
        summary(made_report(*(outcome("conv2d", HANG, shape=one) for one in shapes))) == "0 of 2 work; conv2d hangs"
    )
