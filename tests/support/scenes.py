"""Scenarios: an error provoked through the program, and the way out that its hint names."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from rocmswitch.cli.main import program
from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine, Outcome
from tests.support.hints import Hint

ASKING = ("install", "link", "remove", "repair", "use", "cache", "deploy", "restore", "undo", "backup")
"""Commands that a person at a terminal answers `y` to."""


@dataclass
class Scene:
    """A person, a server, and what the scenario needs to remember."""

    line: CommandLine
    site: AcmeSite
    folder: Path
    words: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def fail(self, *words: str, **environment: str) -> Outcome:
        """Run what is going to fail, to be run again later without that environment."""
        self.words, self.environment = words, environment
        return self.line.run(*words, **environment)

    def fail_below(self, wrapper: list[str], *words: str) -> Outcome:
        """The same, started by another program."""
        self.words = words
        command = [*wrapper, sys.executable, "-m", "rocmswitch", *words]
        environment = self.line.variables()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def prefix(self) -> Path:
        if not (self.line.layout.prefixes / NAME).exists():
            self.line.succeed("install", NAME, "--yes")
        return self.line.layout.prefixes / NAME

    def venv(self) -> Path:
        self.line.succeed("use", NAME, "--venv", "demo", "--yes")
        return self.line.layout.venvs / "demo"

    def again(self, *more: str) -> Outcome:
        """The same command."""
        return self.line.run(*self.words, *more)

    def heal(self) -> None:
        """The server is as it was before the scenario."""
        self.site.server.behave()
        self.site.publish()


def run_hinted(scene: Scene, hint: str) -> list[Outcome]:
    """Run each `rocmswitch …` of *hint*, answering what it asks."""
    commands = re.findall(r"`rocmswitch ([^`]*)`", hint)
    assert commands, hint
    outcomes = []
    for command in commands:
        words = ["demo" if word == "NAME" else word for word in command.split()]
        parses(words)
        yes = ["--yes"] if words[0] in ASKING else []
        outcomes.append(scene.line.run(*words, *yes))
    return outcomes


def parses(words: list[str]) -> None:
    """*words* are a command line of the program, whatever it would do."""
    command: click.Command = program
    context = click.Context(program, info_name="rocmswitch")
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command `{' '.join(words)}`"
        command, words = found, words[1:]
    try:
        command.make_context("rocmswitch", list(words))
    except click.exceptions.Exit:
        assert words == ["--help"]


Follow = Callable[[Scene, str], Outcome]


def the_command(scene: Scene, hint: str) -> Outcome:
    return run_hinted(scene, hint)[-1]


def the_same_command(*more: str, heal: bool = True) -> Follow:
    """Run it once more, with *more* words, when the server is well again."""

    def follow(scene: Scene, hint: str) -> Outcome:
        assert "the same command" in hint and all(f"`{word}`" in hint for word in more if word.startswith("-y"))
        if heal:
            scene.heal()
        return scene.again(*more)

    return follow


def the_command_then(*words: str) -> Follow:
    """What the hint says in words comes after what it says in back-ticks."""

    def follow(scene: Scene, hint: str) -> Outcome:
        assert [one.code for one in run_hinted(scene, hint)] == [0]
        return scene.line.run(*words)

    return follow


@dataclass(frozen=True)
class Scenario:
    """`code` is that of the error, `then` that of the hinted command."""

    module: str
    template: str
    provoke: Callable[[Scene], Outcome]
    code: int
    follow: Follow = the_command
    then: int = 0

    @property
    def hint(self) -> Hint:
        return Hint(self.module, self.template)


SCENARIOS: list[Scenario] = []


def scenario(
    module: str, template: str, code: int, *, follow: Follow = the_command, then: int = 0
) -> Callable[[Callable[[Scene], Outcome]], Callable[[Scene], Outcome]]:
    """The decorated function provokes an error of exit code *code* with this hint."""

    def add(provoke: Callable[[Scene], Outcome]) -> Callable[[Scene], Outcome]:
        SCENARIOS.append(Scenario(module, template, provoke, code, follow, then))
        return provoke

    return add
