"""The functions that scripts for fish are made of, and that what they note is understood by other shells."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from rocmswitch.model.activation import CardVariable, ResolvedActivation
from rocmswitch.operations.rendering import functions
from rocmswitch.shell import fish, posix
from tests.support.fishstacks import ONE_CARD, FishStacks
from tests.support.kfd import MI210, RX5700XT, RX7900XTX, plug, write_node
from tests.support.shells import Terminal, account, dumped, dumping, run

PREFIX = ResolvedActivation((("HIP_PLATFORM", "amd"),), (("PATH", ("/stacks/x/bin",)),), (), ("PYTHONHOME",))
OTHERS = [shell for shell in ("bash", "zsh", "dash") if shutil.which(shell)]


@pytest.fixture
def stacks(tmp_path: Path) -> FishStacks:
    stacks = FishStacks(tmp_path)
    stacks.add("card", ONE_CARD)
    stacks.add("prefix", PREFIX)
    return stacks


def entered(stacks: FishStacks, line: str, **environment: str) -> dict[bytes, bytes]:
    """What a program sees after *line* in a fish that has no hook."""
    file = stacks.home / "inside"
    done = run(
        "fish", f"{line}\n{dumping(file)}", folder=stacks.home, environment=account(stacks.home, **environment)
    )
    assert (done.code, done.err) == (0, b"")
    return dumped(file)


@pytest.mark.parametrize(
    ("environment", "value"),
    [
        ({}, None),
        ({"ROCMSWITCH_GPU": "gfx1010"}, b"plain"),
        ({"ROCMSWITCH_GPU": "gfx1030"}, None),
        ({"ROCMSWITCH_GPU": "gfx1010", "ROCMSWITCH_PROFILE": "rdna1-safe"}, b"safe"),
        ({"ROCMSWITCH_GPU": "gfx1010", "ROCMSWITCH_PROFILE": "another"}, b"plain"),
    ],
)
def test_what_belongs_to_a_card_is_set_on_that_card(
    stacks: FishStacks, environment: dict[str, str], value: bytes | None, tmp_path: Path
):
    nothing = str(tmp_path / "no sys")

    inside = entered(stacks, f"source {stacks.script('card')}", ROCMSWITCH_SYSROOT=nothing, **environment)

    assert inside.get(b"HSA_X") == value


@pytest.mark.parametrize(
    ("cards", "target"), [((RX5700XT, MI210), "gfx1010"), ((MI210,), "gfx90a"), ((RX7900XTX,), "gfx1100")]
)
def test_the_first_card_is_read_from_the_topology(stacks: FishStacks, cards: tuple, target: str, tmp_path: Path):
    root = plug(tmp_path / "a root", *cards)
    everything = tuple(CardVariable(name, "HSA_X", name) for name in ("gfx1010", "gfx90a", "gfx1100"))
    stacks.add("any", ResolvedActivation((), (), everything))

    inside = entered(stacks, f"source {stacks.script('any')}", ROCMSWITCH_SYSROOT=str(root))

    assert inside[b"HSA_X"] == target.encode()


def test_a_topology_that_cannot_be_understood_is_no_card(stacks: FishStacks, tmp_path: Path):
    for number, text in enumerate(("", "gfx_target_version x\n", "gfx_target_version 99999999999\n", "\0" * 99)):
        write_node(tmp_path, number, text)

    inside = entered(stacks, f"source {stacks.script('card')}", ROCMSWITCH_SYSROOT=str(tmp_path))

    assert b"HSA_X" not in inside


def test_what_use_is_told_of_the_card_goes_before_the_environment(stacks: FishStacks):
    line = fish.enter(str(stacks.script("card")), gpu="gfx1010", profile="rdna1-safe")

    inside = entered(stacks, line, ROCMSWITCH_GPU="gfx1030", ROCMSWITCH_PROFILE="another")

    assert inside[b"HSA_X"] == b"safe"


def test_variables_keep_what_they_are_in_fish(stacks: FishStacks):
    show = "set -S HIP_PLATFORM PATH PERL5LIB >"
    lines = (
        "set -g HIP_PLATFORM a b",
        "set -gx PERL5LIB one two",
        f"{show}before",
        f"source {stacks.script('prefix')}",
        f"rocmswitch_off; {show}after",
    )

    entered(stacks, "\n".join(lines))

    assert (stacks.home / "before").read_text() == (stacks.home / "after").read_text()


def test_a_universal_variable_shows_again(stacks: FishStacks):
    with Terminal.opened("fish", stacks.home) as terminal:
        terminal.type("set -Ux HIP_PLATFORM mine")
        terminal.type(f"source {stacks.script('prefix')}")
        inside = terminal.type("echo $HIP_PLATFORM")
        terminal.type("rocmswitch_off")

        assert (inside, terminal.type("echo $HIP_PLATFORM")) == ("amd\n", "mine\n")
        assert terminal.type("set -qg HIP_PLATFORM; or echo only universal") == "only universal\n"


def test_leaving_what_was_never_entered_is_nothing(stacks: FishStacks):
    before = entered(stacks, "")

    assert entered(stacks, fish.leave()) == entered(stacks, fish.no_stack()) == before


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("inner", ["fish", "other"])
def test_one_shell_leaves_what_another_has_entered(stacks: FishStacks, other: str, inner: str):
    """The outer shell enters, the one inside leaves: all is as before, though the two speak different dialects."""
    (stacks.home / "functions.fish").write_text(functions("fish"))
    (stacks.home / "functions.sh").write_text(functions())
    (stacks.home / "enter.sh").write_text(posix.render("prefix", PREFIX, functions()))
    environment = account(
        stacks.home,
        PYTHONHOME="/it's\nmine",
        HIP_PLATFORM="",
        LD_LIBRARY_PATH="/opt/rocm/lib:/mine",
        LIBRARY_PATH=":",
    )
    before, after = stacks.home / "before", stacks.home / "after"
    shells = (other, "fish") if inner == "fish" else ("fish", other)
    suffix = inner if inner == "fish" else "sh"
    leave = f". {stacks.home}/functions.{suffix}\nrocmswitch_off\n{dumping(after)}\n"
    (stacks.home / "leave").write_text(leave)
    enter = stacks.home / "enter.sh" if inner == "fish" else stacks.script("prefix")
    options = "--no-config " if shells[1] == "fish" else ""
    lines = (dumping(before), f". {enter}", f"{shells[1]} {options}{shlex.quote(str(stacks.home / 'leave'))}")

    done = run(shells[0], "\n".join(lines) + "\n", folder=stacks.home, environment=environment)

    assert (done.code, done.err) == (0, b"")
    assert without_names(dumped(after)) == without_names(dumped(before))


def without_names(environment: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Fish and zsh say who the user is where nobody has."""
    return {name: value for name, value in environment.items() if name not in (b"USER", b"LOGNAME")}
