"""What entering changes in an environment, on values alone."""

from __future__ import annotations

import pytest

from rocmswitch.model.activation import Activation, Assignment, CardVariable, ResolvedActivation

CARDS = (
    CardVariable("gfx1010", "HSA_OVERRIDE_GFX_VERSION", "10.3.0"),
    CardVariable("gfx1010", "MIOPEN_FIND_MODE", "1", "rdna1-safe"),
    CardVariable("gfx1010", "HSA_OVERRIDE_GFX_VERSION", "10.3.1", "other"),
    CardVariable("gfx1030", "HSA_ENABLE_SDMA", "0"),
)
INSIDE = ResolvedActivation((("HIP_PLATFORM", "amd"),), (("PATH", ("/p/bin",)),), CARDS, ("PYTHONHOME",))


@pytest.mark.parametrize(
    ("gpu", "profile", "more"),
    [
        ("", "", {}),
        ("gfx90a", "rdna1-safe", {}),
        ("gfx1030", "rdna1-safe", {"HSA_ENABLE_SDMA": "0"}),
        ("gfx1010", "", {"HSA_OVERRIDE_GFX_VERSION": "10.3.0"}),
        ("gfx1010", "rdna1-safe", {"HSA_OVERRIDE_GFX_VERSION": "10.3.0", "MIOPEN_FIND_MODE": "1"}),
        ("gfx1010", "other", {"HSA_OVERRIDE_GFX_VERSION": "10.3.1"}),
    ],
)
def test_a_card_gets_its_own_variables_and_those_of_the_chosen_profile(
    gpu: str, profile: str, more: dict[str, str]
):
    assert dict(INSIDE.on_card(gpu, profile).variables) == {"HIP_PLATFORM": "amd", **more}


def test_an_environment_over_its_prefix_has_the_cards_and_the_unset_of_both():
    below = ResolvedActivation((), (), CARDS[:2])
    above = ResolvedActivation(
        (), (), (CardVariable("gfx1010", "MIOPEN_FIND_MODE", "2", "rdna1-safe"),), ("PYTHONHOME",)
    )

    both = above.over(below)

    assert both.cards == (CARDS[0], CardVariable("gfx1010", "MIOPEN_FIND_MODE", "2", "rdna1-safe"))
    assert both.unset == ("PYTHONHOME",)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"PYTHONHOME": "/usr"}, {}),
        ({"LD_LIBRARY_PATH": "/opt/rocm/lib:/mine"}, {"LD_LIBRARY_PATH": "/mine"}),
        ({"LD_LIBRARY_PATH": "/opt/rocm/lib"}, {}),
        ({"LD_LIBRARY_PATH": "/mine::/other"}, {"LD_LIBRARY_PATH": "/mine::/other"}),
        ({"LD_PRELOAD": "/mine.so /opt/rocm/lib/x.so"}, {"LD_PRELOAD": "/mine.so"}),
        ({"LD_LIBRARY_PATH": "/my own:/opt/rocm/lib"}, {"LD_LIBRARY_PATH": "/my own"}),
        ({"LD_LIBRARY_PATH": ""}, {"LD_LIBRARY_PATH": ""}),
        ({"LD_PRELOAD": "/a.so /b.so"}, {"LD_PRELOAD": "/a.so /b.so"}),
    ],
)
def test_what_belongs_to_another_rocm_goes_and_the_rest_stays(before: dict[str, str], after: dict[str, str]):
    inside = INSIDE.applied_to({"PATH": "/bin", **before}, lambda entry: entry.startswith("/opt/rocm"))

    assert inside == {"PATH": "/p/bin:/bin", "HIP_PLATFORM": "amd", **after}


@pytest.mark.parametrize(
    ("root", "value"),
    [("/v", "/v/constraints.txt"), ("/home/a b/100%", "file:///home/a%20b/100%25/constraints.txt")],
)
def test_a_place_with_a_blank_is_told_to_uv_as_a_url(root: str, value: str):
    activation = Activation((Assignment("UV_CONSTRAINT", "constraints.txt", under_root=True),))

    assert activation.resolve(root).variables == (("UV_CONSTRAINT", value),)
