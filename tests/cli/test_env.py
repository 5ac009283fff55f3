"""`rocmswitch env`: for shells, and for programs that are none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.kfd import RX5700XT, plug
from tests.support.shells import account, dumped, dumping, run

GPUS = {
    "gfx1010": {"support": "partial", "environment": {"HSA_OVERRIDE_GFX_VERSION": "10.3.0"}},
    "gfx90a": {"support": "official", "environment": {"HSA_X": "other"}},
}


@pytest.fixture
def installed(line: CommandLine, site: AcmeSite) -> CommandLine:
    site.let(line, gpus=GPUS)
    line.succeed("install", NAME, "--yes")
    return line


@pytest.mark.parametrize("shell", ["bash", "zsh", "sh", "fish"])
def test_a_shell_evaluates_it_and_leaves_again_without_any_file_of_ours(
    installed: CommandLine, shell: str, tmp_path: Path
):
    text = installed.succeed("env", NAME, "--shell", shell, "--gpu", "gfx1010")
    before, inside, after = (tmp_path / name for name in ("before", "inside", "after"))
    lines = (dumping(before), text, dumping(inside), "rocmswitch_off", dumping(after))

    done = run("dash" if shell == "sh" else shell, "\n".join(lines), folder=tmp_path, environment=account(tmp_path))

    assert (done.code, done.err) == (0, b"")
    seen = dumped(inside)
    assert (seen[b"ROCMSWITCH_ACTIVE"], seen[b"HSA_OVERRIDE_GFX_VERSION"]) == (NAME.encode(), b"10.3.0")
    assert seen[b"PATH"].startswith(f"{installed.layout.prefixes}/{NAME}/usr/bin:".encode())
    assert dumped(after) == dumped(before)


def test_json_is_for_the_card_of_this_machine(installed: CommandLine, tmp_path: Path):
    root = plug(tmp_path / "root", RX5700XT)

    told = json.loads(installed.succeed("env", NAME, "--shell", "json", ROCMSWITCH_SYSROOT=str(root)))
    other = json.loads(installed.succeed("env", NAME, "--shell", "json", "--gpu", "gfx90a"))

    assert told["name"] == NAME
    assert told["variables"]["HSA_OVERRIDE_GFX_VERSION"] == "10.3.0" and "HSA_X" not in told["variables"]
    assert other["variables"]["HSA_X"] == "other" and "HSA_OVERRIDE_GFX_VERSION" not in other["variables"]
    assert told["paths"]["PATH"] == [f"{installed.layout.prefixes}/{NAME}/usr/bin"]


def test_dotenv_holds_whole_values(installed: CommandLine):
    text = installed.succeed("env", NAME, "--shell", "dotenv", "--gpu", "gfx1010", PATH="/usr/bin:/bin")
    values = dict(row.split("=", 1) for row in text.splitlines())

    assert values["HSA_OVERRIDE_GFX_VERSION"] == "10.3.0"
    assert values["PATH"] == f"{installed.layout.prefixes}/{NAME}/usr/bin:/usr/bin:/bin"


def test_dotenv_from_inside_another_stack_holds_nothing_of_that(installed: CommandLine):
    outer = {
        "_ROCMSWITCH_DONE": "add:PATH ",
        "_ROCMSWITCH_OLD_PATH": "was:/bin",
        "_ROCMSWITCH_NEW_PATH": "/other/bin",
    }

    text = installed.succeed("env", NAME, "--shell", "dotenv", PATH="/other/bin:/bin", **outer)

    assert "/other/bin" not in text


def test_a_modulefile_is_one_that_tcl_can_read(installed: CommandLine, tmp_path: Path):
    text = installed.succeed("env", NAME, "--shell", "modulefile")
    (tmp_path / "module").write_text(text)

    assert text.startswith("#%Module1.0\n")
    assert f'prepend-path PATH "{installed.layout.prefixes}/{NAME}/usr/bin"' in text
    assert 'rocmswitch_card "gfx1010" ""' in text
    if Path("/usr/bin/tclsh").exists():
        complete = f"set f [open {tmp_path / 'module'}]; puts [info complete [read $f]]"
        done = subprocess.run(["tclsh"], input=complete, capture_output=True, text=True, check=True)
        assert done.stdout == "1\n"


def test_what_a_format_cannot_hold_is_an_error_that_names_the_variable(installed: CommandLine, site: AcmeSite):
    site.let(installed, gpus={"gfx1010": {"support": "partial", "environment": {"HSA_X": "a #b"}}})
    installed.succeed("remove", NAME, "--yes")
    installed.succeed("install", NAME, "--yes")

    outcome = installed.run("env", NAME, "--shell", "dotenv", "--gpu", "gfx1010")

    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.error == "`HSA_X` holds a `#` that begins a comment, which a .env file cannot keep"


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--gpu", "nonsense"), "`nonsense` is not a card like `gfx1010`"),
        (("--profile", "nope"), f"`{NAME}` has no profile `nope`, and no other either"),
    ],
)
def test_a_card_or_a_profile_that_there_cannot_be_is_refused(
    installed: CommandLine, option: tuple[str, str], said: str
):
    outcome = installed.run("env", NAME, *option)

    assert (outcome.code, outcome.out, outcome.error) == (2, "", said)
