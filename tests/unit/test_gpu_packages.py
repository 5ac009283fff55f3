"""Package roots that stand for a package of each card."""

from __future__ import annotations

import pytest

from rocmswitch.errors import NotFound
from rocmswitch.model.activation import CardVariable
from rocmswitch.planning.gpupackages import Choice, expanded

NAMES = ("amdrocm10.0-gfx1201", "amdrocm10.0-gfx942", "amdrocm10.0-gfx110x", "amdrocm10.0-gfx10-3-generic")
ROOTS = ("amdrocm-base10.0", "amdrocm10.0-{gpu} (>= 10.0)")


@pytest.mark.parametrize(
    ("gpus", "words"),
    [
        ([], ["gfx10-3-generic", "gfx110x", "gfx1201", "gfx942"]),
        (["gfx942"], ["gfx942"]),
        (["gfx942", "gfx1201"], ["gfx942", "gfx1201"]),
        (["gfx1100", "gfx1101"], ["gfx110x"]),
        (["gfx1031"], ["gfx10-3-generic"]),
    ],
)
def test_a_root_stands_for_the_packages_of_the_chosen_cards(gpus: list[str], words: list[str]):
    found = expanded(ROOTS, Choice("therock-10.0", tuple(gpus)), lambda: NAMES)

    assert found == ("amdrocm-base10.0", *(f"amdrocm10.0-{word} (>= 10.0)" for word in words))


def test_a_card_that_is_taken_for_another_has_the_packages_of_that_one():
    cards = (CardVariable("gfx1010", "HSA_OVERRIDE_GFX_VERSION", "10.3.0"),)

    found = expanded(["a-{gpu}"], Choice("s", ("gfx1010",), cards), lambda: ["a-gfx1030", "a-gfx1031"])

    assert found == ("a-gfx1030",)


def test_a_card_without_a_package_is_told_which_there_are():
    with pytest.raises(NotFound) as caught:
        expanded(ROOTS, Choice("therock-10.0", ("gfx1010",)), lambda: NAMES[:2])

    assert caught.value.message == (
        "`therock-10.0` has `amdrocm10.0-{gpu}` only for gfx1201 gfx942, not for `gfx1010`"
    )
    assert caught.value.hint == "run `rocmswitch install therock-10.0 --gpu all`"


def test_a_root_that_no_package_fits_is_an_error_for_all_cards_too():
    with pytest.raises(NotFound, match="whatever the card"):
        expanded(ROOTS, Choice("therock-10.0"), lambda: ["amdrocm10.0", "amdrocm10.0-gfx1201-dev2_x"])


def test_nothing_is_looked_up_where_no_root_stands_for_cards():
    assert expanded(["hipcc (>= 5)"], Choice("s", ("gfx1010",)), lambda: pytest.fail("looked up")) == (
        "hipcc (>= 5)",
    )
