"""`restore`: what deployments have replaced comes back, byte for byte, or nothing is changed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.changes import ledger, put
from tests.support.commandline import CommandLine
from tests.support.patched import MIOPEN, foreign, hashes, original, ours, put_torch, user_site, write
from tests.support.torchenvironment import OTHER

ROCBLAS = "torch/lib/librocblas.so"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    foreign(tmp_path / "my venv")
    return tmp_path / "my venv"


def packages(venv: Path) -> Path:
    return next(venv.glob("lib/python*/site-packages"))


def test_the_wheels_own_files_come_back_with_their_times_and_nothing_else_changes(line: CommandLine, venv: Path):
    site = packages(venv)
    before, stat = hashes(venv), (site / MIOPEN).stat()
    put(line, str(venv), {MIOPEN: b"patched", ROCBLAS: b"patched too", "torch/lib/libnew.so": b"new"})

    outcome = line.run("restore", str(venv), "--yes")

    assert (outcome.code, hashes(venv)) == (0, before), outcome
    now = (site / MIOPEN).stat()
    assert (now.st_mtime_ns, now.st_mode, now.st_uid) == (stat.st_mtime_ns, stat.st_mode, stat.st_uid)
    said = ["put back 3 files, recorded as generation 2", "back: `rocmswitch undo 2`"]
    assert outcome.err.splitlines()[-2:] == said


def test_each_path_and_where_its_bytes_come_from_is_shown_before_consent(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"patched", "torch/lib/libnew.so": b"new"})
    before = hashes(venv)

    outcome = line.run("restore", str(venv))

    assert (outcome.code, hashes(venv)) == (5, before)
    assert outcome.err.splitlines()[:3] == [
        f"puts back 2 files in {venv}, below {packages(venv)}:",
        f"  {MIOPEN}: what generation 1 has saved, 15.4 kB",
        "  torch/lib/libnew.so: is removed, as nothing was there before",
    ]


def test_a_dry_run_changes_nothing_and_says_the_same_for_programs(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"patched"})
    before = hashes(venv)

    told = json.loads(line.succeed("restore", str(venv), "--dry-run", "--json"))

    assert hashes(venv) == before
    assert (told["verb"], told["takes_back"], told["generation"]) == ("restore", [1], None)
    assert [one["path"] for one in told["files"]] == [MIOPEN]
    assert told["place"] == {"kind": "foreign", "name": str(venv), "folder": str(venv)}


def test_several_deployments_over_one_file_go_back_to_what_was_there_first(line: CommandLine, venv: Path):
    before = hashes(venv)
    put(line, str(venv), {MIOPEN: b"one"})
    put(line, str(venv), {MIOPEN: b"two", ROCBLAS: b"two"})

    line.succeed("restore", str(venv), "--yes")

    assert hashes(venv) == before
    assert json.loads(line.succeed("history", "--json"))[2]["intent"]["restores"] == [1, 2]


def test_after_a_reinstall_of_another_torch_between_two_deployments_that_torchs_file_comes_back(
    line: CommandLine, venv: Path
):
    put(line, str(venv), {MIOPEN: b"one"})
    put_torch(packages(venv), OTHER)
    put(line, str(venv), {MIOPEN: b"two"})

    line.succeed("restore", str(venv), "--yes")

    assert (packages(venv) / MIOPEN).read_bytes() == original(build=OTHER)


def test_a_copy_made_by_hand_between_two_deployments_is_not_taken_for_the_wheels_own(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"one"})
    write(packages(venv) / MIOPEN, b"copied by hand")
    put(line, str(venv), {MIOPEN: b"two"})

    line.succeed("restore", str(venv), "--yes")

    assert (packages(venv) / MIOPEN).read_bytes() == original()


def test_a_second_restore_has_nothing_to_do(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"patched"})
    line.succeed("restore", str(venv), "--yes")
    before = hashes(venv)

    outcome = line.run("restore", str(venv), "--yes")

    assert (outcome.code, hashes(venv)) == (0, before)
    assert "nothing is deployed" in outcome.err


def test_where_nothing_was_ever_deployed_that_is_said(line: CommandLine, venv: Path):
    outcome = line.run("restore", str(venv), "--yes")

    assert (outcome.code, outcome.error) == (3, f"nothing was deployed into `{venv}`")


def test_what_pip_has_put_back_already_is_left_alone(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"patched"})
    put_torch(packages(venv))
    inode = (packages(venv) / MIOPEN).stat().st_ino

    outcome = line.run("restore", str(venv), "--yes")

    assert (outcome.code, (packages(venv) / MIOPEN).stat().st_ino) == (0, inode)
    assert f"{MIOPEN}: is as it was before already" in outcome.err


def test_what_is_neither_deployed_nor_saved_is_never_overwritten(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"patched", ROCBLAS: b"patched"})
    write(packages(venv) / MIOPEN, b"somebody's work of a week")
    before = hashes(venv)

    outcome = line.run("restore", str(venv), "--yes")

    assert (outcome.code, hashes(venv)) == (5, before)
    assert outcome.error == f"`{packages(venv) / MIOPEN}` is neither what was deployed nor what was saved"


@pytest.mark.parametrize("kind", ["folder", "link", "fifo"])
def test_what_is_no_file_any_more_is_a_conflict_too(line: CommandLine, venv: Path, kind: str):
    put(line, str(venv), {MIOPEN: b"patched"})
    path = packages(venv) / MIOPEN
    path.unlink()
    {"folder": path.mkdir, "link": lambda: path.symlink_to("/etc/passwd"), "fifo": lambda: os.mkfifo(path)}[kind]()

    outcome = line.run("restore", str(venv), "--yes")

    assert (outcome.code, os.path.lexists(path)) == (5, True), outcome


def test_a_file_that_is_gone_is_put_back(line: CommandLine, venv: Path):
    before = hashes(venv)
    put(line, str(venv), {MIOPEN: b"patched"})
    (packages(venv) / MIOPEN).unlink()

    line.succeed("restore", str(venv), "--yes")

    assert hashes(venv) == before


def test_where_torch_was_uninstalled_nothing_is_put(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"patched"})
    shutil.rmtree(packages(venv) / "torch")

    outcome = line.run("restore", str(venv), "--yes")

    assert (outcome.code, (packages(venv) / "torch").exists()) == (0, False)
    assert "is gone with its folder: nothing is put there" in outcome.err


def damage(line: CommandLine, number: int) -> Path:
    """One bit of what generation *number* has saved is another."""
    saved = ledger(line).saved(number, "0.before")
    content = bytearray(saved.read_bytes())
    content[100] ^= 1
    write(saved, bytes(content))
    return saved


def test_a_damaged_backup_is_refused_and_the_wheel_of_the_index_named(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"patched", ROCBLAS: b"patched"})
    before = hashes(venv)
    saved = damage(line, 1)

    outcome = line.run("restore", str(venv), "--yes")

    assert (outcome.code, hashes(venv)) == (4, before), outcome
    assert str(saved) in outcome.error
    python = f"'{venv}/bin/python'"
    assert outcome.hint == f"run `uv pip install --python {python} --reinstall --no-deps torch==2.7.1+rocm6.2.4`"


def test_of_an_environment_of_ours_the_way_to_build_it_again_is_named(line: CommandLine):
    ours(line)
    put(line, "demo", {MIOPEN: b"patched"})
    damage(line, 1)

    outcome = line.run("restore", "demo", "--yes")

    assert (outcome.code, outcome.hint) == (4, "run `rocmswitch use rocm --venv demo --rebind`")


def test_a_backup_that_is_gone_is_noticed_before_consent(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"patched"})
    ledger(line).saved(1, "0.before").unlink()

    outcome = line.run("restore", str(venv))

    assert (outcome.code, outcome.error) == (
        4,
        f"what was saved of `{packages(venv) / MIOPEN}` is missing",
    )


def test_what_was_let_go_is_told_as_that(line: CommandLine, venv: Path):
    put(line, str(venv), {MIOPEN: b"patched"})
    ledger(line).prune({1}, wait=0)

    outcome = line.run("restore", str(venv), "--yes")

    assert (outcome.code, outcome.error) == (3, f"what stood at `{packages(venv) / MIOPEN}` was let go")


def test_an_environment_of_ours_is_restored_by_its_name_and_by_the_link_of_a_project(
    line: CommandLine, tmp_path: Path
):
    site = ours(line)
    before = hashes(site)
    link = tmp_path / "a project/.venv"
    link.parent.mkdir()
    link.symlink_to(line.layout.venvs / "demo")

    for word in ("demo", str(link)):
        put(line, word, {MIOPEN: b"patched"})
        line.succeed("restore", word, "--yes")
        assert hashes(site) == before


def test_the_users_own_packages_are_restored(line: CommandLine):
    site = user_site(line)
    before = hashes(site)
    put(line, "user", {MIOPEN: b"patched"})

    line.succeed("restore", "user", "--yes")

    assert hashes(site) == before


def test_another_environment_keeps_what_was_deployed_there(line: CommandLine, venv: Path, tmp_path: Path):
    foreign(tmp_path / "other")
    for one in (venv, tmp_path / "other"):
        put(line, str(one), {MIOPEN: b"patched"})
    before = hashes(tmp_path / "other")

    line.succeed("restore", str(venv), "--yes")

    assert hashes(tmp_path / "other") == before


def test_a_hard_link_to_a_cache_is_one_again(line: CommandLine, venv: Path, tmp_path: Path):
    site = packages(venv)
    cached = tmp_path / "cache/libMIOpen.so"
    cached.parent.mkdir()
    os.link(site / MIOPEN, cached)
    content = cached.read_bytes()
    put(line, str(venv), {MIOPEN: b"patched"})

    line.succeed("restore", str(venv), "--yes")

    assert cached.read_bytes() == content == (site / MIOPEN).read_bytes()
    if not cached.samefile(site / MIOPEN):
        pytest.skip("this file system shares blocks, so the file is another with the same bytes")


@pytest.mark.parametrize("change", ["deployed", "written"])
def test_what_changes_while_the_question_stands_is_noticed(line: CommandLine, venv: Path, change: str):
    put(line, str(venv), {MIOPEN: b"patched"})

    def meanwhile() -> str:
        if change == "deployed":
            put(line, str(venv), {ROCBLAS: b"patched"})
        else:
            write(packages(venv) / MIOPEN, b"written meanwhile")
        return "y\n"

    outcome = line.at_terminal("restore", str(venv), answers=meanwhile)

    assert outcome.code == (1 if change == "deployed" else 5), outcome
    assert "run the same command again" in outcome.err
