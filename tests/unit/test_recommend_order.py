"""What comes first for a card, by the shipped manifests; and what is said of it."""

from __future__ import annotations

import pytest

from rocmswitch.errors import NotFound
from rocmswitch.model.recommendation import (
    BLOCKED,
    FAILS,
    MAY_RUN,
    NONE,
    OFFICIAL,
    REPORTED,
    RUNS,
    TOOLS,
    UNKNOWN,
    UNVERIFIED,
)
from rocmswitch.model.stack import Gpu
from rocmswitch.planning.otherways import other_ways
from rocmswitch.planning.purposes import CONVOLUTIONS, INFERENCE, PURPOSES, TRAINING, TRANSFORMERS
from rocmswitch.planning.pytorch import better_stack
from rocmswitch.planning.recommend import first_of, recommend
from tests.support.recommending import CARDS, SHIPPED, build, machine, named, of, stack

GFX1010 = recommend(SHIPPED, machine("gfx1010"))


def test_an_rx_5000_gets_native_code_then_the_override_then_tools_and_last_what_fails():
    assert named(GFX1010, RUNS) == [
        *("therock-10.1", "therock-10.0", "therock-7.14"),
        *("rocm-5.2.3", "rocm-5.2.1", "rocm-5.2.0"),
    ]
    assert named(GFX1010, TOOLS) == ["debian-6.4.3", "debian-5.7.1", "debian-7.2.4", "debian-5.2.3"]
    assert [one.standing for one in GFX1010] == [RUNS] * 6 + [TOOLS] * 4 + [FAILS] * 43
    assert GFX1010[10].stack == "rocm-7.2.4", "of what fails, that first of which a part works"


def test_native_code_is_told_with_its_command_its_evidence_and_what_fails():
    best = GFX1010[0]

    assert best.command == ("use", "therock-10.1", "--venv", "NAME", "--gpu", "gfx1010")
    assert best.reasons == (
        "people report that it works on gfx1010; AMD does not support it",
        "its wheels have native code for gfx1010, without an override",
    )
    assert [one.word for one in best.failures] == ["triton", "int8"]
    assert best.evidence == ("ROCm/TheRock#7609", "unslothai/unsloth#11614", "ROCm/TheRock#1062")
    assert (best.torch, best.sureness) == ("2.12.0+rocm10.1.0", REPORTED)


def test_the_override_is_told_with_all_that_goes_with_it():
    old = of(GFX1010, "rocm-5.2.0")

    assert old.reasons[1] == (
        "its code is for gfx1030, as which the card passes by HSA_OVERRIDE_GFX_VERSION=10.3.0"
    )
    assert (old.torch, old.pythons) == ("1.13.1+rocm5.2", ("3.7", "3.8", "3.9", "3.10"))
    assert old.notes == (
        "numpy < 2",
        "convolutions by the replacement for MIOpen's, not tried on this card yet",
    )
    assert [(one.word, bool(one.way_round)) for one in old.failures] == [("float16", True)]


def test_what_fails_has_no_command_and_says_why():
    failing = of(GFX1010, "rocm-5.7.1")

    assert (failing.command, failing.sureness) == ((), NONE)
    assert failing.reasons == ("it has no code for gfx1010", "PyTorch does not run on gfx1010 with it")
    assert failing.evidence == ("ROCm/ROCm#2527", "pytorch/pytorch#106728")


@pytest.mark.parametrize("purpose", ["", *PURPOSES])
def test_an_rx_5000_has_the_same_first_stack_for_every_purpose(purpose: str):
    assert recommend(SHIPPED, machine("gfx1010"), purpose)[0].stack == "therock-10.1"


def test_what_was_not_asked_for_is_told_apart_from_what_was():
    found = recommend(SHIPPED, machine("gfx1010"), TRANSFORMERS)

    assert [(one.word, one.asked) for one in found[0].failures] == [("triton", True), ("int8", False)]
    assert [(one.word, one.asked) for one in of(found, "rocm-5.2.3").failures] == [("float16", False)]


@pytest.mark.parametrize(
    ("card", "first", "sureness"),
    [
        ("gfx1100", "therock-10.0", OFFICIAL),
        ("gfx942", "therock-10.0", OFFICIAL),
        ("gfx906", "rocm-6.2.4", OFFICIAL),
        ("gfx1031", "therock-10.1", REPORTED),
    ],
)
def test_other_cards_get_the_newest_of_what_is_known_best(card: str, first: str, sureness: str):
    best = recommend(SHIPPED, machine(card))[0]

    assert (best.stack, best.sureness) == (first, sureness)


def test_a_card_of_rdna_2_that_is_not_official_has_native_wheels_or_an_override():
    found = recommend(SHIPPED, machine("gfx1031"))

    assert "native code" in found[0].reasons[1]
    assert found[2].stack == "rocm-7.2.4" and "HSA_OVERRIDE_GFX_VERSION=10.3.0" in found[2].reasons[1]
    assert of(found, "therock-7.14").sureness == UNVERIFIED


