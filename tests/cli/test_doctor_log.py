"""`rocmswitch doctor --log`: what a pasted error points at, and what is found here that confirms it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rocmswitch.model.trouble import Trouble
from rocmswitch.planning.errorlog import TROUBLES
from tests.support.commandline import CommandLine
from tests.support.errorlogs import TRACEBACK
from tests.support.kfd import RX5700XT, plug
from tests.support.scenes import parses


@pytest.fixture
def log(line: CommandLine) -> Path:
    line.home.mkdir(parents=True, exist_ok=True)
    file = line.home / "a crash.txt"
    file.write_text(TRACEBACK)
    return file


def test_a_file_is_explained_and_ends_with_4(line: CommandLine, log: Path, tmp_path: Path):
    outcome = line.run("doctor", "--log", str(log), "--sysroot", str(tmp_path))

    assert (outcome.code, outcome.error) == (4, f"`{log}` points at 1 fault")
    assert outcome.out.splitlines() == [
        "surely: the program has no code for this card  [no-code]",
        f"  where: {log}:5",
        "  why: the text says `RuntimeError: HIP error: invalid device function`: PyTorch or the library was not "
        "compiled for it, so that nothing can run on it",
        "  fix: run `rocmswitch gpu`: it says which stacks have code for it; `rocmswitch recommend` chooses one",
        "  seen: ROCm/ROCm#4208",
    ]


def test_what_is_found_here_confirms_it(line: CommandLine, tmp_path: Path):
    text = "HIP out of memory\nUnable to open /dev/kfd read-write: No such file or directory\n"
    machine = plug(tmp_path / "machine", RX5700XT)

    outcome = line.run("doctor", "--log", "-", "--sysroot", str(machine), stdin=text)

    assert outcome.out.splitlines()[:2] == [
        "confirmed: there is no device file of the card  [device]",
        "  where: stdin:2",
    ]
    assert (
        "  here: a card is there, but not `/dev/kfd` and `/dev/dri/renderD128`  [device]"
        in outcome.out.splitlines()
    )
    assert "surely: the card's memory is full  [out-of-memory]" in outcome.out.splitlines()


def test_programs_read_the_line_and_what_confirms_it(line: CommandLine, tmp_path: Path):
    machine = plug(tmp_path / "machine", RX5700XT)
    text = "\x1b[31mUnable to open /dev/kfd: No such file or directory\x1b[0m\n"

    outcome = line.run("doctor", "--json", "--log", "-", "--sysroot", str(machine), stdin=text)

    answer = json.loads(outcome.out)
    (one,) = answer["likely"]
    assert (outcome.code, answer["log"], answer["lines"]) == (4, "stdin", 2)
    assert (one["id"], one["sure"], one["where"], one["line"]) == ("device", "surely", "stdin:1", 1)
    assert one["text"] == "Unable to open /dev/kfd: No such file or directory"
    assert [found["id"] for found in one["confirmed"]] == ["device"]


@pytest.mark.parametrize("text", ["", "all is well\n", "\x00\x01\x02"])
def test_what_nobody_knows_ends_well_and_says_what_else_there_is(line: CommandLine, text: str):
    outcome = line.run("doctor", "--log", "-", stdin=text)

    assert (outcome.code, outcome.out) == (0, "")
    assert "run `rocmswitch doctor`" in outcome.err and "`rocmswitch probe VENV`" in outcome.err


def test_programs_get_an_answer_also_where_nothing_is_known(line: CommandLine):
    assert json.loads(line.run("doctor", "--json", "--log", "-", stdin="fine").out)["likely"] == []


def test_what_a_shell_passes_as_a_pipe_is_read(line: CommandLine, tmp_path: Path):
    command = f'"{sys.executable}" -m rocmswitch doctor --sysroot "{tmp_path}" --log <(echo HIP out of memory)'

    done = subprocess.run(
        ["bash", "-c", command], env=line.variables(), capture_output=True, text=True, check=False
    )

    assert (done.returncode, "[out-of-memory]" in done.stdout) == (4, True), done.stderr


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("nothing", 3, "there is no file `nothing`"),
        (".", 1, "`.` cannot be read: Is a directory"),
    ],
)
def test_a_log_that_cannot_be_read_is_said_in_a_sentence(line: CommandLine, name: str, code: int, said: str):
    outcome = line.run("doctor", "--log", name)

    assert (outcome.code, outcome.error) == (code, said)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_log_of_somebody_else_is_said_in_a_sentence(line: CommandLine, log: Path):
    log.chmod(0)

    assert line.run("doctor", "--log", str(log)).error == f"`{log}` cannot be read: Permission denied"


def test_a_large_log_is_read_as_far_as_is_said(line: CommandLine, tmp_path: Path):
    file = tmp_path / "large"
    with file.open("wb") as stream:
        stream.write(b"HIP out of memory\n")
        stream.truncate(9 * 2**20)

    outcome = line.run("doctor", "--log", str(file), "--sysroot", str(tmp_path))

    assert (outcome.code, "only the first 8 MiB are looked at" in outcome.err) == (4, True)


def test_to_explain_and_to_change_at_once_is_refused(line: CommandLine, log: Path):
    outcome = line.run("doctor", "--log", str(log), "--fix", "hook")

    assert (outcome.code, outcome.error) == (2, "`--log` only explains, and `--fix` changes something")


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: one.id)
def test_the_commands_of_a_remedy_are_commands(trouble: Trouble):
    for command in re.findall(r"`rocmswitch ([^`]*)`", trouble.fix):
        words = [word.strip("{}") for word in command.partition(" -- ")[0].split()]
        parses([*words, "--", "true"] if " -- " in command else words)
