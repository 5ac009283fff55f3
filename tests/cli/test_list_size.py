"""What is installed, and what it takes: `list --size` and `cache size`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.acme import NAME
from tests.support.commandline import CommandLine


@pytest.fixture
def furnished(line: CommandLine) -> CommandLine:
    """Has a prefix, whose tree was replaced by one with more in it, and an environment."""
    line.succeed("install", NAME, "--yes")
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    line.succeed("use", NAME, "--venv", "demo", "--rebind", "--yes")
    return line


def sizes(line: CommandLine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line.succeed("list", "--size", "--json"))
    return found


def trees(line: CommandLine) -> list[Path]:
    return [one for kind in ("prefixes", "venvs") for one in (line.layout.data / kind / ".trees").iterdir()]


def test_all_that_is_installed_or_kept_takes_what_du_says(furnished: CommandLine):
    found = sizes(furnished)

    done = subprocess.run(["du", "-c", "-s", "-B1", *trees(furnished)], capture_output=True, text=True, check=True)
    assert found["bytes"] == int(done.stdout.splitlines()[-1].split()[0])


def test_an_environment_shares_with_the_cache_what_it_has_from_wheels(furnished: CommandLine):
    found = {row["name"]: row for row in sizes(furnished)["trees"]}

    assert found[NAME]["shared_bytes"] == 0
    assert found["demo"]["shared_bytes"] > 0
    assert found["demo"]["own_bytes"] > 0


def test_what_is_kept_for_the_way_back_is_told_as_such(furnished: CommandLine):
    (kept,) = sizes(furnished)["kept"]
    shown = furnished.succeed("list", "--size")

    assert kept["path"].startswith(str(furnished.layout.venvs / ".trees/demo-"))
    (row,) = (line for line in shown.splitlines() if "kept for `rocmswitch undo`" in line)
    assert (kept["name"], row.split()[0]) == ("demo", Path(kept["path"]).name)
    assert shown.splitlines()[-1].startswith("in all")


def test_a_list_of_nothing_takes_nothing(line: CommandLine):
    assert sizes(line) == {"trees": [], "kept": [], "bytes": 0}


def test_the_cache_tells_what_is_needed_again_and_what_is_not(furnished: CommandLine):
    before = json.loads(furnished.succeed("cache", "size", "--json"))
    (furnished.layout.archives / ("0" * 64)).write_bytes(b"nobody's")
    after = json.loads(furnished.succeed("cache", "size", "--json"))

    assert (before["unreferenced"], before["needed"]) == (0, before["bytes"])
    assert (after["unreferenced"], after["needed"]) == (8, before["needed"])
    assert min(before["indexes"], before["wheels"]) > 0


def test_the_cache_tells_what_environments_share_with_it(furnished: CommandLine):
    found = json.loads(furnished.succeed("cache", "size", "--json"))

    shared = sum(row["shared_bytes"] for row in sizes(furnished)["trees"])
    assert 0 < found["shared_wheels"] <= shared
    assert "in unpacked wheels, and " in furnished.succeed("cache", "size")


def test_what_cache_prune_deletes_is_what_nothing_needs(furnished: CommandLine):
    (furnished.layout.archives / ("0" * 64)).write_bytes(b"nobody's")

    said = furnished.run("cache", "prune", "--dry-run").err

    assert "deletes 8 bytes in 1 archive" in said
