"""A caller has closed standard input, output or error: what the program opens next must not take their places."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.cputorch import cpu_torch


def run(line: CommandLine, closed: str, *words: str) -> subprocess.CompletedProcess[str]:
    line.home.mkdir(exist_ok=True)
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "rocmswitch", *words]
    return subprocess.run(command, env=line.variables(), capture_output=True, text=True, check=False)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_table_is_for_whoever_listens(tmp_path: Path, closed: str):
    found = run(CommandLine(tmp_path), closed, "list", "--available")

    assert found.returncode == 0, found
    assert ("rocm-6" in found.stdout) == (">&-" not in closed.replace("2>&-", ""))
    assert "bug" not in found.stderr


@pytest.mark.parametrize("closed", ["<&-", "<&- 2>&-"])
def test_the_probe_talks_with_its_processes_where_its_input_is_closed(tmp_path: Path, closed: str):
    page = tmp_path / "page.html"
    words = ("--ops", "tensors-create-float32", "--device", "cpu", "--html", os.fspath(page))

    found = run(CommandLine(tmp_path), closed, "probe", str(cpu_torch()), *words)

    assert (found.returncode, "1 of 1 work" in found.stdout) == (0, True), found
    assert page.is_file()
