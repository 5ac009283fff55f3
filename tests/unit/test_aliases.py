"""What shorter names mean, decided before any shell asks."""

from __future__ import annotations

import pytest

from rocmswitch.planning.aliases import plan_aliases


def test_every_beginning_of_a_version_means_the_newest_that_fits():
    found = plan_aliases(("rocm-6.2.4", "rocm-6.2.0", "rocm-5.7.1"), (), ())

    assert found == {
        **dict.fromkeys(("6.2.4", "6.2", "6", "rocm-6.2", "rocm-6"), "rocm-6.2.4"),
        "6.2.0": "rocm-6.2.0",
        **dict.fromkeys(("5.7.1", "5.7", "5", "rocm-5.7", "rocm-5"), "rocm-5.7.1"),
    }


@pytest.mark.parametrize(
    ("installed", "available", "meant"),
    [
        (("debian-5.2.3",), (), "debian-5.2.3"),
        (("debian-5.2.3",), ("rocm-6.2.4",), "debian-5.2.3"),
        (("debian-5.2.3",), ("rocm-5.2.0",), None),
        (("debian-5.2.3", "rocm-5.2.0"), (), "rocm-5.2.0"),
        (("debian-5.2.3", "therock-5.2"), (), None),
        (("rocm-5.2.0",), ("rocm-5.2.3",), "rocm-5.2.0"),
    ],
)
def test_a_bare_version_means_the_vendor_that_commands_mean(
    installed: tuple[str, ...], available: tuple[str, ...], meant: str | None
):
    assert plan_aliases(installed, available, ()).get("5.2") == meant


def test_a_name_that_is_taken_is_no_shorter_name():
    assert "6.2" not in plan_aliases(("rocm-6.2.4",), (), ("6.2",))


def test_names_without_a_version_have_none():
    assert plan_aliases(("mine", "a-b", "x-1-"), (), ()) == {}
