"""What people do with what is installed, and what `verify` makes of it."""

from __future__ import annotations

from tests.support.acme import NAME
from tests.support.commandline import CommandLine


def test_what_its_owner_adds_to_an_environment_is_no_damage(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    (site,) = (line.layout.venvs / "demo").glob("lib/python*/site-packages")

    (site / "mine.py").write_text("mine = True\n")

    assert line.succeed("verify", "demo").startswith("demo: every file as installed")


def test_what_somebody_adds_to_a_prefix_is_a_fault(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    tree = (line.layout.prefixes / NAME).resolve()
    tree.chmod(0o755)

    (tree / "theirs").write_text("")

    outcome = line.run("verify", NAME)
    assert (outcome.code, outcome.out) == (4, f"{NAME}: `theirs`: extra\n")
