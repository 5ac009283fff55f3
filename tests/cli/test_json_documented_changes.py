"""docs/json.md names every key of what is planned, changed, looked back at and judged, too."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.support.acme import NAME
from tests.support.commandline import CommandLine
from tests.support.documented import DOCUMENT, documented, keys, told
from tests.support.drivercommand import Driver
from tests.support.errorlogs import TRACEBACK
from tests.support.patched import foreign, patched, write
from tests.support.recoveries import broken_root

STATES = re.compile(r"\b(now|then|before|after|placed|place)\..*")
"""What lies below is described once, in words."""


def shown(text: str) -> set[str]:
    return {STATES.sub(r"\1", key) for key in keys(json.loads(text))}


def in_front(names: set[str]) -> set[str]:
    return {re.split(r"[.\[]", name)[0] for name in names}


def may_be_empty(section: str) -> set[str]:
    """Lists whose members are texts: where they are empty, programs do not see the key here."""
    return {key for key in documented(section) if key.endswith("[]")}


def test_the_plan_of_an_environment_is_documented(line: CommandLine):
    plan = json.loads(line.succeed("use", NAME, "--venv", "demo", "--dry-run", "--json"))
    plan.pop("install")

    assert set(keys(plan)) | may_be_empty("use") == documented("use")


def test_what_is_active_and_what_is_installed_is_documented(line: CommandLine):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    (line.layout.prefixes / NAME / "usr/bin").chmod(0o755)

    active = shown(line.run("current", "--json", ROCMSWITCH_STACK="demo").out)
    found = told(line, "show", "demo")
    judged = told(line, "verify")

    assert active == documented("current")
    assert (documented("show") - found, in_front(found)) == ({"manifest", "receipt"}, in_front(documented("show")))
    assert judged == {key for key in documented("verify") if "deployed" not in key}


def test_what_is_wrong_is_documented(line: CommandLine, tmp_path: Path):
    line.home.mkdir(parents=True, exist_ok=True)
    log = write(tmp_path / "log", TRACEBACK.encode())

    findings = shown(line.run("doctor", "--json", SHELL="/bin/bash").out)
    likely = told(line, "doctor", "--log", str(log))

    assert findings == documented("doctor")
    assert {key.replace("likely[]", "[]") for key in likely} - documented("doctor") == {
        *("log", "lines", "[].sure", "[].line", "[].text", "[].seen[]")
    }
    assert told(line, "init", "zsh", "--install", "--dry-run") == documented("init")


def test_a_change_and_its_way_back_are_documented(tmp_path: Path):
    line = CommandLine(tmp_path)
    line.home.mkdir(exist_ok=True)
    venv = str(foreign(tmp_path / "venv").parents[2])
    library = write(tmp_path / "libMIOpen.so", patched())

    deployed = told(line, "deploy", str(library), "--into", venv, "--yes")
    restored = shown(line.succeed("restore", venv, "--dry-run", "--json"))
    undone = shown(line.succeed("undo", "--yes", "--json"))
    recorded = shown(line.succeed("history", "--json"))
    pruned = told(line, "backup", "prune", "--all", "--dry-run")

    problems = {key for key in documented("deploy") if key.startswith("problems")}
    assert deployed | problems | may_be_empty("deploy") == documented("deploy")
    back = {STATES.sub(r"\1", key) for key in documented("undo, restore")}
    assert restored | may_be_empty("undo, restore") == undone | may_be_empty("undo, restore") == back
    assert recorded | may_be_empty("history") == documented("history")
    assert pruned | may_be_empty("backup prune") == documented("backup prune")


def test_what_is_said_of_kernel_modules_is_documented(tmp_path: Path):
    driver = Driver.of(tmp_path)

    changed = set(keys(json.loads(driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes", "--json").out)))
    seen = json.loads(driver.succeed("driver", "status", "--json").out)
    taken = json.loads(driver.succeed("driver", "snapshot", "--json").out)
    write(driver.root / "etc/modprobe.d/mine.conf", b"options amdgpu dc=1")
    driver.succeed("driver", "snapshot")
    (driver.root / "etc/modprobe.d/mine.conf").unlink()
    driver.succeed("driver", "snapshot")
    pruned = set(keys(json.loads(driver.succeed("backup", "prune", "driver", "--dry-run", "--json").out)))

    text = DOCUMENT.read_text()
    assert changed | may_be_empty("driver") == documented("driver")
    copies = {key for key in pruned if key.startswith("copies")} - {"copies[].lost[]"}
    assert copies == documented("backup prune driver")
    assert [key for key in (*seen, *taken, *taken["files"][0]) if f"`{key}`" not in text] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")
def test_a_recovery_is_documented(line: CommandLine, tmp_path: Path):
    root, package = broken_root(tmp_path)

    words = ("recover", "--root", str(root), "--package", str(package), "--apply", "--yes")
    found = told(line, *words)

    assert in_front(found | may_be_empty("recover")) == in_front(documented("recover"))
    assert documented("recover") - found - may_be_empty("recover") == {"outcome"}
