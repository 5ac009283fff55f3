"""What programs read: the keys and values of --json, and nothing else on stdout."""

from __future__ import annotations

import json
import platform
from typing import Any

import pytest

from tests.support.acme import NAME
from tests.support.commandline import CommandLine


def read(line: CommandLine, *words: str, **environment: str) -> Any:
    return json.loads(line.tell(line.run(*words, "--json", **environment)).out)


def test_the_plan_of_an_installation(line: CommandLine):
    plan = read(line, "install", NAME, "--dry-run")

    tools = plan["packages"].pop(0)
    assert plan.pop("tree").startswith("acme-1.0-")
    assert [one["name"] for one in plan.pop("packages")] == ["acme-core"]
    sizes = plan.pop("download_size"), plan.pop("cached_size"), plan.pop("installed_size")
    assert sizes[0] > 0 and sizes[1:] == (0, 2048)
    assert tools.pop("size") > 0
    space = plan.pop("space")
    assert [one.pop("free") > one.pop("needed") > 0 for one in space] == [True]
    assert space == [{"folder": "ROOT/data/prefixes"}]
    assert tools == {
        "name": "acme-tools",
        "version": "1.0-1",
        "url": "MIRROR/apt/pool/main/a/acme-tools/acme-tools_1.0-1_amd64.deb",
        "sha256": "HASH",
        "installed_size": 1024,
        "verification": "signed",
        "place": "rocm",
        "because": "",
        "cached": False,
        "shared": False,
    }
    assert plan == {
        "stack": "acme-1.0",
        "version": "1.0.0",
        "sets": ["runtime"],
        "gpus": [],
        "left_out_size": 0,
        "left_out_is_known": True,
        "host": [],
        "sources": [
            {
                "url": "MIRROR/apt",
                "suite": "stable",
                "date": "TIME",
                "fingerprint": "FINGERPRINT",
                "sha256": "HASH",
                "expired": False,
                "kind": "apt",
            }
        ],
        "notes": [],
    }


def test_what_is_installed(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")

    found = read(line, "list")

    assert [one.pop("size") > 0 for one in found] == [True, True]
    common = {"stack": "acme-1.0", "version": "1.0.0", "scope": "user"}
    assert found == [
        {
            "name": "acme-1.0",
            "kind": "prefix",
            "sets": ["runtime"],
            "path": "ROOT/data/prefixes/acme-1.0",
            "used_by": ["demo"],
            **common,
        },
        {
            "name": "demo",
            "kind": "venv",
            "sets": [],
            "path": "ROOT/data/venvs/demo",
            "python": platform.python_version(),
            "torch": "",
            "prefix": "acme-1.0",
            **common,
        },
    ]


def test_what_is_active(line: CommandLine):
    line.succeed("install", NAME, "--yes")

    assert read(line, "current") is None
    assert read(line, "current", ROCMSWITCH_STACK=NAME) == {
        "name": "acme-1.0",
        "kind": "prefix",
        "stack": "acme-1.0",
        "version": "1.0.0",
        "path": "ROOT/data/prefixes/acme-1.0",
        "why": "ROCMSWITCH_STACK says so",
        "reason": "stack",
        "entered": False,
        "convolutions": None,
        "hidden": [{"tool": "ROOT/data/prefixes/acme-1.0/usr/bin/rocminfo", "by": ""}],
        "warnings": [
            "`acme-1.0` is not entered in this shell: run `rocmswitch use acme-1.0`, "
            'or load the hook where it is not: `eval "$(rocmswitch init bash)"`'
        ],
    }


def test_a_stack_with_its_manifest_and_its_receipt(line: CommandLine):
    before = read(line, "show", NAME)
    line.succeed("install", NAME, "--yes")
    after = read(line, "show", NAME)

    assert (before["receipt"], before["path"]) == (None, None)
    assert before["manifest"]["name"] == after["manifest"]["name"] == NAME
    assert [one["verification"] for one in after["receipt"]["packages"]] == ["signed", "signed"]
    assert after["path"] == "ROOT/data/prefixes/acme-1.0"


def test_an_environment_is_shown_by_the_path_that_run_takes(line: CommandLine):
    line.succeed("use", NAME, "--venv", "./.venv", "--yes")

    assert read(line, "show", "./.venv")["receipt"]["stack"] == NAME


def test_faults(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    (line.layout.prefixes / NAME / "usr/bin").chmod(0o755)

    assert read(line, "verify") == [
        {
            "name": "acme-1.0",
            "path": "ROOT/data/prefixes/acme-1.0",
            "faults": [{"path": "usr/bin", "what": "mode", "expected": "0555", "found": "0755"}],
            "deployed": [],
        }
    ]


def test_the_cache(line: CommandLine):
    line.succeed("install", NAME, "--yes")

    found = read(line, "cache", "size")

    assert (found["files"], found["kept"], found["path"]) == (2, 0, "ROOT/cache")
    assert found["bytes"] > 0


@pytest.mark.parametrize(
    "words",
    [(*verb, "nosuch") for verb in (("show",), ("install",), ("use",), ("verify",), ("remove",), ("doctor",))],
)
def test_a_failure_leaves_stdout_empty_and_is_told_in_lines_of_a_fixed_form(
    line: CommandLine, words: tuple[str, ...]
):
    outcome = line.run(*words, "--json")

    assert (outcome.code, outcome.out, outcome.error.count("`nosuch`")) == (3, "", 1)
    assert outcome.err.splitlines()[-2:] == [f"error: {outcome.error}", f"hint: {outcome.hint}"]


def test_nothing_to_plan_is_null(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")

    assert read(line, "install", NAME) is None
    assert read(line, "use", NAME) is None
    assert read(line, "use", "demo") is None
    assert read(line, "use", NAME, "--venv", "demo") is None
    assert read(line, "use", NAME, "--venv", "demo", "--dry-run") is None


def test_a_plan_that_is_carried_out_stands_alone_on_stdout(line: CommandLine):
    assert read(line, "use", NAME, "--yes")["stack"] == NAME
    assert read(line, "use", NAME, "--venv", "demo", "--yes")["environment"] == "demo"
