"""A probe on this machine moves its stack up or down; and what is no probe of this card or this torch does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.convolutionwords import FALLBACK
from rocmswitch.model.probe import Report
from rocmswitch.model.recommendation import CONFIRMED, FAILS, REPORTED, RUNS, UNKNOWN, Recommendation
from rocmswitch.model.stack import Gpu
from rocmswitch.planning.purposes import CONVOLUTIONS, INFERENCE, TRAINING, TRANSFORMERS
from rocmswitch.planning.recommend import recommend
from tests.support.recommending import DAY, SHIPPED, build, machine, named, of, report, stack

HANGING = stack("rocm-9.0.0", build("2.15.0"), gfx1010=Gpu(support="reported", known_bad=("conv2d",)))
"""Whose convolutions are MIOpen's own, and hang."""
OLD, OLD_TORCH = "rocm-5.2.3", "1.13.1+rocm5.2"
NEW, NEW_TORCH = "therock-10.1", "2.12.0+rocm10.1.0"


def found(*reports: Report, purpose: str = "") -> tuple[Recommendation, ...]:
    return recommend(SHIPPED, machine("gfx1010"), purpose, reports)


def test_a_stack_that_the_probe_confirmed_goes_first_and_says_when():
    best = found(report(OLD, OLD_TORCH))[0]

    assert (best.stack, best.sureness, best.failures) == (OLD, CONFIRMED, ())
    assert best.reasons[0].startswith(f"the probe of {DAY} on this machine: ")
    assert best.reasons[0].endswith(" operations tried, nothing failed")
    assert best.probed.startswith(DAY)


def test_a_stack_that_the_probe_refuted_goes_down_with_what_failed():
    all_found = found(report(NEW, NEW_TORCH, bad=("conv2d", "lstm")))

    refuted = of(all_found, NEW)
    assert named(all_found, RUNS)[-1] == NEW, "below those of which less is known to fail"
    assert refuted.sureness == REPORTED
    assert [one.word for one in refuted.failures if one.seen] == ["lstm", "conv2d"]
    assert "failed (lstm, conv2d)" in refuted.reasons[0]
    assert refuted.failures[0].seen.startswith("hang: lstm")


def test_what_fails_elsewhere_takes_nothing_from_what_was_asked_for():
    best = found(report(NEW, NEW_TORCH, bad=("conv2d",)), purpose=TRANSFORMERS)[0]

    assert (best.stack, best.sureness) == (NEW, CONFIRMED)
    assert [(one.word, one.asked) for one in best.failures if one.seen] == [("conv2d", False)]


def test_a_stack_on_which_matrices_cannot_be_multiplied_does_not_run():
    all_found = found(report(NEW, NEW_TORCH, bad=("matmul",)))

    assert of(all_found, NEW).standing == FAILS
    assert of(all_found, NEW).command == ()


def test_a_stack_of_which_nothing_is_known_runs_where_the_probe_saw_it():
    unnamed = stack("rocm-9.0.0", build("2.15.0"))
    no_code = stack("rocm-9.1.0", build("2.16.0"), gfx1010=Gpu(support="none", known_bad=("torch",)))
    seen = (report("rocm-9.0.0", "2.15.0"), report("rocm-9.1.0", "2.16.0"))

    assert [one.standing for one in recommend((unnamed, no_code), machine("gfx1010"))] == ["may-run", FAILS]
    assert [
        (one.standing, one.sureness) for one in recommend((unnamed, no_code), machine("gfx1010"), "", seen)
    ] == [(RUNS, CONFIRMED)] * 2


def test_that_one_operation_works_confirms_nothing_else():
    tried = report(OLD, OLD_TORCH, tried=("matmul",))

    assert of(found(tried, purpose=CONVOLUTIONS), OLD).sureness == REPORTED
    assert of(found(tried, purpose=CONVOLUTIONS), OLD).reasons[0] == (
        f"the probe of {DAY} on this machine tried nothing of what was asked for"
    )


