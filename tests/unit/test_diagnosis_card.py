"""What doctor finds between a card and a program, and what it says of stacks on that card."""

from __future__ import annotations

import pytest

from rocmswitch.model.finding import FAULT, NOTE, WARNING
from rocmswitch.model.gpu import Gpu
from rocmswitch.model.symptoms import CardSymptoms, DeviceFile, Hook, ShellSymptoms, Standing
from tests.support.findings import findings, one_of, short

STACK = "rocm-6.2.4"
NAVI10 = Gpu(1, "gfx1010", render_minor=128)
KFD, RENDER = "/dev/kfd", "/dev/dri/renderD128"


def test_a_card_without_a_driver_is_told_by_its_place_on_the_bus():
    found = one_of(card=CardSymptoms(plugged=("0000:08:00.0",)))

    assert (found.id, found.severity, found.where) == ("driver", FAULT, "0000:08:00.0")


@pytest.mark.parametrize(("contained", "word"), [(True, "--device=/dev/kfd"), (False, "srun --gres=gpu:1")])
def test_a_card_that_is_kept_for_others_is_no_missing_driver(contained: bool, word: str):
    found = one_of(card=CardSymptoms(plugged=("0000:08:00.0",), hidden=2, contained=contained))

    assert (found.id, found.severity, word in short(found)[2]) == ("hidden", WARNING, True)


def test_one_visible_card_among_hidden_ones_is_as_it_should_be():
    assert findings(card=CardSymptoms((NAVI10,), "gfx1010", hidden=7)) == ()


def test_a_container_without_a_card_of_its_own_is_no_fault():
    assert findings(card=CardSymptoms(plugged=("0000:08:00.0",), contained=True)) == ()


@pytest.mark.parametrize(
    ("contained", "remedy"),
    [
        (False, "run `sudo modprobe amdgpu`, then `sudo udevadm trigger`"),
        (
            True,
            "start the container with `--device=/dev/kfd --device=/dev/dri --security-opt seccomp=unconfined`",
        ),
    ],
)
def test_a_missing_device_file_is_told_by_where_we_are(contained: bool, remedy: str):
    devices = (DeviceFile(KFD, there=False, usable=False), DeviceFile(RENDER, there=True, usable=True))

    found = one_of(card=CardSymptoms((NAVI10,), "gfx1010", devices=devices, contained=contained))

    assert short(found) == ("device", FAULT, remedy)
    assert found.what == "a card is there, but not `/dev/kfd`"


@pytest.mark.parametrize(
    ("device", "contained", "remedy"),
    [
        (
            DeviceFile(KFD, there=True, usable=False, group="render"),
            False,
            "run `sudo usermod -aG render ada`, then log out and in again",
        ),
        (
            DeviceFile(KFD, there=True, usable=False, group="render", joined=True),
            False,
            "log out and in again: you are in render only since this session began",
        ),
        (
            DeviceFile(KFD, there=True, usable=False),
            False,
            'run `echo \'KERNEL=="kfd|renderD*", GROUP="render", MODE="0660"\' | sudo tee '
            "/etc/udev/rules.d/70-amdgpu.rules && sudo udevadm control --reload && sudo udevadm trigger && "
            "sudo usermod -aG render ada`, then log out and in again",
        ),
        (
            DeviceFile(KFD, there=True, usable=False, group="993"),
            True,
            "start the container with `--device=/dev/kfd --device=/dev/dri --security-opt seccomp=unconfined "
            "--group-add 993`",
        ),
    ],
    ids=["not in the group", "the session is older", "root's alone", "a container"],
)
def test_a_card_that_may_not_be_opened_names_the_group(device: DeviceFile, contained: bool, remedy: str):
    card = CardSymptoms((NAVI10,), "gfx1010", devices=(device,), user="ada", contained=contained)

    assert short(one_of(card=card)) == ("rights", FAULT, remedy)


TWO = (Gpu(1, "gfx1036"), Gpu(2, "gfx1100"))
KNOWN = (Standing(STACK, "official"),)


def test_two_kinds_of_cards_are_told_with_the_one_that_stacks_go_by():
    found = one_of(card=CardSymptoms(TWO, "gfx1036", stacks=KNOWN))

    assert short(found) == (
        "cards",
        NOTE,
        "run `export ROCMSWITCH_GPU=gfx1100` where you compute on that one, also in your shell's start-up file",
    )
    assert found.what == "this machine has gfx1036 and gfx1100, and stacks set what gfx1036 needs"


def test_fish_sets_the_card_in_its_own_words():
    shell = ShellSymptoms(hook=Hook("fish", "/rc", "current"))

    assert (
        "`set -Ux ROCMSWITCH_GPU gfx1100`"
        in short(one_of(shell=shell, card=CardSymptoms(TWO, "gfx1036", stacks=KNOWN)))[2]
    )


@pytest.mark.parametrize(
    "card",
    [
        CardSymptoms((NAVI10, NAVI10), "gfx1010", stacks=KNOWN),
        CardSymptoms(TWO, "gfx1036", stacks=KNOWN, named=True),
        CardSymptoms(TWO, "gfx1036"),
    ],
    ids=["two of a kind", "the user has said which", "nothing is installed"],
)
def test_cards_that_no_stack_confuses_are_not_mentioned(card: CardSymptoms):
    assert findings(card=card) == ()


def test_what_is_known_to_fail_comes_with_the_evidence_and_the_better_stack():
    standing = Standing(STACK, "partial", ("conv2d",), ("ROCm/ROCm#2527",), overrides=True, better="therock-10.1")

    found = one_of(card=CardSymptoms(target="gfx1010", stacks=(standing,)))

    assert short(found) == (
        "known-bad:rocm-6.2.4",
        WARNING,
        "run `rocmswitch use therock-10.1 --venv NAME`: it is known to do better",
    )
    assert (found.what, found.why) == (
        "`rocm-6.2.4` is known to fail on gfx1010: conv2d",
        "reported in ROCm/ROCm#2527",
    )


@pytest.mark.parametrize(
    ("support", "found"),
    [
        ("", [("unknown-card:rocm-6.2.4", NOTE)]),
        ("unknown", [("unknown-card:rocm-6.2.4", NOTE)]),
        ("none", [("no-support:rocm-6.2.4", WARNING)]),
        ("reported", []),
    ],
)
def test_a_card_that_a_stack_does_not_know_is_told(support: str, found: list[tuple[str, str]]):
    card = CardSymptoms(target="gfx1010", stacks=(Standing(STACK, support),))

    assert [(one.id, one.severity) for one in findings(card=card)] == found
