"""What recommend puts first, `use` and `install` accept: each card, purpose and Python of the shipped manifests."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import click
import pytest
from packaging.tags import cpython_tags

from rocmswitch.cli.main import program
from rocmswitch.model.recommendation import Machine, Recommendation
from rocmswitch.planning.naming import resolve_name
from rocmswitch.planning.otherways import other_ways
from rocmswitch.planning.purposes import PURPOSES
from rocmswitch.planning.pytorch import Choice, check_glibc, check_interpreter, choose_pytorch, needs_card
from rocmswitch.planning.recommend import recommend
from rocmswitch.planning.wheelfiles import version_of
from rocmswitch.planning.wheels import Interpreter
from tests.support.recommending import CARDS, PYTHONS, SHIPPED, machine

STACKS = {stack.name: stack for stack in SHIPPED}
WITH_A_COMMAND = 3
"""So many of the first are looked at."""


@cache
def parsed(words: tuple[str, ...]) -> dict[str, Any]:
    """What click makes of a command line."""
    found = program.get_command(click.Context(program), words[0])
    assert found is not None
    return dict(found.make_context(words[0], list(words[1:])).params)


def accept(one: Recommendation, here: Machine) -> None:
    """Do with the command what `use` does before it asks an index; with `install`'s, what that does."""
    said = parsed(one.command)
    name = said["target"] if one.command[0] == "use" else said["name"]
    stack = STACKS[resolve_name(name, STACKS)]
    assert stack.name == one.stack
    if one.command[0] == "install":
        assert stack.rocm.sets is not None and not stack.pytorch
        return
    choice = Choice(stack, choose_pytorch(stack, said["torch"] or "", ()), said["gpu"])
    assert choice.torch == one.torch
    assert choice.gpu == here.target or not needs_card(choice.entry)
    check_glibc(choice, here.glibc)
    check_python(choice, said["python"])
    assert here.target not in choice.entry.without


def check_python(choice: Choice, version: str | None) -> None:
    tag = f"cp{version.replace('.', '')}" if version else choice.entry.python[-1]
    tags = tuple(cpython_tags((3, int(tag.rstrip("t")[3:])), platforms=["linux_x86_64"]))
    check_interpreter(choice, Interpreter("/usr/bin/python3", tag, tags))


@pytest.mark.parametrize("purpose", ["", *PURPOSES])
def test_the_first_commands_are_accepted_and_mean_that_stack_and_that_torch(purpose: str):
    seen = 0
    for card, python in product((*CARDS, "gfx1999"), ("", *PYTHONS)):
        here = machine(card, python=python, wanted=version_of(python) if python else "")
        for one in recommend(SHIPPED, here, purpose)[:WITH_A_COMMAND]:
            if one.command:
                accept(one, here)
                seen += 1
    assert seen > len(CARDS) * len(PYTHONS)


@pytest.mark.parametrize("glibc", ["2.17", "2.28", "2.41"])
def test_they_are_on_older_and_newer_machines(glibc: str):
    for card in CARDS:
        here = machine(card, glibc=glibc)
        for one in recommend(SHIPPED, here):
            if one.command:
                accept(one, here)


def test_a_machine_without_a_card_of_its_own_can_have_the_command_for_processors():
    for card, python in product(("gfx1010", "gfx803", "gfx1999"), ("", *PYTHONS)):
        here = machine(card, python=python, wanted=version_of(python) if python else "")
        (processor,) = [one for one in other_ways(SHIPPED, here, ()) if one.kind == "cpu"]
        said = parsed(processor.command)
        stack = STACKS[said["target"]]
        choice = Choice(stack, choose_pytorch(stack, said["torch"] or "", ()), cpu=said["cpu"])
        check_python(choice, said["python"])
        assert choice.torch.endswith("+cpu")