def test_a_card_that_amd_gave_up_has_tools_and_no_pytorch():
    found = recommend(SHIPPED, machine("gfx803"))

    tools = ["debian-5.7.1", "debian-5.2.3", "debian-6.4.3", "debian-7.2.4"]
    assert (named(found, RUNS, MAY_RUN), named(found, TOOLS)) == ([], tools)
    assert of(found, "therock-10.1").limits[0].what == "card"
    assert first_of(found, "gfx803").stack == "debian-5.7.1"


def test_of_an_unknown_card_nobody_says_that_something_works():
    found = recommend(SHIPPED, machine("gfx1999"))

    assert {one.standing for one in found} == {MAY_RUN, BLOCKED}
    assert (found[0].stack, found[0].sureness) == ("rocm-7.2.4", UNKNOWN)
    with pytest.raises(NotFound) as caught:
        first_of(found, "gfx1999")
    assert caught.value.message == "no stack is known to run on gfx1999 here"


def test_whatever_the_card_and_the_purpose_every_stack_appears_once():
    for card in (*CARDS, "gfx1999"):
        for purpose in ("", *PURPOSES):
            found = recommend(SHIPPED, machine(card), purpose)
            assert sorted(one.stack for one in found) == sorted(one.name for one in SHIPPED)


def test_the_order_in_which_stacks_are_read_decides_nothing():
    assert recommend(SHIPPED[::-1], machine("gfx1010")) == GFX1010


@pytest.mark.parametrize("card", CARDS)
def test_the_stack_that_doctor_calls_better_is_the_first_with_pytorch(card: str):
    found = recommend(SHIPPED, machine(card))

    assert better_stack(card, SHIPPED) == next(iter(named(found, RUNS)), "")


def test_what_a_manifest_says_without_a_source_is_worth_less_than_a_part_that_is_read():
    read = stack("rocm-6.0.0", build("2.4.0+rocm6.0"), gfx1100=Gpu(support="partial"))
    unread = stack(
        "rocm-7.0.0",
        build("2.10.0+rocm7.0"),
        unverified=("gpus.gfx1100.support",),
        gfx1100=Gpu(support="official"),
    )

    found = recommend((unread, read), machine("gfx1100"))

    assert [(one.stack, one.sureness) for one in found] == [("rocm-6.0.0", "partial"), ("rocm-7.0.0", UNVERIFIED)]
    assert found[1].reasons == ("its manifest says `official`, and that parts of this were not read in a source",)


def test_a_profile_that_nobody_has_read_takes_nothing_away():
    one = stack(
        "rocm-6.0.0",
        build("2.4.0+rocm6.0"),
        unverified=("gpus.gfx1100.profiles", "gpus.gfx110.support"),
        gfx1100=Gpu(support="official"),
    )

    assert recommend((one,), machine("gfx1100"))[0].sureness == OFFICIAL


@pytest.mark.parametrize(
    ("purpose", "first"),
    [(CONVOLUTIONS, "rocm-6.0.0"), (TRAINING, "rocm-5.0.0"), (INFERENCE, "rocm-6.0.0")],
)
def test_what_fails_counts_where_it_was_asked_for(purpose: str, first: str):
    learns = stack("rocm-5.0.0", build("2.0.0"), gfx1100=Gpu(support="official", known_bad=("conv2d", "pooling")))
    sees = stack("rocm-6.0.0", build("2.4.0"), gfx1100=Gpu(support="official", known_bad=("lstm",)))

    assert recommend((learns, sees), machine("gfx1100"), purpose)[0].stack == first


def test_convolutions_by_the_replacement_are_no_failure_and_never_said_to_be_tried():
    known = Gpu(support="reported", convolutions="fallback", known_bad=("conv2d",))
    (found,) = recommend((stack("rocm-6.0.0", build("2.4.0"), gfx1010=known),), machine("gfx1010"), CONVOLUTIONS)

    assert found.failures == ()
    assert "convolutions by the replacement for MIOpen's, not tried on this card yet" in found.notes


def test_the_other_ways_stay_open_whatever_the_card():
    ways = other_ways(SHIPPED, machine("gfx1010"), GFX1010)

    assert [one.kind for one in ways] == ["cpu", "cloud", "card", "build"]
    assert ways[0].command == ("use", "rocm-7.2.4", "--venv", "NAME", "--cpu")
    assert "gfx1100" in ways[2].text and "(therock-10.0)" in ways[2].text and "gfx1010" not in ways[2].text


def test_who_has_an_official_card_need_not_build_anything():
    found = recommend(SHIPPED, machine("gfx1100"))

    assert [one.kind for one in other_ways(SHIPPED, machine("gfx1100"), found)] == ["cpu", "cloud", "card"]
