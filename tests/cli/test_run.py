"""`run`: the command takes the place of rocmswitch, in one stack and nothing of another, whoever started it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rocmswitch.model.activation import CardVariable
from tests.support.commandline import CommandLine
from tests.support.furnished import environment, prefix
from tests.support.kfd import RX5700XT, RX6800, plug

STACK, OLD = "rocm-6.2.4", "rocm-5.2.0"
CARDS = (
    CardVariable("gfx1010", "HSA_OVERRIDE_GFX_VERSION", "10.3.0"),
    CardVariable("gfx1010", "MIOPEN_FIND_MODE", "1", "rdna1-safe"),
)
ROCMSWITCH = [sys.executable, "-m", "rocmswitch"]


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """With two stacks, and an environment of each."""
    line = CommandLine(tmp_path)
    prefix(line.layout, STACK, cards=CARDS)
    prefix(line.layout, OLD, tools=("hipcc", "rocminfo"))
    environment(line.layout, "proj", STACK)
    environment(line.layout, "bundled", STACK, bound=False, cards=CARDS)
    line.home.mkdir(exist_ok=True)
    return line


def variables(line: CommandLine, target: str, **outside: str) -> dict[str, str]:
    shown = line.succeed("run", target, "--", "/usr/bin/env", "-0", **outside)
    return dict(entry.split("=", 1) for entry in shown.split("\0") if entry)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (STACK, f"hipcc of {STACK}"),
        ("6.2", f"hipcc of {STACK}"),
        ("5.2", f"hipcc of {OLD}"),
        ("proj", f"hipcc of {STACK}"),
    ],
)
def test_the_tools_of_the_target_are_found_first(line: CommandLine, target: str, said: str):
    assert line.succeed("run", target, "--", "hipcc") == f"{said}\n"


def test_an_environment_s_path_is_a_target_and_so_is_the_link_that_a_project_has(line: CommandLine):
    project = line.home / "my project"
    project.mkdir()
    (project / ".venv").symlink_to(line.layout.venvs / "proj")

    for path in (str(line.layout.venvs / "proj"), "./my project/.venv"):
        assert line.succeed("run", path, "--", "python") == "python of an environment\n"


@pytest.mark.parametrize("words", [("sh", "-c", "exit 3"), ("--", "sh", "-c", "exit 3")])
def test_the_exit_code_is_the_command_s_own(line: CommandLine, words: tuple[str, ...]):
    outcome = line.run("run", STACK, *words)

    assert (outcome.code, outcome.out, outcome.err) == (3, "", "")


def test_the_command_s_own_options_are_not_ours(line: CommandLine):
    assert line.succeed("run", STACK, "--", "echo", "--help", "--json", "--", "-x") == "--help --json -- -x\n"


def test_a_signal_reaches_the_command_and_nothing_stands_between(line: CommandLine):
    with subprocess.Popen(
        [*ROCMSWITCH, "run", STACK, "--", "sh", "-c", "echo $$; exec cat"],
        env=line.variables(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM


@pytest.mark.parametrize("kept", [("PATH", "HOME"), ("HOME",), ("PATH",), ()])
def test_it_runs_as_cron_slurm_and_systemd_start_it(line: CommandLine, kept: tuple[str, ...]):
    everything = line.variables()
    few = {name: everything[name] for name in ("ROCMSWITCH_HOME", *kept)}

    done = subprocess.run(
        [
            "/bin/sh",
            "-c",
            'exec "$@" <&- 2>&-',
            "sh",
            *ROCMSWITCH,
            "run",
            STACK,
            "--",
            "sh",
            "-c",
            "hipcc; ls / | wc -l",
        ],
        env=few,
        capture_output=True,
        text=True,
        check=False,
    )

    said, count = done.stdout.splitlines()
    assert (done.returncode, said, int(count) > 0) == (0, f"hipcc of {STACK}", True)


def test_nothing_of_a_stack_around_it_is_left_inside(line: CommandLine):
    alone = variables(line, STACK)

    nested = line.succeed(
        "run", OLD, "--", *ROCMSWITCH, "run", STACK, "--", "/usr/bin/env", "-0", ROCMSWITCH_STACK=OLD
    )

    assert dict(entry.split("=", 1) for entry in nested.split("\0") if entry) == alone
    assert OLD not in nested


def test_it_is_known_inside_what_is_active(line: CommandLine):
    told = line.succeed("run", "proj", "--", *ROCMSWITCH, "current", ROCMSWITCH_STACK=OLD)

    assert told == f"proj  (`use` in this shell, {line.layout.venvs / 'proj'})\n"


@pytest.mark.parametrize("target", [STACK, "proj", "bundled"])
@pytest.mark.parametrize(
    ("outside", "inside"),
    [
        ({}, None),
        ({"ROCMSWITCH_SYSROOT": "MACHINE"}, "10.3.0"),
        ({"ROCMSWITCH_SYSROOT": "MACHINE", "ROCMSWITCH_GPU": "gfx1030"}, None),
        ({"ROCMSWITCH_GPU": "gfx1010"}, "10.3.0"),
    ],
)
def test_the_first_card_s_variables_are_set(
    line: CommandLine, tmp_path: Path, target: str, outside: dict[str, str], inside: str | None
):
    machine = plug(tmp_path / "machine", RX5700XT, RX6800)
    empty = tmp_path / "empty"
    outside = {"ROCMSWITCH_SYSROOT": str(empty)} | {
        name: value.replace("MACHINE", str(machine)) for name, value in outside.items()
    }

    found = variables(line, target, **outside)

    assert found.get("HSA_OVERRIDE_GFX_VERSION") == inside
    assert "MIOPEN_FIND_MODE" not in found


def test_a_profile_is_set_where_the_user_names_it(line: CommandLine):
    found = variables(line, STACK, ROCMSWITCH_GPU="gfx1010", ROCMSWITCH_PROFILE="rdna1-safe")

    assert (found["HSA_OVERRIDE_GFX_VERSION"], found["MIOPEN_FIND_MODE"]) == ("10.3.0", "1")


def test_values_of_any_bytes_reach_the_command(line: CommandLine):
    outside = {**os.environ, **line.variables(), "LIBRARY_PATH": "/it's \udcff\n:"}

    done = subprocess.run(
        [*ROCMSWITCH, "run", STACK, "--", "/usr/bin/env", "-0"], env=outside, capture_output=True, check=True
    )

    assert b"LIBRARY_PATH=/it's \xff\n:\0" in done.stdout


def test_a_file_that_is_no_program_is_told_in_words(line: CommandLine):
    script = line.home / "no-shebang"
    script.write_text("")
    script.chmod(0o755)

    outcome = line.run("run", STACK, "--", "./no-shebang")

    assert outcome.code == 1 and "no-shebang" in outcome.error and "Traceback" not in outcome.err


def test_a_user_without_a_home_is_told_what_to_set():
    somebody = ["unshare", "--user", "--map-user=54321"]
    if shutil.which("unshare") is None or subprocess.call([*somebody, "true"], stderr=subprocess.DEVNULL):
        pytest.skip("no other user to be had: unshare of util-linux, and user namespaces")

    done = subprocess.run(
        [*somebody, *ROCMSWITCH, "list"], env={"PATH": "/bin"}, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr == "error: this user has no home folder, and neither HOME nor ROCMSWITCH_HOME names one\n"


def test_a_home_that_no_list_of_folders_can_name_is_refused(tmp_path: Path):
    home = tmp_path / "a:b"

    done = subprocess.run(
        [*ROCMSWITCH, "list"], env={"ROCMSWITCH_HOME": str(home)}, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr.startswith(f"error: `{home}/data` has a colon, which parts the folders of PATH")
    assert not home.exists()
