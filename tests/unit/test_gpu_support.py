"""What stacks give a card, told in few lines."""

from __future__ import annotations

from rocmswitch.model.stack import Gpu, Rocm, Stack
from rocmswitch.planning.gpu import Group, Support, grouped, support_of

BAD = Gpu(support="partial", known_bad=("torch",), convolutions="fallback", evidence=("ROCm/ROCm#2527",))
GOOD = Gpu(support="reported", environment={"HSA_OVERRIDE_GFX_VERSION": "10.3.0"}, evidence=("a", "b", "c", "d"))


def stack(name: str, gpu: Gpu | None = None, *unverified: str) -> Stack:
    version = name.rpartition("-")[2]
    return Stack(
        schema=1,
        name=name,
        summary="",
        rocm=Rocm(version=version, root="usr"),
        gpus={"gfx1010": gpu} if gpu else {},
        unverified=unverified,
    )


def test_each_stack_says_what_it_gives_the_newest_first():
    stacks = [stack("rocm-6.2.4", BAD), stack("therock-10.1"), stack("rocm-5.2.0", GOOD, "gpus.gfx1010.support")]

    assert support_of("gfx1010", stacks) == (
        Support("therock-10.1", "unknown"),
        Support("rocm-6.2.4", "partial", ("torch",), (), "fallback", ("ROCm/ROCm#2527",)),
        Support(
            "rocm-5.2.0",
            "reported",
            environment=(("HSA_OVERRIDE_GFX_VERSION", "10.3.0"),),
            evidence=("a", "b", "c", "d"),
            is_read=False,
        ),
    )


def test_stacks_that_give_the_same_stand_together_the_best_first():
    names = ("rocm-5.2.0", "rocm-5.2.1", "rocm-5.2.3", "rocm-6.0.0", "rocm-6.2.0", "rocm-6.2.4")
    stacks = [stack(name, GOOD if name < "rocm-6" else BAD) for name in names]
    stacks += [stack("rocm-5.3.0", BAD, "gpus.gfx1010.support"), stack("debian-5.2.3", GOOD), stack("acme-1.0")]

    assert grouped(support_of("gfx1010", stacks)) == (
        Group(
            "reported",
            "rocm-5.2.3 … rocm-5.2.0 (3), debian-5.2.3",
            4,
            (),
            (("HSA_OVERRIDE_GFX_VERSION", "10.3.0"),),
            "vendor",
            ("a", "b", "c"),
            1,
            0,
        ),
        Group(
            "partial",
            "rocm-6.2.4 … rocm-5.3.0 (4)",
            4,
            ("torch",),
            (),
            "fallback",
            ("ROCm/ROCm#2527",),
            0,
            1,
        ),
        Group("unknown", "acme-1.0", 1, (), (), "vendor", (), 0, 0),
    )


def test_a_run_of_stacks_names_no_stack_that_gives_something_else():
    stacks = [stack(f"rocm-6.{minor}.0", BAD if minor == 3 else GOOD) for minor in range(7)]

    assert [group.stacks for group in grouped(support_of("gfx1010", stacks))] == [
        "rocm-6.6.0 … rocm-6.4.0 (3), rocm-6.2.0 … rocm-6.0.0 (3)",
        "rocm-6.3.0",
    ]


def test_no_stacks_give_no_groups():
    assert grouped(support_of("gfx1010", [])) == ()
