"""`deploy --adopt`: backups that somebody made by hand become recorded ones; nothing changes where they lie."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.furnished import prefix
from tests.support.patched import MIOPEN, foreign, hashes, original, ours, patched, put_torch, user_site, write
from tests.support.torchenvironment import OTHER

BLAS = "torch/lib/librocblas.so"


@pytest.fixture
def site(line: CommandLine) -> Path:
    """As many have it: a patched library copied over the wheel's, with a copy of that beside it."""
    site = user_site(line)
    by_hand(site)
    return site


def by_hand(site: Path, path: str = MIOPEN, ending: str = ".original") -> Path:
    """The patched library at *path*, and what stood there before beside it."""
    name = Path(path).name
    backup = write(site / f"{path}{ending}", (site / path).read_bytes())
    write(site / path, patched(name))
    return backup


def test_the_wheels_own_file_is_recorded_as_what_stood_there_before(line: CommandLine, site: Path):
    before = hashes(site)

    outcome = line.run("deploy", "--adopt", "user", "--yes")

    assert outcome.code == 0, outcome
    assert hashes(site) == before
    assert (
        f"  {MIOPEN}: `{MIOPEN}.original` is what torch 2.7.1+rocm6.2.4 brought, `{MIOPEN}` is not\n" in outcome.err
    )
    assert outcome.err.splitlines()[-2:] == [
        "adopted 1 backup, recorded as generation 1",
        "back: `rocmswitch restore user`, or `rocmswitch undo 1` for this one alone",
    ]


def test_what_was_adopted_is_put_back_without_the_backup(line: CommandLine, site: Path):
    line.succeed("deploy", "--adopt", "user", "--yes")
    (site / f"{MIOPEN}.original").unlink()

    outcome = line.run("restore", "user", "--yes")

    assert outcome.code == 0, outcome
    assert (site / MIOPEN).read_bytes() == original()


@pytest.mark.parametrize("back", (("restore", "user"), ("undo",)))
def test_who_patches_by_hand_once_more_ruins_no_backup(back: tuple[str, ...], line: CommandLine, site: Path):
    line.succeed("deploy", "--adopt", "user", "--yes")
    line.succeed(*back, "--yes")
    restored = (site / MIOPEN).read_bytes()

    with (site / MIOPEN).open("r+b") as file:
        file.write(b"in place, as cp does")

    saved = (site / f"{MIOPEN}.original", line.layout.backups / "1/0.before")
    assert [restored, *(path.read_bytes() for path in saved)] == [original()] * 3


def test_what_is_adopted_already_is_told(line: CommandLine, site: Path):
    line.succeed("deploy", "--adopt", "user", "--yes")

    outcome = line.run("deploy", "--adopt", "user")

    assert outcome.code == 0, outcome
    assert f"  {MIOPEN}: generation 1 has saved what stood there before\n" in outcome.err
    assert outcome.err.splitlines()[-1] == "nothing to adopt"


@pytest.mark.parametrize("ending", [".original", ".orig", ".backup", ".bak", ".old"])
def test_whatever_people_call_it(line: CommandLine, tmp_path: Path, ending: str):
    site = foreign(tmp_path / "my venv")
    by_hand(site, ending=ending)

    outcome = line.run("deploy", "--adopt", str(tmp_path / "my venv"), "--yes")

    assert outcome.code == 0 and "adopted 1 backup, recorded as generation 1\n" in outcome.err, outcome


def test_several_are_one_generation(line: CommandLine, site: Path):
    by_hand(site, BLAS, ".bak")

    outcome = line.run("deploy", "--adopt", "user", "--yes")

    assert "adopted 2 backups, recorded as generation 1\n" in outcome.err


def test_of_two_backups_of_one_library_one_is_adopted(line: CommandLine, site: Path):
    write(site / f"{MIOPEN}.bak", original())

    outcome = line.run("deploy", "--adopt", "user", "--yes")

    assert "adopted 1 backup, recorded as generation 1\n" in outcome.err
    assert "another backup beside it holds the same" in outcome.err


def test_a_backup_that_is_the_patched_one_is_told_with_the_way_to_deploy_it(line: CommandLine):
    site = user_site(line)
    backup = write(site / f"{MIOPEN}.bak", patched())

    outcome = line.run("deploy", "--adopt", "user", "--yes")

    assert outcome.code == 0, outcome
    assert f"`{MIOPEN}` is what torch 2.7.1+rocm6.2.4 brought, so `{MIOPEN}.bak` is the other one\n" in outcome.err
    assert f"    `rocmswitch deploy {backup} --into user --as {MIOPEN}` puts it in place\n" in outcome.err
    assert outcome.err.splitlines()[-1] == "nothing to adopt"


