"""Whether the shell's start-up file loads the hook, as `rocmswitch doctor` sees it and mends it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine

SHELLS = [one for one in ("bash", "zsh", "fish") if shutil.which(one)]


@pytest.fixture
def person(tmp_path: Path) -> CommandLine:
    """On a machine without a card, with a shell that has no hook of ours."""
    return CommandLine(tmp_path, {"ROCMSWITCH_SYSROOT": str(tmp_path / "machine")})


def ids(person: CommandLine, shell: str) -> list[str]:
    """What is found where *shell* is the one of the account."""
    return [one["id"] for one in json.loads(person.run("doctor", "--json", SHELL=shell).out)]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_hook_is_absent_then_current_then_older_and_installed_by_fix(person: CommandLine, shell: str):
    login = {"SHELL": f"/usr/bin/{shell}"}
    assert ids(person, login["SHELL"]) == ["hook"]
    person.succeed("doctor", "--fix", "hook", "--yes", **login)
    assert ids(person, login["SHELL"]) == []

    hook = person.layout.shell / f"hook.{shell}"
    hook.write_text("# of another version\n" + hook.read_text())
    outcome = person.run("doctor", **login)
    assert "is not this version's" in outcome.out

    person.succeed("doctor", "--fix", "hook", "--yes", **login)
    assert ids(person, login["SHELL"]) == []


@pytest.mark.parametrize(
    "line", ['eval "$(rocmswitch init bash)"', ". <(rocmswitch init bash)", ". /opt/rocmswitch/shell/hook.bash"]
)
def test_a_hook_that_is_asked_for_at_each_start_is_current(person: CommandLine, line: str):
    (person.home / ".bashrc").write_text(f"{line}\n")

    assert ids(person, "/bin/bash") == []


@pytest.mark.parametrize(
    "line",
    [
        '# eval "$(rocmswitch init bash)"',
        "export PATH=/opt/rocmswitch/bin:$PATH",
        "alias r=rocmswitch",
        "rocmswitch list",
    ],
)
def test_a_line_that_only_names_the_program_loads_no_hook(person: CommandLine, line: str):
    (person.home / ".bashrc").write_text(f"{line}\n")

    assert ids(person, "/bin/bash") == ["hook"]
