"""Which stacks a lock has, where it may be written, and a lock of the other kind."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from rocmswitch.metadata.treelock import parse_tree_lock
from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.trees import replace_content


def stacks(lock: str) -> list[str]:
    return [one.stack for one in parse_tree_lock(lock.encode(), "lock").prefixes]


@pytest.fixture
def linked(line: CommandLine) -> CommandLine:
    """acme-1.0, and a ROCm that something else installed."""
    line.succeed("install", NAME, "--yes")
    folder = line.folder / "opt/rocm-6.2.4"
    (folder / "lib").mkdir(parents=True)
    (folder / ".info").mkdir()
    (folder / ".info/version").write_text("6.2.4-1\n")
    library = (line.layout.prefixes / NAME / "usr/lib/libacme.so.1").read_bytes()
    (folder / "lib/libamdhip64.so.6").write_bytes(library)
    line.succeed("link", str(folder), "mine-6.2.4", "--yes")
    return line


def test_a_lock_of_all_leaves_out_what_no_packages_make_and_says_so(linked: CommandLine):
    outcome = linked.run("lock", "-o", "-")

    assert (outcome.code, stacks(outcome.out)) == (0, [NAME]), outcome
    assert outcome.err == "without mine-6.2.4: no packages make it what it is\n"


def test_a_lock_of_all_says_that_a_damaged_stack_is_not_in_it(line: CommandLine, site: AcmeSite):
    site.let(line, "acme-1.1")
    line.succeed("install", NAME, "--yes")
    line.succeed("install", "acme-1.1", "--yes")
    replace_content(line.layout.prefixes / "acme-1.1/.rocmswitch/receipt.json", b"{")

    outcome = line.run("lock", "-o", "-")

    assert (outcome.code, stacks(outcome.out)) == (0, [NAME]), outcome
    assert outcome.err == "without acme-1.1, which is damaged: `rocmswitch repair acme-1.1`\n"


def test_a_linked_stack_that_is_named_is_refused(linked: CommandLine):
    outcome = linked.run("lock", NAME, "mine-6.2.4", "-o", "-")

    assert (outcome.code, outcome.out) == (5, "")
    assert outcome.error == "`mine-6.2.4` cannot be locked: no packages make it what it is"


def test_a_lock_takes_the_place_of_a_file_alone(line: CommandLine, tmp_path: Path):
    line.succeed("install", NAME, "--yes")
    os.mkfifo(tmp_path / "pipe")

    outcome = line.run("lock", NAME, "-o", str(tmp_path / "pipe"), "--yes")

    assert outcome.code == 2, outcome
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)


def test_a_lock_on_stdout_is_the_one_that_is_written(line: CommandLine, tmp_path: Path):
    line.succeed("install", NAME, "--yes")
    line.succeed("lock", NAME, "-o", str(tmp_path / "lock"))

    assert json.loads(line.succeed("lock", NAME, "-o", "-")) == json.loads((tmp_path / "lock").read_text())
