"""What the owner of each card is told first, by the shipped manifests, and what is never told."""

from __future__ import annotations

import re

import pytest

from rocmswitch.model.gpucode import OVERRIDE
from rocmswitch.model.recommendation import COMMUNITY, FAILS, OFFICIAL, REPORTED, RUNS, UNVERIFIED, Recommendation
from rocmswitch.model.stack import Gpu
from rocmswitch.planning.gpu import support_of
from rocmswitch.planning.pytorch import Choice, warnings
from rocmswitch.planning.recommend import recommend
from rocmswitch.planning.verdict import is_unverified
from tests.support.recommending import CARDS, SHIPPED, machine, named, of

AMD = tuple(one for one in SHIPPED if one.name.startswith("rocm-"))
SOURCE = re.compile(r"[\w.-]+/[\w.-]+#[0-9]+|github:[\w.-]+/[\w.-]+(@[\w./*-]+)?:\S+|https://\S+|lib\S+ \S+")
UNKNOWN = Gpu(support="unknown")


def advised(card: str) -> tuple[Recommendation, ...]:
    return recommend(SHIPPED, machine(card))


@pytest.mark.parametrize(
    ("card", "name", "first", "sureness"),
    [
        ("gfx803", "RX 580", "debian-5.7.1", COMMUNITY),
        ("gfx900", "Vega 56 and 64", "rocm-6.3.3", REPORTED),
        ("gfx906", "Radeon VII, MI50", "rocm-6.2.4", OFFICIAL),
        ("gfx908", "MI100", "therock-10.0", OFFICIAL),
        ("gfx90a", "MI210, MI250", "therock-10.0", OFFICIAL),
        ("gfx90c", "Vega 8 of Renoir", "rocm-6.3.3", REPORTED),
        ("gfx942", "MI300X", "therock-10.0", OFFICIAL),
        ("gfx950", "MI355X", "therock-10.0", OFFICIAL),
        ("gfx1010", "RX 5700", "therock-10.1", REPORTED),
        ("gfx1011", "Radeon Pro V520", "therock-10.1", UNVERIFIED),
        ("gfx1012", "RX 5500", "therock-10.1", UNVERIFIED),
        ("gfx1030", "RX 6800 XT", "therock-10.0", OFFICIAL),
        ("gfx1031", "RX 6700 XT", "therock-10.1", REPORTED),
        ("gfx1032", "RX 6600", "therock-10.1", REPORTED),
        ("gfx1033", "Steam Deck", "therock-10.1", REPORTED),
        ("gfx1035", "Radeon 680M", "therock-10.1", REPORTED),
        ("gfx1036", "of a Ryzen 7000", "therock-10.1", REPORTED),
        ("gfx1100", "RX 7900 XTX", "therock-10.0", OFFICIAL),
        ("gfx1101", "RX 7800 XT", "therock-10.0", OFFICIAL),
        ("gfx1102", "RX 7600", "therock-10.0", OFFICIAL),
        ("gfx1103", "Radeon 780M", "therock-10.0", OFFICIAL),
        ("gfx1150", "Radeon 890M", "therock-10.0", OFFICIAL),
        ("gfx1151", "Radeon 8060S", "therock-10.0", OFFICIAL),
        ("gfx1200", "RX 9060 XT", "therock-10.0", OFFICIAL),
        ("gfx1201", "RX 9070 XT", "therock-10.0", OFFICIAL),
    ],
)
def test_the_first_advice_is_the_newest_that_is_known_best(card: str, name: str, first: str, sureness: str):
    best = advised(card)[0]

    assert (best.stack, best.sureness) == (first, sureness), name


@pytest.mark.parametrize("card", ["gfx900", "gfx906", "gfx90c", "gfx902"])
def test_vega_has_no_pytorch_of_a_release_whose_rocblas_has_no_kernels_for_it(card: str):
    newer = [one.name for one in AMD if tuple(map(int, one.rocm.version.split("."))) >= (6, 4)]

    failing = named(advised(card), FAILS)

    assert set(newer) <= set(failing)
    assert "rocm-6.3.3" not in failing


def test_who_takes_a_newer_release_for_a_radeon_vii_is_told_what_fails_and_what_does_better():
    stack = next(one for one in SHIPPED if one.name == "rocm-7.2.4")

    assert warnings(Choice(stack, stack.pytorch[0], "gfx906"), SHIPPED) == (
        "gfx906 with rocm-7.2.4: known to fail: matmul, linear "
        "(ROCm/legacy-rocm-build#4625, unslothai/unsloth#7354)",
        "rocm-6.2.4 does better on gfx906: `rocmswitch use rocm-6.2.4 --venv NAME`",
    )


