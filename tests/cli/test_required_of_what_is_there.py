"""`--require` holds for what is installed already, too; and a dry run of what is there plans nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.trees import replace_content


def checked_by_less(link: Path) -> None:
    """As if its packages had been taken at their first use."""
    file = link / ".rocmswitch/receipt.json"
    receipt = json.loads(file.read_bytes())
    for one in receipt["packages"]:
        one["verification"] = "first-use"
    replace_content(file, json.dumps(receipt).encode())


@pytest.mark.parametrize(
    "words",
    [("install", NAME), ("use", NAME), ("use", NAME, "--dry-run"), ("use", NAME, "--venv", "demo")],
    ids=str,
)
def test_a_stack_that_was_checked_by_less_is_refused(line: CommandLine, words: tuple[str, ...]):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    checked_by_less(line.layout.prefixes / NAME)

    outcome = line.run(*words, "--require", "pinned", "--yes")

    assert (outcome.code, outcome.out) == (5, ""), outcome
    assert outcome.error.startswith(f"`{NAME}` is there, with `acme-")
    assert outcome.error.endswith("only `first-use`, and `pinned` is required")
    assert line.run(*words, "--require", "first-use", "--yes").code == 0


def test_an_environment_whose_wheels_were_checked_by_less_is_refused(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")

    assert line.run("use", "demo", "--require", "pinned").code == 0
    outcome = line.run("use", "demo", "--require", "signed")

    assert (outcome.code, outcome.hint) == (5, "run `rocmswitch remove demo`, then the same command again")


def test_a_dry_run_of_what_is_installed_says_so_and_asks_no_server(line: CommandLine, site: AcmeSite):
    line.succeed("install", NAME, "--yes")
    asked = len(site.server.requests)

    outcome = line.run("install", NAME, "--dry-run")
    told = json.loads(line.succeed("install", NAME, "--dry-run", "--json"))

    assert (outcome.code, outcome.err, told) == (0, f"{NAME} is installed already (runtime)\n", None)
    assert len(site.server.requests) == asked
