"""What programs read of removals: `remove`, `repair`, `cache prune` and `uninstall` plan, too."""

from __future__ import annotations

import json
from typing import Any

from tests.support.acme import NAME
from tests.support.commandline import CommandLine
from tests.support.documented import documented, keys
from tests.support.trees import replace_content


def read(line: CommandLine, *words: str) -> Any:
    return json.loads(line.tell(line.run(*words, "--json")).out)


def missing(section: str, told: Any) -> set[str]:
    """Keys that the document has and *told* has not: lists of which there is no member."""
    return {key for key in documented(section) - set(keys(told)) if "[]" not in key}


def test_a_removal_that_is_only_planned(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    line.succeed("use", NAME, "--default", "--shell", "sh")

    told = read(line, "remove", NAME, "--dry-run")

    assert missing("remove", told) == set(keys(told)) - documented("remove") == set()
    assert told.pop("size") > 0 and told.pop("freed") > 0
    assert told == {
        "name": NAME,
        "kind": "prefix",
        "path": f"ROOT/data/prefixes/{NAME}",
        "linked": "",
        "shortcut": "",
        "used_by": ["demo"],
        "is_default": True,
        "purges": False,
        "forgets": [],
        "running": [],
        "generation": None,
    }


def test_a_removal_that_is_done_says_which_generation_it_became(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")

    first = read(line, "venv", "remove", "demo", "--yes")
    second = read(line, "remove", NAME, "--purge", "--yes")

    assert [first["generation"], second["generation"]] == [1, 2]
    assert (first["purges"], second["purges"]) == (False, True)


def test_a_removal_without_consent_tells_programs_nothing_that_happened(line: CommandLine):
    line.succeed("install", NAME, "--yes")

    outcome = line.run("remove", NAME, "--json")

    assert (outcome.code, outcome.out) == (5, "")


def test_a_repair_is_planned_as_an_installation(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    whole = read(line, "repair", NAME)
    replace_content(line.layout.prefixes / NAME / "usr/bin/greet", b"echo")

    plan = read(line, "repair", NAME, "--dry-run")

    assert whole is None
    assert (plan["stack"], sorted(one["name"] for one in plan["packages"])) == (NAME, ["acme-core", "acme-tools"])


def test_what_leaves_the_cache(line: CommandLine):
    line.succeed("install", NAME, "--yes")

    plan = read(line, "cache", "prune", "--all", "--dry-run")

    assert (plan["archives"], plan["wheels"]) == (2, 0)
    assert plan["bytes"] > 0


def test_all_that_goes(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")

    plan = read(line, "uninstall", "--dry-run")

    assert missing("uninstall", plan) == set()
    assert (sorted(plan["names"]), plan["hooks"], plan["config"]) == ([NAME, "demo"], [], "")
    assert (plan["puts_back"], plan["gone"], plan["adopted"], plan["replaced"]) == ([], [], [], [])
    assert "ROOT/data/activations" in plan["folders"] and plan["freed"] > 0
