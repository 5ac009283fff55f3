"""What an owner put into an environment is not lost because the same name is asked for again."""

from __future__ import annotations

import sys

from tests.support.acme import NAME, TAG, AcmeSite
from tests.support.commandline import CommandLine


def test_an_environment_with_other_wheels_is_refused_and_stays(line: CommandLine, site: AcmeSite) -> None:
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    (packages,) = (line.layout.venvs / "demo").glob("lib/python*/site-packages")
    (packages / "mine.py").write_text("mine = True\n")
    site.let(line, wheels={"packages": {}, "python": [TAG], "set": "runtime", "hashes": {}})

    outcome = line.run("use", NAME, "--venv", "demo", "--python", sys.executable, "--yes")

    assert outcome.code == 5
    assert outcome.error == "the environment `demo` is there already, with another Python or other wheels"
    assert (packages / "mine.py").exists()


def test_the_same_python_again_enters_what_is_there(line: CommandLine) -> None:
    line.succeed("use", NAME, "--venv", "demo", "--python", sys.executable, "--yes")

    assert "demo.sh" in line.succeed("use", NAME, "--venv", "demo", "--python", sys.executable, "--yes")
