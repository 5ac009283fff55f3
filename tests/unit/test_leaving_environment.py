"""Entering and leaving as values: the undo state that shells export, read and written without a shell."""

from __future__ import annotations

import pytest

from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.planning.leaving import entered, left

STACK = ResolvedActivation(
    (("ROCMSWITCH_ACTIVE", "rocm-6.2.4"), ("HIP_PLATFORM", "amd")),
    (("PATH", ("/p/bin", "/p/tools")), ("LIBRARY_PATH", ("/p/lib",))),
    unset=("PYTHONHOME",),
)
OTHER = ResolvedActivation((("ROCMSWITCH_ACTIVE", "old"), ("HIP_CLANG_PATH", "/o/llvm")), (("PATH", ("/o/bin",)),))
ENTERED = {
    "PATH": "/p/bin:/p/tools:/usr/bin",
    "LIBRARY_PATH": "/p/lib",
    "HIP_PLATFORM": "amd",
    "ROCMSWITCH_ACTIVE": "rocm-6.2.4",
    "_ROCMSWITCH_DONE": "set:HIP_PLATFORM add:LIBRARY_PATH add:PATH set:ROCMSWITCH_ACTIVE ",
    "_ROCMSWITCH_OLD_HIP_PLATFORM": "was:nvidia",
    "_ROCMSWITCH_NEW_HIP_PLATFORM": "amd",
    "_ROCMSWITCH_OLD_LIBRARY_PATH": "unset",
    "_ROCMSWITCH_NEW_LIBRARY_PATH": "/p/lib",
    "_ROCMSWITCH_OLD_PATH": "was:/usr/bin",
    "_ROCMSWITCH_NEW_PATH": "/p/bin:/p/tools",
    "_ROCMSWITCH_OLD_ROCMSWITCH_ACTIVE": "unset",
    "_ROCMSWITCH_NEW_ROCMSWITCH_ACTIVE": "rocm-6.2.4",
}
"""As a shell leaves it to the programs that it starts."""
OUTSIDE = {"PATH": "/usr/bin", "HIP_PLATFORM": "nvidia"}


def test_what_a_shell_has_entered_is_left() -> None:
    assert left(ENTERED) == OUTSIDE


@pytest.mark.parametrize(
    ("changed", "after"),
    [
        ({"HIP_PLATFORM": "mine"}, {"HIP_PLATFORM": "mine"}),
        ({"PATH": "/new:/p/bin:/p/tools:/usr/bin:/last"}, {"PATH": "/new:/usr/bin:/last"}),
        ({"PATH": "/usr/bin"}, {}),
        ({"LIBRARY_PATH": "/p/lib:/mine"}, {"LIBRARY_PATH": "/mine"}),
        ({"LIBRARY_PATH": ""}, {}),
        ({"_ROCMSWITCH_DONE": "set:HIP_PLATFORM bogus set:a-b ; x"}, None),
    ],
)
def test_what_the_user_has_changed_meanwhile_stays(changed: dict[str, str], after: dict[str, str] | None) -> None:
    found = left({**ENTERED, **changed})

    if after is None:  # a state that no shell writes does no harm
        assert found["HIP_PLATFORM"] == "nvidia"
    else:
        assert found == {**OUTSIDE, **after}


def test_a_variable_that_was_taken_away_comes_back_unless_the_user_has_set_it_again() -> None:
    inside = {"_ROCMSWITCH_DONE": "set:PYTHONHOME ", "_ROCMSWITCH_OLD_PYTHONHOME": "was:/usr"}

    assert left(inside) == {"PYTHONHOME": "/usr"}
    assert left({**inside, "PYTHONHOME": "/mine"}) == {"PYTHONHOME": "/mine"}


@pytest.mark.parametrize(
    "outside",
    [
        {},
        OUTSIDE,
        {"PATH": "", "LIBRARY_PATH": "", "HIP_PLATFORM": "", "PYTHONHOME": ""},
        {
            "PATH": "/a::/b:",
            "LIBRARY_PATH": ":",
            "LD_LIBRARY_PATH": "/opt/rocm/lib:/mine",
            "LD_PRELOAD": "/opt/rocm/x",
        },
        {"HIP_PLATFORM": "amd", "ROCMSWITCH_WHY": "default"},
    ],
)
def test_entering_and_leaving_is_nothing(outside: dict[str, str]) -> None:
    inside = entered(outside, STACK, lambda entry: entry.startswith("/opt/rocm"))

    assert inside["ROCMSWITCH_ACTIVE"] == "rocm-6.2.4"
    assert left(inside) == outside


def test_nothing_of_another_stack_is_left_inside() -> None:
    inside = entered(entered(OUTSIDE, OTHER), STACK)

    assert inside == entered(OUTSIDE, STACK)
    assert "HIP_CLANG_PATH" not in inside


def test_who_names_a_stack_overrides_the_variable_that_names_another() -> None:
    assert "ROCMSWITCH_STACK" not in entered({"ROCMSWITCH_STACK": "old"}, STACK)


def test_what_only_the_shell_itself_knew_no_program_sees_again() -> None:
    inside = {**ENTERED, "_ROCMSWITCH_OLD_HIP_PLATFORM": "own:mine", "_ROCMSWITCH_OLD_PATH": "own:/usr/bin"}

    assert left(inside) == {}
    assert left({**inside, "PATH": "/p/bin:/x"}) == {"PATH": "/x"}
