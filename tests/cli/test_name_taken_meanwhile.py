"""Two shells, one name: what was free when the plan was shown may be taken when it is carried out."""

from __future__ import annotations

from rocmswitch.store.receipts import read_receipt
from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine


def test_an_environment_of_another_stack_that_came_meanwhile_stays(site: AcmeSite, line: CommandLine) -> None:
    site.let(line, "acme-2.0")

    def make_the_other_first() -> str:
        line.succeed("use", "acme-2.0", "--venv", "demo", "--yes")
        return "y\n"

    outcome = line.at_terminal("use", NAME, "--venv", "demo", answers=make_the_other_first)

    assert outcome.code == 5
    assert read_receipt(line.layout.venvs / "demo").stack == "acme-2.0"