def test_a_convolution_of_one_size_takes_back_nothing_of_what_hangs_at_others():
    tried = report("rocm-9.0.0", "2.15.0", tried=("conv2d-16-32-32x32-float32",))

    (seen,) = recommend((HANGING,), machine("gfx1010"), CONVOLUTIONS, (tried,))

    assert "conv2d" in [one.word for one in seen.failures]


def test_what_fails_in_half_precision_alone_is_told_as_that():
    halves = [one.operation.name for one in report(OLD, OLD_TORCH).outcomes if one.operation.dtype == "float16"]

    seen = of(found(report(OLD, OLD_TORCH, bad=halves)), OLD)

    assert [one.word for one in seen.failures if one.seen] == ["float16"]


@pytest.mark.parametrize(
    "other",
    [
        report(OLD, OLD_TORCH, cuda="13.0"),
        report(OLD, OLD_TORCH, device="cpu"),
        report(OLD, OLD_TORCH, target="gfx1030"),
        report(OLD, "1.13.0+rocm5.2"),
        report("rocm-5.2.1", "2.0.0"),
        replace(report(OLD, OLD_TORCH), planned=1000),
        report(OLD, OLD_TORCH, environment=(("HSA_OVERRIDE_GFX_VERSION", "10.1.0"),)),
    ],
    ids=[
        "another vendor's card",
        "a processor",
        "another card",
        "another torch",
        "another stack",
        "stopped",
        "another override",
    ],
)
def test_a_probe_of_something_else_or_one_that_was_stopped_confirms_nothing(other: Report):
    assert found(other) == found()


def test_a_probe_that_was_stopped_still_shows_what_failed():
    stopped = replace(report(NEW, NEW_TORCH, bad=("lstm",)), planned=1000)

    assert [one.word for one in of(found(stopped), NEW).failures if one.seen] == ["lstm"]


def test_the_newest_outcome_of_an_operation_counts_and_others_are_not_forgotten():
    first = report(NEW, NEW_TORCH, bad=("lstm", "gru"), created="2026-11-01T10:00:00+00:00")
    then = report(NEW, NEW_TORCH, tried=("lstm",))

    seen = of(found(then, first), NEW)

    assert [one.word for one in seen.failures if one.seen] == ["gru"]
    assert seen.probed.startswith(DAY)


def test_convolutions_computed_otherwise_than_the_command_would_say_nothing_of_it():
    replaced = report("rocm-9.0.0", "2.15.0", convolutions=FALLBACK)

    seen, without = (
        recommend((HANGING,), machine("gfx1010"), purpose, (replaced,))[0] for purpose in (CONVOLUTIONS, INFERENCE)
    )

    assert "conv2d" in [one.word for one in seen.failures]
    assert seen.sureness == REPORTED
    assert any("0 of " in note and f"by the probe of {DAY}" in note for note in seen.notes)
    assert without.sureness == CONFIRMED


def test_training_is_confirmed_by_gradients_and_not_by_products_alone():
    assert of(found(report(OLD, OLD_TORCH), purpose=TRAINING), OLD).sureness == CONFIRMED
    forward = [one.operation.name for one in report(OLD, OLD_TORCH).outcomes if not one.operation.backward]
    basics = [name for name in forward if name.startswith(("matmul", "tensors"))]
    assert of(found(report(OLD, OLD_TORCH, tried=basics), purpose=TRAINING), OLD).sureness == REPORTED


def test_an_official_stack_that_was_confirmed_goes_before_its_like():
    one, two = (
        stack(name, build(torch), gfx1010=Gpu(support="official"))
        for name, torch in (("rocm-6.0.0", "2.4.0"), ("rocm-7.0.0", "2.10.0"))
    )

    ordered = recommend((one, two), machine("gfx1010"), "", (report("rocm-6.0.0", "2.4.0"),))

    assert [found.stack for found in ordered] == ["rocm-6.0.0", "rocm-7.0.0"]
    assert UNKNOWN not in [found.sureness for found in ordered]
