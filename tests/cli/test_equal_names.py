"""Environments and stacks share one space of names: TARGET is either."""

from __future__ import annotations

from tests.support.acme import NAME
from tests.support.commandline import CommandLine


def test_an_environment_cannot_have_the_name_of_a_stack(line: CommandLine) -> None:
    outcome = line.run("use", NAME, "--venv", NAME, "--yes")

    assert outcome.code == 2
    assert f"`{NAME}` is the name of a stack" in outcome.error
    assert not (line.layout.venvs / NAME).exists()
