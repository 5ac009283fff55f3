"""What is said, before anything is fetched, of what a choice of cards leaves out."""

from __future__ import annotations

import pytest

from rocmswitch.cli.slimness import say_choice
from rocmswitch.planning.installplan import InstallPlan, PlannedPackage
from tests.support.packages import index, package


@pytest.mark.parametrize(
    ("kernels", "said"),
    [
        ((), "nothing in it is for other cards alone"),
        ((("gfx1010", 500_000),), "nothing in it is for other cards alone"),
        ((("gfx90a", 500_000),), "2.0 MB → 1.5 MB on disk"),
        (None, "how much is for other cards is not known before it is unpacked"),
    ],
)
def test_how_much_a_choice_saves_is_said_as_far_as_it_is_known(
    capsys: pytest.CaptureFixture[str], kernels: tuple[tuple[str, int], ...] | None, said: str
):
    (one,) = index(package("hip", "5", installed_size="2000")).candidates("hip")
    planned = PlannedPackage(one, (), "rocm", "signed", cached=False, kernels=kernels)
    sets, gpus = ("runtime",), ("gfx1010",)

    say_choice(InstallPlan("debian-5.2.3", "5.2.3", "usr", sets, (planned,), (), (), (), "", gpus=gpus))

    assert capsys.readouterr().err == f"for gfx1010 alone: {said}\n"
