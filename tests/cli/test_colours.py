"""Colours: on a terminal that has some, for who wants some."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from tests.support.commandline import CommandLine


def told_at(line: CommandLine, **environment: str) -> bytes:
    """The bytes that reach a terminal when a command is mistyped."""
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "rocmswitch", "instal"]
    subprocess.run(command, stderr=terminal, env=line.variables(**environment), check=False)
    os.close(terminal)
    told = os.read(screen, 4096)
    os.close(screen)
    return told


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}], ids=str)
def test_who_cannot_see_colours_or_wants_none_gets_the_words_alone(line: CommandLine, environment: dict[str, str]):
    assert told_at(line, **environment).startswith(b"error: no such command `instal`")


def test_a_terminal_with_colours_shows_them(line: CommandLine):
    assert told_at(line, TERM="xterm").startswith(b"\x1b[31m")
