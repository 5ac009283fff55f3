"""A stack that comes as one archive: verified before it is unpacked, resumed, and required to stay what it was."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.archives import COMPRESS, TarMember, tar
from tests.support.commandline import CommandLine
from tests.support.server import Fault
from tests.support.tarballs import ARCHIVE, NAME, ROOT, TREE, TarballSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TarballSite]:
    with TarballSite(tmp_path / "server") as site:
        yield site


@pytest.fixture
def line(tmp_path: Path, site: TarballSite) -> CommandLine:
    """Has the manifest of the stack with the archive's hash."""
    line = site.person(tmp_path)
    site.let(line, digest=site.pack())
    return line


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[TarballSite]:
    with TarballSite(tmp_path / "server", secure=True) as site:
        site.pack()
        yield site


@pytest.fixture
def learner(tmp_path: Path, secure: TarballSite) -> CommandLine:
    """Has the manifest without a hash, and a server with a certificate."""
    line = secure.person(tmp_path)
    secure.let(line)
    return line


def tree_of(line: CommandLine) -> Path:
    return line.layout.prefixes / NAME / ROOT


def receipt_of(line: CommandLine) -> dict[str, object]:
    found = json.loads(line.succeed("show", NAME, "--json"))["receipt"]
    assert isinstance(found, dict)
    return found


def test_a_pinned_tarball_is_installed_whole(site: TarballSite, line: CommandLine):
    outcome = line.run("install", NAME, "--yes")

    assert outcome.code == 0, outcome
    assert f"from {site.url}, by its hash " in outcome.err
    assert "every package is checked: pinned" in outcome.err
    assert {str(one.relative_to(tree_of(line))) for one in tree_of(line).rglob("*") if not one.is_dir()} == set(
        TREE
    )
    receipt = receipt_of(line)
    assert (receipt["root"], receipt["sets"]) == (ROOT, ["runtime", "compiler", "libraries", "developer"])
    (source,) = receipt["sources"]  # type: ignore[misc]
    assert (source["kind"], source["url"]) == ("tarball", site.url)


def test_its_programs_run_and_its_environment_names_its_place(line: CommandLine):
    line.succeed("install", NAME, "--yes")

    assert line.run("run", NAME, "--", "rocminfo").code == 42
    assert line.succeed("run", NAME, "--", "sh", "-c", "echo $ROCM_PATH").strip() == str(tree_of(line))


def test_another_file_than_the_pinned_one_is_never_unpacked(site: TarballSite, line: CommandLine):
    site.let(line, digest="0" * 64)

    outcome = line.run("install", NAME, "--yes")

    assert outcome.code == 4
    assert f"`{site.url}` has the sha256 hash" in outcome.error
    assert not list(line.layout.prefixes.glob(f".trees/{NAME}-*/{ROOT}/*"))


