"""Which cards a script can treat alike."""

from __future__ import annotations

from rocmswitch.model.activation import CardVariable
from rocmswitch.shell.cards import CardGroup, grouped

OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"


def test_cards_with_the_same_variables_are_one_group():
    cards = [CardVariable(gpu, name, "1") for gpu in ("gfx1010", "gfx1012") for name in (OVERRIDE, "HIP_X")]

    assert grouped(cards) == (CardGroup(("gfx1010", "gfx1012"), "", ((OVERRIDE, "1"), ("HIP_X", "1"))),)


def test_cards_that_differ_in_one_value_are_two_groups():
    cards = [CardVariable("gfx1031", OVERRIDE, "10.3.0"), CardVariable("gfx90c", OVERRIDE, "9.0.0")]

    assert [group.gpus for group in grouped(cards)] == [("gfx1031",), ("gfx90c",)]


def test_what_belongs_to_a_profile_comes_after_what_always_holds():
    cards = [CardVariable("gfx1010", OVERRIDE, "1", "safe"), CardVariable("gfx1011", OVERRIDE, "1")]

    assert [(group.gpus, group.profile) for group in grouped(cards)] == [(("gfx1011",), ""), (("gfx1010",), "safe")]


def test_no_cards_are_no_groups():
    assert grouped(()) == ()
