"""What nobody foresaw: the user still gets one line and an exit code, and a traceback only when asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine, Outcome

PLANTED_BUG = """
import sys
from rocmswitch.cli import list, main
list.command.callback = lambda **_: 1 / 0
sys.argv = ["rocmswitch", *sys.argv[1:]]
main.main()
"""


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


def run_with_a_bug(line: CommandLine, *words: str) -> Outcome:
    command = [sys.executable, "-c", PLANTED_BUG, *words]
    done = subprocess.run(command, env=line.variables(), capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_an_error_of_the_disk_that_nobody_translated_names_its_path(line: CommandLine) -> None:
    line.layout.cache.mkdir(parents=True)
    line.layout.archives.write_text("a file where a folder should be")

    outcome = line.run("cache", "size")

    archives = line.layout.archives
    said = f"error: `{archives}` could not be used (Not a directory)\n"
    assert outcome == Outcome(1, "", f"{said}hint: run `mv {archives} {archives}.away`, then the same command\n")


def test_its_traceback_is_shown_when_asked_for(line: CommandLine) -> None:
    line.layout.cache.mkdir(parents=True)
    line.layout.archives.write_text("a file where a folder should be")

    outcome = line.run("--debug", "cache", "size")

    assert "Traceback" in outcome.err
    assert outcome.error == f"`{line.layout.archives}` could not be used (Not a directory)"


def test_output_that_cannot_be_written_is_one_line_and_the_code_for_a_full_disk(line: CommandLine) -> None:
    command = [sys.executable, "-m", "rocmswitch", "list", "--available"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, env=line.variables(), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert (done.returncode, done.stderr) == (6, "error: the system refused: No space left on device\n")


def test_a_reader_who_has_gone_is_no_error(line: CommandLine) -> None:
    command = [sys.executable, "-m", "rocmswitch", "list", "--available"]
    process = subprocess.Popen(command, env=line.variables(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()

    assert process.stderr is not None
    assert (process.stderr.read(), process.wait()) == (b"", 0)
    process.stderr.close()


def test_a_bug_is_called_one_with_the_command_that_shows_more(line: CommandLine) -> None:
    assert run_with_a_bug(line, "list") == Outcome(
        1,
        "",
        "error: this is a bug in rocmswitch: ZeroDivisionError: division by zero\n"
        "hint: run `rocmswitch --debug list` and report what it says\n",
    )


def test_that_command_shows_the_traceback(line: CommandLine) -> None:
    outcome = run_with_a_bug(line, "--debug", "list")

    assert outcome.code == 1
    assert outcome.err.startswith("Traceback")
    assert outcome.error == "this is a bug in rocmswitch: ZeroDivisionError: division by zero"