def test_a_download_that_is_cut_goes_on_where_it_stopped(site: TarballSite, line: CommandLine):
    size = (site.folder / ARCHIVE).stat().st_size
    site.server.misbehave(ARCHIVE, Fault(cut_after=size // 2, times=2))

    line.succeed("install", NAME, "--yes")

    ranges = [one.range for one in site.server.requests if one.range]
    assert ranges, "it asked for the rest"
    assert all(int(one.removeprefix("bytes=").rstrip("-")) >= size // 2 for one in ranges)


def test_verify_and_repair_know_it_by_its_hash_and_remove_takes_it_away(site: TarballSite, line: CommandLine):
    line.succeed("install", NAME, "--yes")
    damaged = tree_of(line) / "share/rock/data"
    damaged.parent.chmod(0o755)
    damaged.unlink()
    assert line.run("verify", NAME).code == 4
    line.succeed("cache", "prune", "--all", "--yes")

    line.succeed("repair", NAME, "--yes")

    assert (tree_of(line) / "share/rock/data").read_text() == "data\n"
    assert line.run("verify", NAME).code == 0
    line.succeed("remove", NAME, "--yes")
    assert not (line.layout.prefixes / NAME).exists()


def test_what_is_there_is_not_asked_for_again_whatever_set_is_named(site: TarballSite, line: CommandLine):
    line.succeed("install", NAME, "--yes")
    before = len(site.server.requests)

    outcome = line.run("install", NAME, "--set", "developer", "--yes")

    assert (outcome.code, len(site.server.requests)) == (0, before)
    assert "is installed already" in outcome.err


def test_a_cached_tarball_needs_no_server(site: TarballSite, line: CommandLine):
    line.succeed("install", NAME, "--yes")
    line.succeed("remove", NAME, "--yes")
    (site.folder / ARCHIVE).unlink()
    before = len(site.server.requests)

    line.succeed("install", NAME, "--yes")

    assert len(site.server.requests) == before


def test_the_plan_says_what_it_does_not_know(line: CommandLine):
    outcome = line.run("install", NAME, "--dry-run")

    assert outcome.code == 0
    assert "about " in outcome.err and "at least 4 times the download is kept free" in outcome.err


def test_room_for_four_times_the_download_is_looked_for_before(site: TarballSite, line: CommandLine):
    site.server.misbehave(ARCHIVE, Fault(length=10**15, times=1))

    outcome = line.run("install", NAME, "--yes")

    assert outcome.code == 6
    assert "free and" in outcome.error and "are needed there" in outcome.error


def test_a_server_that_does_not_say_how_large_it_is_is_not_waited_for(site: TarballSite, line: CommandLine):
    site.server.misbehave(ARCHIVE, Fault(no_length=True))

    outcome = line.run("install", NAME, "--yes")

    assert (outcome.code, outcome.error.endswith("its server does not say how many bytes it has")) == (1, True)


def test_hostile_members_are_refused_and_nothing_is_left(site: TarballSite, line: CommandLine):
    content = COMPRESS[".gz"](tar([TarMember("bin/tool", b"x"), TarMember("../evil", b"x")]))
    (site.folder / ARCHIVE).write_bytes(content)
    site.let(line, digest=hashlib.sha256(content).hexdigest())

    outcome = line.run("install", NAME, "--yes")

    assert outcome.code == 4, outcome
    assert f"the archive of `{NAME}` has a member that leaves the tree" in outcome.error
    assert not (line.layout.prefixes / NAME).exists()


def test_a_first_use_is_said_recorded_and_required(secure: TarballSite, learner: CommandLine):
    dry = learner.run("install", NAME, "--dry-run")
    assert "nobody has stated its hash: it is taken as it arrives" in dry.err

    learner.succeed("install", NAME, "--yes")

    (package,) = receipt_of(learner)["packages"]  # type: ignore[misc]
    assert package["verification"] == "first-use"
    (record,) = (learner.layout.seen / "tarballs").iterdir()
    assert json.loads(record.read_text()) == {"url": secure.url, "sha256": package["sha256"]}
    assert learner.run("verify", NAME).code == 0


def test_a_tarball_that_changed_after_its_first_use_is_refused(
    secure: TarballSite, learner: CommandLine, tmp_path: Path
):
    learner.succeed("install", NAME, "--yes")
    later = secure.person(tmp_path / "later")  # who has nothing left but the records
    secure.let(later)
    shutil.copytree(learner.layout.seen, later.layout.seen)
    (secure.tree / "share/rock/data").write_text("other\n")
    secure.pack()

    outcome = later.run("install", NAME, "--yes")

    assert outcome.code == 4
    assert "its hash is that of its first use" in outcome.err
    (record,) = (learner.layout.seen / "tarballs").iterdir()
    first, now = json.loads(record.read_text())["sha256"], secure.pack()
    assert outcome.error == (
        f"`{secure.url}` had the hash `{first}` when it was first used, and has `{now}` now: its vendor has"
        " replaced it, or somebody else has"
    )
    assert outcome.hint == f"if its vendor states the new one, run `rocmswitch install {NAME} --accept {now}`"


def test_a_replaced_tarball_is_taken_once_its_hash_is_accepted_and_required_from_then_on(
    secure: TarballSite, learner: CommandLine
):
    learner.succeed("install", NAME, "--yes")
    first = (learner.layout.prefixes / NAME).resolve()
    (secure.tree / "share/rock/data").write_text("other\n")
    now = secure.pack()
    other = learner.run("install", NAME, "--accept", "0" * 64, "--yes")
    assert (other.code, other.error) == (
        4,
        f"`{secure.url}` has the sha256 hash `{now}`, not `{'0' * 64}` as it must have",
    )
    assert (learner.layout.prefixes / NAME).resolve() == first

    learner.succeed("install", NAME, "--accept", now, "--yes")

    receipt = receipt_of(learner)
    assert (tree_of(learner) / "share/rock/data").read_text() == "other\n"
    assert (learner.layout.prefixes / NAME).resolve() != first
    (package,) = receipt["packages"]  # type: ignore[misc]
    assert (package["verification"], package["sha256"]) == ("first-use", now)
    assert any(f"`{now}` was accepted by `--accept`, in the place of `" in one for one in receipt["notes"])  # type: ignore[attr-defined]
    (record,) = (learner.layout.seen / "tarballs").iterdir()
    assert json.loads(record.read_text())["sha256"] == now
    assert "installed already" in learner.run("install", NAME, "--accept", now, "--yes").err


def test_an_accepted_hash_is_recorded_also_where_that_tarball_is_installed_already(
    secure: TarballSite, learner: CommandLine
):
    """A run that was killed before it could record it, and another user's, leave a record that denies it."""
    learner.succeed("install", NAME, "--yes")
    (record,) = (learner.layout.seen / "tarballs").iterdir()
    before = record.read_text()
    (secure.tree / "share/rock/data").write_text("other\n")
    now = secure.pack()
    learner.succeed("install", NAME, "--accept", now, "--yes")
    record.write_text(before)

    again = learner.run("install", NAME, "--accept", now, "--yes")

    assert (again.code, json.loads(record.read_text())["sha256"]) == (0, now), again


def test_nothing_is_accepted_where_the_manifest_has_the_hash(line: CommandLine):
    outcome = line.run("install", NAME, "--accept", "0" * 64, "--yes")

    assert (outcome.code, outcome.error.endswith("no other can be accepted")) == (2, True), outcome


def test_what_came_first_and_is_no_archive_is_not_required_from_then_on(secure: TarballSite, learner: CommandLine):
    archive = secure.folder / ARCHIVE
    content = archive.read_bytes()
    archive.write_bytes(b"<html>who are you?</html>" * 100)
    assert learner.run("install", NAME, "--yes").code == 4
    archive.write_bytes(content)

    learner.succeed("install", NAME, "--yes")

    (record,) = (learner.layout.seen / "tarballs").iterdir()
    assert json.loads(record.read_text())["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_first_download_that_is_cut_goes_on_too(secure: TarballSite, learner: CommandLine):
    size = (secure.folder / ARCHIVE).stat().st_size
    secure.server.misbehave(ARCHIVE, Fault(cut_after=size // 2, times=2))

    learner.succeed("install", NAME, "--yes")

    assert (tree_of(learner) / "lib/librock.so.1").is_file()


def test_a_first_use_is_too_weak_where_more_is_required(learner: CommandLine):
    outcome = learner.run("install", NAME, "--yes", "--require", "pinned")

    assert outcome.code == 5
    assert f"`{NAME}` is only `first-use`, and `pinned` is required" in outcome.error


def test_nothing_is_learned_from_a_server_without_encryption(site: TarballSite, line: CommandLine):
    site.let(line)

    outcome = line.run("install", NAME, "--yes")

    assert outcome.code == 4
    assert "is not encrypted and its manifest has no hash of it" in outcome.error


def test_repair_asks_the_same_address_for_the_hash_of_the_first_use(secure: TarballSite, learner: CommandLine):
    learner.succeed("install", NAME, "--yes")
    learner.succeed("cache", "prune", "--all", "--yes")
    data = tree_of(learner) / "share/rock/data"
    data.parent.chmod(0o755)
    data.unlink()

    learner.succeed("repair", NAME, "--yes")

    assert data.read_text() == "data\n"