def test_wheels_that_are_only_built_for_a_card_are_not_said_to_be_reported():
    unread = {
        (stack.name, card)
        for stack in SHIPPED
        for card in ("gfx900", "gfx906", "gfx1031", "gfx1102", "gfx1150", "gfx1200")
        if stack.gpus.get(card, UNKNOWN).support == "reported" and is_unverified(stack, card)
    }

    assert {
        *((f"therock-{name}", card) for name in ("10.0", "10.1") for card in ("gfx900", "gfx906")),
        ("therock-7.14", "gfx1031"),
        ("rocm-7.2.4", "gfx1102"),
        ("rocm-7.2.4", "gfx1150"),
        ("rocm-6.4.0", "gfx1200"),
    } <= unread


@pytest.mark.parametrize("card", ["gfx900", "gfx906", "gfx90a"])
def test_the_new_builds_are_not_advised_where_their_torch_starts_no_kernel(card: str):
    (found,) = [one for one in advised(card) if one.stack == "therock-7.14"]

    assert (found.standing, "ROCm/pytorch#3518" in found.evidence) == (FAILS, True)


def test_a_card_whose_gpu_hangs_with_a_siblings_code_is_never_overridden():
    cards = [stack.gpus["gfx1103"] for stack in SHIPPED if "gfx1103" in stack.gpus]

    assert [card.environment for card in cards] == [{}] * 49
    assert "ROCm/TheRock#1184" in of(advised("gfx1103"), "rocm-6.2.4").evidence
    assert named(advised("gfx1103"), RUNS) == ["therock-10.0", "therock-7.14", "therock-10.1"]


def test_a_radeon_rx_7600_passes_as_another_only_where_people_say_that_it_works():
    stacks = [stack.name for stack in SHIPPED if OVERRIDE in stack.gpus.get("gfx1102", UNKNOWN).environment]

    assert sorted(stacks) == [f"rocm-{one}" for one in ("5.5.0", "5.5.1", "5.6.0", "5.6.1", "5.7.0", "5.7.1")]


def test_a_release_names_every_card_that_its_wheels_have_no_code_for():
    known = {card for stack in SHIPPED if stack.name.startswith(("rocm-", "therock-")) for card in stack.gpus}

    assert [stack.name for stack in AMD if set(stack.gpus) != known] == []


@pytest.mark.parametrize("card", CARDS)
def test_no_official_card_has_an_override(card: str):
    wrong = [
        stack.name
        for stack in SHIPPED
        if card in stack.gpus
        and stack.gpus[card].support == "official"
        and OVERRIDE in stack.gpus[card].environment
    ]

    assert wrong == []


def test_what_is_not_marked_as_unread_says_where_it_can_be_read():
    without = [
        (stack.name, card)
        for stack in SHIPPED
        for card, known in stack.gpus.items()
        if known.support in ("official", "reported", "none")
        and not known.evidence
        and not is_unverified(stack, card)
    ]

    assert without == []


def test_every_piece_of_evidence_is_a_thread_a_file_of_a_repository_a_page_or_a_package():
    odd = {
        piece
        for stack in SHIPPED
        for known in stack.gpus.values()
        for piece in known.evidence
        if not SOURCE.fullmatch(piece)
    }

    assert odd == set()


def test_who_has_a_second_card_is_told_that_wheels_for_one_have_no_kernels_for_it():
    found = recommend(SHIPPED, machine("gfx1100", name="AMD Radeon RX 7900 XTX", others=("gfx1036",)))

    assert found[0].notes == ("its wheels have kernels for gfx1100 alone, and none for gfx1036",)


@pytest.mark.parametrize(
    ("other", "is_told"), [("gfx1100", True), ("gfx1103", True), ("gfx1036", False), ("gfx1030", False)]
)
def test_an_override_that_another_card_of_the_machine_cannot_bear_is_told(other: str, is_told: bool):
    found = recommend(SHIPPED, machine("gfx1032", name="AMD Radeon RX 6600", others=(other,)))

    told = [note for note in of(found, "rocm-7.2.4").notes if "the override holds for" in note]
    assert (
        told
        == [
            f"the override holds for {other} as well, which cannot run that code: "
            "`ROCR_VISIBLE_DEVICES` with the number of this card hides the rest"
        ]
        * is_told
    )


def test_of_a_card_that_is_not_in_this_machine_nothing_is_said_of_those_that_are():
    found = recommend(SHIPPED, machine("gfx1032", others=("gfx1100",)))

    assert [note for one in found for note in one.notes if "gfx1100" in note] == []


@pytest.mark.parametrize("card", CARDS)
def test_what_gpu_calls_unread_is_what_recommend_calls_unverified(card: str):
    unread = {one.stack for one in support_of(card, SHIPPED) if not one.is_read and one.support != "none"}

    assert unread == {one.stack for one in advised(card) if one.sureness == UNVERIFIED}