def test_two_that_are_the_same_are_told(line: CommandLine):
    site = user_site(line)
    write(site / f"{MIOPEN}.bak", original())

    outcome = line.run("deploy", "--adopt", "user", "--yes")

    assert outcome.code == 0, outcome
    assert f"  {MIOPEN}: `{MIOPEN}` and `{MIOPEN}.bak` hold the same\n" in outcome.err


def test_a_backup_of_another_version_is_adopted_only_for_a_reason(line: CommandLine, site: Path):
    put_torch(site, OTHER)
    (site / "torch-2.7.1+rocm6.2.4.dist-info/RECORD").unlink()
    write(site / MIOPEN, patched(value=9005))

    refused = line.run("deploy", "--adopt", "user", "--yes")
    forced = line.run("deploy", "--adopt", "user", "--yes", "--force", "I know what I had")

    assert refused.code == 5, refused
    assert "the backup may be another version's" in refused.error
    assert forced.code == 0, forced
    (row,) = json.loads(line.succeed("history", "--json"))
    assert row["intent"]["reason"] == "I know what I had"


def test_what_no_wheel_brought_is_adopted_only_for_a_reason(line: CommandLine, site: Path):
    (site / "torch-2.7.1+rocm6.2.4.dist-info/RECORD").unlink()

    refused = line.run("deploy", "--adopt", "user", "--yes")

    assert refused.code == 5 and f"no package's record names `{MIOPEN}`" in refused.error, refused
    assert line.run("deploy", "--adopt", "user", "--yes", "--force", "mine").code == 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not a library", "is no library"),
        (b"", "is no library"),
        (patched, "`libMIOpen.so.7`"),
    ],
)
def test_a_broken_backup_is_not_adopted_whatever_the_reason(
    line: CommandLine, site: Path, content: object, why: str
):
    made = content if isinstance(content, bytes) else patched(soname="libMIOpen.so.7")
    write(site / f"{MIOPEN}.original", made)

    outcome = line.run("deploy", "--adopt", "user", "--yes", "--force", "mine")

    assert outcome.code == 0, outcome
    assert why in outcome.err
    assert outcome.err.splitlines()[-1] == "nothing to adopt"


def test_where_there_is_no_backup_it_is_said(line: CommandLine):
    user_site(line)

    outcome = line.run("deploy", "--adopt", "user")

    assert (outcome.code, outcome.error) == (
        3,
        "no backup made by hand (.original, .orig, .backup, .bak, .old) lies beside a library of `user`",
    )


def test_a_link_that_is_called_like_a_backup_is_not_followed(line: CommandLine, tmp_path: Path):
    site = user_site(line)
    (site / f"{MIOPEN}.original").symlink_to(write(tmp_path / "elsewhere.so", patched()))

    outcome = line.run("deploy", "--adopt", "user", "--yes")

    assert outcome.code == 0, outcome
    assert f"`{MIOPEN}.original` is no regular file\n" in outcome.err


def test_what_never_answers_is_not_asked(line: CommandLine):
    site = user_site(line)
    os.mkfifo(site / f"{MIOPEN}.bak")

    outcome = line.run("deploy", "--adopt", "user", "--yes")

    assert outcome.code == 0, outcome
    assert f"`{MIOPEN}.bak` is no regular file\n" in outcome.err


def test_an_environment_of_ours_is_called_by_its_name(line: CommandLine):
    by_hand(ours(line))

    outcome = line.run("deploy", "--adopt", "demo", "--yes")

    assert outcome.code == 0, outcome
    assert outcome.err.splitlines()[-1].startswith("back: `rocmswitch restore demo`")


def test_a_stack_has_no_backups_made_by_hand(line: CommandLine):
    prefix(line.layout, "rocm-6.2.4")

    outcome = line.run("deploy", "--adopt", "rocm-6.2.4", "--yes")

    assert (outcome.code, outcome.error) == (2, "`--adopt` is for environments, and this names a stack")


def test_what_changes_while_the_question_stands_is_not_recorded(line: CommandLine, site: Path):
    def meanwhile() -> str:
        write(site / MIOPEN, patched(value=8))
        return "y\n"

    outcome = line.at_terminal("deploy", "--adopt", "user", answers=meanwhile)

    assert (outcome.code, outcome.hint) == (5, "run the same command again"), outcome
    assert json.loads(line.succeed("history", "--json")) == []


def test_programs_are_told_every_pair(line: CommandLine, site: Path):
    told = json.loads(line.succeed("deploy", "--adopt", "user", "--yes", "--json"))

    assert told["generation"] == 1
    (pair,) = told["pairs"]
    assert (pair["path"], pair["backup"], pair["verdict"]) == (MIOPEN, f"{MIOPEN}.original", "adopt")


def test_a_dry_run_records_nothing(line: CommandLine, site: Path):
    outcome = line.run("deploy", "--adopt", "user", "--dry-run")

    assert outcome.code == 0, outcome
    assert json.loads(line.succeed("history", "--json")) == []
