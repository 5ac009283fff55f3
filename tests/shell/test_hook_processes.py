"""No process is started at a prompt, on the way into a project and out of it, nor when a shell starts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.model.activation import CardVariable, ResolvedActivation
from tests.support.kfd import RX5700XT, plug
from tests.support.posixstacks import HOOKED, PosixStacks
from tests.support.shells import Terminal, account

LINES = (
    "cd new",
    ":",
    "cd ../old",
    "",
    "cd ../cards",
    "cd ..",
    "cd old",
    "deactivate",
    "cd ../new",
    "rocmswitch_off",
    "cd ~",
    "cd hostile",
)
NEW_PROCESS = re.compile(r"^(\d+ +)?(clone3?|v?fork|execve)\(.*\) += (\d+)", re.MULTILINE)


@pytest.fixture
def stacks(tmp_path: Path) -> PosixStacks:
    stacks = PosixStacks.furnished(tmp_path / "person")
    stacks.add("cards", ResolvedActivation((), (), (CardVariable("gfx1010", "HSA_X", "1"),)))
    stacks.project("cards", "cards\n")
    stacks.project("hostile", "$(x)\n")
    stacks.alias("default", "rocm-5.2.0")
    plug(stacks.home / "machine", RX5700XT)
    return stacks


def started(shell: str, stacks: PosixStacks, rc: str, lines: tuple[str, ...], folder: Path) -> list[str]:
    """The system calls that made a process or a program of one, from the first of the shell on."""
    if shutil.which("strace") is None:
        pytest.skip("no strace here: apt install strace")
    trace = folder / "trace"
    before = ("strace", "-f", "-qq", "-e", "trace=process", "-o", str(trace))
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may trace nothing here")
    environment = {
        **account(stacks.home),
        "TERM": "dumb",
        "ROCMSWITCH_SYSROOT": str(stacks.home / "machine"),
        "LD_LIBRARY_PATH": "/opt/rocm/lib:/usr/lib",
    }
    with Terminal.opened(shell, stacks.home, rc=rc, environment=environment, before=before) as terminal:
        for line in lines:
            terminal.type(line)
        terminal.end()
    return [found[0] for found in NEW_PROCESS.finditer(trace.read_text(errors="replace"))]


@pytest.mark.parametrize("shell", HOOKED)
def test_no_process_is_started_by_the_hook(shell: str, stacks: PosixStacks, tmp_path: Path):
    bare = started(shell, stacks, "", ("cd new", "cd ~"), tmp_path)

    hooked = started(shell, stacks, stacks.quiet_hook(shell), LINES, tmp_path)

    assert len(bare) == 1, bare  # the shell itself
    assert len(hooked) == len(bare), hooked


@pytest.mark.parametrize("shell", HOOKED)
def test_no_program_is_looked_for_by_the_hook(shell: str, stacks: PosixStacks, tmp_path: Path):
    """The same without strace: every program that PATH could lead to would leave a trace."""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name in sorted({file.name for folder in ("/usr/bin", "/bin") for file in Path(folder).iterdir()}):
        if not (stubs / name).exists():
            (stubs / name).symlink_to("../recorder")
    (tmp_path / "recorder").write_text(f'#!/bin/sh\necho "$0" >>{tmp_path}/recorded\n')
    (tmp_path / "recorder").chmod(0o755)

    rc = f"PATH={stubs}\n{stacks.quiet_hook(shell)}"
    with Terminal.opened(shell, stacks.home, rc=rc) as terminal:
        for line in LINES:
            terminal.type(line)

    assert not (tmp_path / "recorded").exists()


@pytest.mark.parametrize("shell", HOOKED)
def test_no_file_is_looked_at_where_nothing_changed(shell: str, stacks: PosixStacks, tmp_path: Path):
    if shutil.which("strace") is None:
        pytest.skip("no strace here: apt install strace")
    trace = tmp_path / "trace"
    before = ("strace", "-f", "-qq", "-e", "trace=%file", "-o", str(trace))
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may trace nothing here")

    with Terminal.opened(shell, stacks.home, rc=stacks.quiet_hook(shell), before=before) as terminal:
        terminal.type("cd new")
        seen = trace.stat().st_size
        for _ in range(5):
            terminal.type(":")
        looked = trace.read_text()[seen:].splitlines()

    assert [line for line in looked if '""' not in line] == []  # zsh asks what its terminal is
