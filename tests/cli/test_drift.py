"""What doctor and verify say of deployed files: as long as they stand, when they are lost, and when records are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.receipts import encode_files, encode_receipt, files_path, read_receipt, receipt_path
from tests.support.changes import CutBeforeRecording, ledger, put
from tests.support.commandline import CommandLine
from tests.support.disk import PowerCut
from tests.support.patched import MIOPEN, foreign, ours, put_torch, write
from tests.support.trees import take_inventory

NOISE = ("hook", "file-systems", "pin", "program-hidden")
"""Findings about the account that the tests run in."""


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    foreign(tmp_path / "my venv")
    return tmp_path / "my venv"


def packages(venv: Path) -> Path:
    return next(venv.glob("lib/python*/site-packages"))


def findings(line: CommandLine, *words: str) -> dict[str, tuple[str, str]]:
    """By id, how bad it is, and what to do."""
    found = json.loads(line.run("doctor", "--json", *words).out)
    told = {one["id"]: (one["severity"], one["remedy"]["text"]) for one in found if one["remedy"]}
    return {key: told[key] for key in told if not key.startswith(NOISE)}


def listed(line: CommandLine) -> Path:
    """The environment `demo` with a list of its files, as it was made. Gives its site-packages."""
    site = ours(line)
    tree = (line.layout.venvs / "demo").resolve()
    entries = [FileEntry(**{**vars(one), "package": "torch"}) for one in take_inventory(tree)]
    receipt, listing = read_receipt(tree), encode_files(entries)
    files_path(tree).write_bytes(listing)
    sha256 = hashlib.sha256(listing).hexdigest()
    pins = ("torch==2.7.1+rocm6.2.4",)
    changed = type(receipt)(**{**vars(receipt), "files_sha256": sha256, "pins": pins})
    receipt_path(tree).write_bytes(encode_receipt(changed))
    return site


def test_a_deployment_in_force_is_no_finding(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})

    assert findings(line) == {}


def test_a_reinstall_of_torch_is_a_warning_with_both_ways_on(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    put_torch(packages(venv))

    remedy = "run `rocmswitch deploy --again 1`, or `rocmswitch backup prune 1`"
    assert findings(line) == {"deployment:1": ("warning", remedy)}


def test_what_was_taken_back_or_let_go_is_no_finding(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    line.succeed("undo", "--yes")
    put(line, str(venv), {MIOPEN: b"two"})
    ledger(line).prune({3}, wait=0)
    put_torch(packages(venv))

    assert findings(line) == {}


def test_a_missing_backup_is_a_fault_though_what_was_deployed_stands(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    ledger(line).saved(1, "0.before").unlink()

    assert findings(line) == {"backup:1": ("fault", "run `rocmswitch backup prune 1`")}


def test_a_record_that_cannot_be_read_is_a_fault(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    record = line.layout.backups / "1/record"
    record.chmod(0o600)
    record.write_bytes(b"garbled\n")

    assert findings(line) == {"record:1": ("fault", "run `rocmswitch backup prune 1`")}


def test_an_interrupted_change_is_a_fault_that_history_ends(line: CommandLine, venv: Path):
    with pytest.raises(PowerCut):
        put(line, str(venv), {MIOPEN: b"one"}, CutBeforeRecording())

    assert findings(line) == {"interrupted": ("fault", "run `rocmswitch history`")}
    line.succeed("history")
    assert findings(line) == {}


def test_only_the_changes_of_the_environment_that_is_asked_for_are_told(line: CommandLine, venv: Path):
    site = ours(line)
    for word in ("demo", str(venv)):
        put(line, word, {MIOPEN: b"one"})
    put_torch(packages(venv))
    put_torch(site)

    assert [key for key in findings(line, "demo") if key.startswith("deployment")] == ["deployment:1"]
    assert [key for key in findings(line) if key.startswith("deployment")] == ["deployment:1", "deployment:2"]


def test_a_deployed_file_is_no_damage_to_a_close_look_of_doctor(line: CommandLine):
    site = listed(line)
    put(line, "demo", {MIOPEN: b"one"})
    assert "replaced:demo" not in findings(line, "demo")

    write(site / MIOPEN, b"somebody's work")
    assert "replaced:demo" in findings(line, "demo")


@pytest.mark.parametrize("words", [(), ("--quick",)])
def test_verify_tells_a_deployed_file_as_deployed(line: CommandLine, words: tuple[str, ...]):
    site = listed(line)
    put(line, "demo", {MIOPEN: b"one"})
    path = str((site / MIOPEN).relative_to((line.layout.venvs / "demo").resolve()))

    outcome, told = line.run("verify", "demo", *words), json.loads(line.succeed("verify", "--json", *words))

    assert outcome.code == 0, outcome
    assert f"demo: `{path}`: deployed (generation 1)\n" in outcome.out
    assert (told[0]["faults"], told[0]["deployed"]) == ([], [{"path": path, "generation": 1}])


def test_verify_tells_damage_to_a_deployed_file_as_damage(line: CommandLine):
    site = listed(line)
    put(line, "demo", {MIOPEN: b"one"})
    write(site / MIOPEN, b"two")

    outcome = line.run("verify", "demo")

    assert (outcome.code, "deployed" in outcome.out) == (4, False), outcome
