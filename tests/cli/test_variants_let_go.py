"""What was saved for variants that were removed goes when it is let go of, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.acme import NAME
from tests.support.commandline import CommandLine
from tests.support.variants import VARIANT, answers, deploy, patched


def test_letting_go_of_a_removed_variant_frees_it_and_what_it_was_before(line: CommandLine, tmp_path: Path):
    line.succeed("install", NAME, "--yes")
    for value in (7, 8):
        assert deploy(line, patched(tmp_path, value)).code == 0
    line.succeed("remove", VARIANT, "--yes")
    assert deploy(line, patched(tmp_path, 9)).code == 0

    told = json.loads(line.succeed("backup", "prune", "--dry-run", "--json"))
    line.succeed("backup", "prune", "--yes")

    assert [one["number"] for one in told["changes"]] == [1, 2, 3]
    assert len(list((line.layout.prefixes / ".trees").iterdir())) == 2
    assert answers(line, NAME, VARIANT) == [42, 9]
