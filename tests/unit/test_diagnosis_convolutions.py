"""What doctor finds about the replacement of MIOpen's convolutions: each row alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.convolutions import ConvolutionSymptoms
from rocmswitch.model.finding import NOTE, WARNING, Finding
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.planning.diagnosis_convolutions import ROWS
from tests.support.findings import short

REBIND = "run `rocmswitch use rocm-6.2.4 --venv demo --rebind`"
WELL = ConvolutionSymptoms(
    "demo",
    "rocm-6.2.4",
    "/venvs/demo",
    "gfx1010",
    wanted=True,
    made_with="0.1.0",
    there="0.1.0",
    current="0.1.0",
    tried="2026-11-20T12:00:00Z",
)


def findings(one: ConvolutionSymptoms) -> list[Finding]:
    symptoms = Symptoms(convolutions=(one,))
    return [finding for row in ROWS for finding in row(symptoms)]


def test_an_environment_that_has_it_and_where_the_probe_saw_it_work_is_well() -> None:
    assert findings(WELL) == []


def test_a_card_that_needs_none_makes_no_finding() -> None:
    assert findings(replace(WELL, wanted=False, made_with="", there="", tried="")) == []


@pytest.mark.parametrize(
    ("change", "found"),
    (
        ({"made_with": "", "there": ""}, ("conv-lacking:demo", WARNING, REBIND)),
        ({"there": ""}, ("conv-removed:demo", WARNING, REBIND)),
        ({"damage": "/site/a.py"}, ("conv-removed:demo", WARNING, REBIND)),
        ({"switch": ("ROCMSWITCH_CONV", "off")}, ("conv-off:demo", WARNING, "run `unset ROCMSWITCH_CONV`")),
        (
            {"switch": ("TORCH_DEVICE_BACKEND_AUTOLOAD", "0"), "wanted": False},
            ("conv-off:demo", NOTE, "run `unset TORCH_DEVICE_BACKEND_AUTOLOAD`"),
        ),
        ({"current": "0.2.0"}, ("conv-older:demo", NOTE, REBIND)),
        ({"tried": ""}, ("conv-untried:demo", NOTE, "run `rocmswitch probe demo`")),
    ),
)
def test_each_thing_that_may_be_wrong_is_one_finding(
    change: dict[str, object], found: tuple[str, str, str]
) -> None:
    assert [short(one) for one in findings(replace(WELL, **change))] == [found]  # type: ignore[arg-type]


def test_the_wheel_of_another_card_or_of_a_newer_rocmswitch_is_not_older() -> None:
    assert findings(replace(WELL, there="0.1.0+gfx1030", made_with="0.1.0+gfx1030")) == []
    assert findings(replace(WELL, there="0.2.0", made_with="0.2.0")) == []


def test_what_nobody_has_tried_on_the_card_is_said_to_be_untried() -> None:
    (found,) = findings(replace(WELL, tried=""))

    assert found.why.endswith("not tried on this card yet")
