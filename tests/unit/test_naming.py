"""What a user's word for a stack means."""

from __future__ import annotations

import pytest

from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.planning.naming import nearest, resolve_installed, resolve_name

NAMES = (
    *("debian-5.2.3", "debian-5.7.1", "rocm-5.2.0", "rocm-5.2.3", "rocm-6.2.4", "rocm-6.2.10", "rocm-6.3.0"),
    *("therock-10.1", "therock-7.14.0", "ubuntu-7.14.1", "mytree", "rocm-6.2.10+miopen"),
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rocm-5.2.0", "rocm-5.2.0"),
        ("5.2.0", "rocm-5.2.0"),
        ("5.2", "rocm-5.2.3"),
        ("rocm-5.2", "rocm-5.2.3"),
        ("debian-5.2", "debian-5.2.3"),
        ("6.2", "rocm-6.2.10"),
        ("6", "rocm-6.3.0"),
        ("5.7", "debian-5.7.1"),
        ("10.1", "therock-10.1"),
        ("10.1.0", "therock-10.1"),
        ("mytree", "mytree"),
        ("rocm-6.2.10+miopen", "rocm-6.2.10+miopen"),
    ],
)
def test_a_version_means_the_newest_of_amd_that_fits_and_else_the_one_other_vendor(text: str, name: str):
    assert resolve_name(text, NAMES) == name


def test_several_other_vendors_are_an_error_that_lists_them():
    with pytest.raises(UsageMistake) as caught:
        resolve_name("7.14", NAMES)

    assert (caught.value.message, caught.value.hint) == (
        "`7.14` may be therock-7.14.0 or ubuntu-7.14.1",
        "give one of these names; `rocmswitch list --available` shows all",
    )


@pytest.mark.parametrize(
    ("text", "names", "message", "hint"),
    [
        (
            "6.2.9",
            ("rocm-6.2.4", "rocm-6.3.0"),
            "no stack is called `6.2.9`",
            "nearest are rocm-6.2.4 and rocm-6.3.0; run `rocmswitch list --available`",
        ),
        (
            "4.5",
            ("rocm-6.2.4", "debian-5.2.3"),
            "no stack is called `4.5`",
            "nearest is rocm-6.2.4; run `rocmswitch list --available`",
        ),
        (
            "debain-5.2.3x",
            ("rocm-6.2.4", "debian-5.2.3"),
            "no stack is called `debain-5.2.3x`",
            "nearest is debian-5.2.3; run `rocmswitch list --available`",
        ),
        (
            "rocm",
            ("rocm-6.2.4", "rocm-6.2.10", "debian-5.2.3"),
            "no stack is called `rocm`",
            "nearest is rocm-6.2.10; run `rocmswitch list --available`",
        ),
        (
            "ROCm-6.2",
            ("rocm-6.2.4", "debian-5.2.3"),
            "no stack is called `ROCm-6.2`",
            "nearest is rocm-6.2.4; run `rocmswitch list --available`",
        ),
        ("\x1b[2Jx", (), "no stack is called `\N{REPLACEMENT CHARACTER}[2Jx`", "run `rocmswitch list --available`"),
        ("", ("rocm-6.2.4",), "no stack is called ``", "run `rocmswitch list --available`"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(text: str, names: tuple[str, ...], message: str, hint: str):
    with pytest.raises(NotFound) as caught:
        resolve_name(text, names)

    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    "text", ["rocm-", "6.2 ", "-6.2", "6..2", "rocm--6.2", "../rocm-6.2.4", "6.2.4; reboot", "rocm-6.2rc"]
)
def test_what_is_no_name_fits_nothing(text: str):
    with pytest.raises(NotFound):
        resolve_name(text, NAMES)


def test_a_version_that_another_only_begins_with_does_not_fit():
    with pytest.raises(NotFound):
        resolve_name("6.2", ("rocm-6.20.0", "rocm-16.2.0"))


@pytest.mark.parametrize(
    ("text", "installed", "name"),
    [
        ("6.2", ("rocm-6.2.4",), "rocm-6.2.4"),
        ("6.2", ("rocm-6.2.4", "rocm-6.2.10"), "rocm-6.2.10"),
        ("6.2", (), "rocm-6.2.10"),
        ("6.2", ("rocm-5.2.0",), "rocm-6.2.10"),
        ("5.2", ("debian-5.2.3",), "rocm-5.2.3"),
        ("5.7", ("debian-5.7.1",), "debian-5.7.1"),
        ("rocm-6.2.10", ("rocm-6.2.4",), "rocm-6.2.10"),
        ("linked", ("linked",), "linked"),
    ],
)
def test_what_is_installed_comes_before_what_is_newer(text: str, installed: tuple[str, ...], name: str):
    assert resolve_installed(text, installed, NAMES) == name


def test_the_nearest_of_a_vendor_are_of_that_vendor():
    assert nearest("debian-5.5", NAMES) == ("debian-5.2.3", "debian-5.7.1")
