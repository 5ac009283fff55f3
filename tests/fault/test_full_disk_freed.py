"""A disk without a byte left: what frees space on it works, though it cannot be recorded first."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.filesystems import mounted_image
from tests.support.furnished import environment, prefix

FILLING = b"x" * 3_000_000
NAME = "rocm-6.1.0"


@pytest.fixture(params=["ext4", "xfs", "btrfs"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CommandLine]:
    """With a stack, and an environment of some megabytes that new shells enter and a project leads to."""
    with mounted_image(request.param, tmp_path / "small disk", 40 if request.param == "ext4" else 320) as disk:
        line = CommandLine(disk)
        prefix(line.layout, NAME)
        environment(line.layout, "proj", NAME, bound=False)
        (line.layout.venvs / "proj/filling").write_bytes(FILLING)
        line.home.mkdir()
        (line.home / ".venv").symlink_to(line.layout.venvs / "proj")
        line.succeed("use", NAME, "--shell", "sh")
        line.succeed("use", "proj", "--default", "--shell", "sh")
        yield line


def fill(folder: Path) -> None:
    for size in (1 << 16, 512):
        with contextlib.suppress(OSError), (folder / f"filling-{size}").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * size)
        os.sync()


def free(folder: Path) -> int:
    """Bytes, counting those that are reserved for root, who has filled them too."""
    os.sync()
    found = os.statvfs(folder)
    return found.f_bfree * found.f_frsize


def test_what_is_purged_goes_with_all_that_leads_to_it(line: CommandLine):
    fill(line.folder)

    kept = line.run("remove", "proj", "--yes")
    there = line.succeed("list")
    purged = line.run("remove", str(line.home / ".venv"), "--purge", "--yes")

    assert (kept.code, "proj" in there) == (6, True), kept
    assert purged.code == 0, purged
    assert free(line.folder) > 1_000_000
    left = {path.name for path in (line.home, *line.layout.activations.iterdir(), *line.layout.venvs.iterdir())}
    assert (
        left.isdisjoint({"proj", "proj.sh", "default.sh", "default.fish"})
        and not (line.home / ".venv").is_symlink()
    )
    assert [one["state"] for one in json.loads(line.succeed("history", "--json"))][-1] == "pruned"
    assert line.succeed("run", NAME, "--", "hipcc") == f"hipcc of {NAME}\n"


def test_what_was_removed_is_let_go(line: CommandLine):
    line.succeed("remove", "proj", "--yes")
    fill(line.folder)

    pruned = line.run("backup", "prune", "--yes")

    assert pruned.code == 0, pruned
    assert free(line.folder) > 1_000_000
    assert list((line.layout.venvs / ".trees").iterdir()) == []
