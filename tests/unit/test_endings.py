"""What an operation of the probe came to, from how its process ended."""

from __future__ import annotations

import pytest

from rocmswitch.model.ending import Ending
from rocmswitch.model.probe import CRASH, ERROR, HANG, OK, SKIPPED, WRONG, Operation, Outcome, Report, Surroundings
from rocmswitch.planning.endings import judge

CONV = Operation("conv2d-16-32-44x44-float32", "conv2d", "float32")
STUCK = ((71, "D"),)


@pytest.mark.parametrize(
    ("ending", "result", "detail"),
    [
        (Ending({"result": "ok", "seconds": 0.25, "difference": 1e-7}, 0), OK, ""),
        (Ending({"result": "ok", "seconds": 1e-3, "spread": -1}, 0), OK, ""),
        (Ending({"result": "wrong", "difference": 0.5, "detail": "is off"}, 0), WRONG, "is off"),
        (Ending({"result": "error", "detail": "RuntimeError: no"}, 0), ERROR, "RuntimeError: no"),
        (Ending({"result": "skipped", "detail": "not implemented"}, 0), SKIPPED, "not implemented"),
        (Ending(code=-11, stage="computing"), CRASH, "SIGSEGV, computing"),
        (Ending(code=-11), CRASH, "SIGSEGV"),
        (Ending(code=-6, stage="s", last_words="gone\x1b"), CRASH, "SIGABRT, s: gone\N{REPLACEMENT CHARACTER}"),
        (Ending(code=-99), CRASH, "signal 99"),
        (Ending(code=3), CRASH, "an end without an answer, exit code 3"),
        (Ending(), CRASH, "an end without an answer"),
        (Ending({"result": "splendid"}, 0), CRASH, "an end without an answer, exit code 0"),
        (Ending(is_late=True), HANG, "no end within 60 s"),
        (Ending(is_late=True, stage="waiting"), HANG, "no end within 60 s, waiting"),
        (Ending(is_late=True, stuck=STUCK), HANG, "no end within 60 s; process 71 (state D) cannot be ended"),
        (Ending({"result": "ok"}, stuck=STUCK), OK, "process 71 (state D) cannot be ended"),
        (
            Ending(code=-9, stuck=(*STUCK, (72, "R"))),
            CRASH,
            "SIGKILL; processes 71 (state D), 72 (state R) cannot be ended",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_ending_is_judged(ending: Ending, result: str, detail: str):
    found = judge(CONV, ending, 60.0)

    assert (found.operation, found.result, found.detail) == (CONV, result, detail)


def test_the_numbers_of_an_answer_are_taken_over():
    found = judge(CONV, Ending({"result": "ok", "seconds": 0.25, "difference": 1e-7}, 0), 60.0)

    assert found == Outcome(CONV, OK, 0.25, 1e-7)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, True, "1", None, [1]])
def test_what_is_no_sensible_number_is_none(value: object):
    found = judge(CONV, Ending({"result": "ok", "seconds": value, "difference": value}, 0), 60.0)

    assert (found.seconds, found.difference) == (0.0, None)


def test_a_text_without_end_is_cut():
    found = judge(CONV, Ending({"result": "error", "detail": "x" * 10_000}, 0), 60.0)

    assert len(found.detail) == 300


def report(device: str, *results: str) -> Report:
    told = ("", "", device, *[""] * 11)
    outcomes = [Outcome(Operation(f"{number}", "conv2d", "float32"), one) for number, one in enumerate(results)]
    return Report("", "", 60.0, Surroundings(*told), tuple(outcomes))


@pytest.mark.parametrize(
    ("results", "since"),
    [
        ((OK, HANG, HANG, HANG, OK), "1"),
        ((HANG, HANG, OK, HANG, HANG, HANG), "3"),
        ((HANG, SKIPPED, HANG, HANG), "0"),
        ((HANG, HANG, CRASH, HANG), ""),
        ((), ""),
    ],
)
def test_a_card_may_be_stuck_since_the_first_of_three_hangs_in_a_row(results: tuple[str, ...], since: str):
    found = report("cuda", *results).stuck_since

    assert (found.name if found else "") == since


def test_a_processor_is_never_stuck():
    assert report("cpu", HANG, HANG, HANG).stuck_since is None
