"""`lock` and `install --locked FILE`: the same trees somewhere else, or an error that names what is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rocmswitch.store.receipts import read_files, read_receipt
from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.debs import Deb, Library


@pytest.fixture
def other(tmp_path: Path, site: AcmeSite) -> CommandLine:
    """Somebody else, who has the manifest too."""
    return site.person(tmp_path / "somebody else")


@pytest.fixture
def lock(line: CommandLine, tmp_path: Path) -> Path:
    """That of acme-1.0 with its compiler, as it is installed here."""
    path = tmp_path / "rocmswitch.lock"
    line.succeed("install", NAME, "--set", "compiler", "--yes")
    line.succeed("lock", NAME, "-o", str(path))
    return path


def tree_of(line: CommandLine) -> tuple[str, list[str]]:
    link = line.layout.prefixes / NAME
    return read_receipt(link).tree, sorted(map(repr, read_files(link)))


def test_a_lock_makes_the_same_tree_somewhere_else(line: CommandLine, other: CommandLine, lock: Path):
    outcome = other.run("install", "--locked", str(lock), "--yes")

    assert outcome.code == 0, outcome
    assert tree_of(other) == tree_of(line)
    assert {one.verification for one in read_receipt(other.layout.prefixes / NAME).packages} == {"pinned"}


def test_a_lock_keeps_to_its_bytes_when_the_repository_has_moved_on(
    line: CommandLine, other: CommandLine, lock: Path, site: AcmeSite
):
    site.repository.add(Deb("acme-core", "1.1-1", files={"usr/share/acme/data": "newer\n"}))
    site.publish()

    other.succeed("install", NAME, "--locked", str(lock), "--yes")

    assert tree_of(other) == tree_of(line)


def test_the_same_tree_gives_the_same_lock(line: CommandLine, other: CommandLine, lock: Path, tmp_path: Path):
    other.succeed("install", "--locked", str(lock), "--yes")
    other.succeed("lock", NAME, "-o", str(tmp_path / "again.lock"))

    assert (
        json.loads((tmp_path / "again.lock").read_text())["prefixes"][0]["tree"]
        == read_receipt(line.layout.prefixes / NAME).tree
    )


def test_what_hipcc_is_told_of_a_tree_is_found_out_anew_from_a_lock(
    line: CommandLine, other: CommandLine, site: AcmeSite, tmp_path: Path
):
    hip = {"usr/lib/libamdhip64.so": Library("libamdhip64.so"), "usr/bin/hipcc": "#!/bin/sh\nexit 0\n"}
    site.repository.add(Deb("acme-cc", "1.1-1", "acme-core", files=hip))
    site.publish()
    line.succeed("install", NAME, "--set", "compiler", "--yes")
    line.succeed("lock", NAME, "-o", str(tmp_path / "rocmswitch.lock"))

    other.succeed("install", NAME, "--locked", str(tmp_path / "rocmswitch.lock"), "--yes")

    here, there = (read_receipt(one.layout.prefixes / NAME) for one in (line, other))
    assert "HIPCC_LINK_FLAGS_APPEND" in {one.name for one in here.activation.assignments}
    assert (there.activation, there.tree) == (here.activation, here.tree)


def test_a_package_that_is_gone_is_named(other: CommandLine, lock: Path, site: AcmeSite):
    (site.folder / site.archive("acme-cc")).unlink()

    outcome = other.run("install", "--locked", str(lock), "--yes")

    assert outcome.code == 3
    assert "acme-cc" in outcome.error
    assert not (other.layout.prefixes / NAME).exists()


def test_a_package_that_was_replaced_is_not_taken(other: CommandLine, lock: Path, site: AcmeSite):
    archive = site.folder / site.archive("acme-cc")
    content = archive.read_bytes()
    archive.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    assert other.run("install", "--locked", str(lock), "--yes").code == 4


def test_what_is_installed_as_the_lock_has_it_asks_nobody(line: CommandLine, lock: Path, site: AcmeSite):
    site.server.requests.clear()

    outcome = line.run("install", "--locked", str(lock))

    assert (outcome.code, site.server.requests) == (0, [])
    assert f"{NAME} is installed already, as {lock} has it" in outcome.err


def test_a_repaired_tree_has_the_lock_of_what_it_is(line: CommandLine, lock: Path, tmp_path: Path):
    before = json.loads(lock.read_text())
    data = line.layout.prefixes / NAME / "usr/share/acme/data"
    data.chmod(0o644)
    data.write_text("damaged\n")
    line.succeed("repair", NAME, "--yes")

    line.succeed("lock", NAME, "-o", str(tmp_path / "later.lock"))

    assert json.loads((tmp_path / "later.lock").read_text()) == before


def test_a_lock_of_another_release_than_the_manifest_s_is_refused(other: CommandLine, lock: Path, site: AcmeSite):
    site.let(other, rocm={"version": "1.0.1"})

    outcome = other.run("install", "--locked", str(lock), "--yes")

    assert outcome.code == 4
    assert "the lock has version `1.0.0` of `acme-1.0`, whose manifest is of `1.0.1`" in outcome.error


def test_where_a_lock_fetches_from_is_told_and_no_signature_that_nobody_has_checked(
    other: CommandLine, lock: Path, site: AcmeSite
):
    outcome = other.run("install", "--locked", str(lock), "--dry-run")

    assert f"fetched from {site.server.url('').split('/')[2]}, as is said there" in outcome.err
    assert f"as the lock says, it was signed by {site.key.fingerprint}" in outcome.err


def test_a_lock_that_somebody_has_changed_is_refused(other: CommandLine, lock: Path):
    text = lock.read_text()
    lock.write_text(re.sub(r'"place": "rocm"|"root": "usr"', '"root": "opt"', text, count=1))

    outcome = other.run("install", "--locked", str(lock), "--yes")

    assert outcome.code == 1
    assert "was changed by hand" in outcome.error


@pytest.mark.parametrize(
    ("old", "new"),
    (
        ('"schema": 1', '"schema": 2'),
        (f'"stack": "{NAME}"', '"stack": "../../etc"'),
        ('"root": "usr"', '"root": "../../etc"'),
        ('"file": "pool', '"file": "/pool'),
        ('"urls": ["http:', '"urls": ["file:'),
        ('"version": "1.0.0"', '"version": "\\u001b[31m"'),
        ('"environment": {', '"environment": {"LD_PRELOAD": "/tmp/evil.so", '),
        ('"packages": [', '"packages": [[], '),
    ),
)
def test_a_hostile_lock_is_told_in_a_sentence(old: str, new: str, other: CommandLine, lock: Path):
    text = lock.read_text()
    changed = text.replace(old, new, 1)
    if changed == text:
        changed = text.replace('"stack"', '"environment": {"LD_PRELOAD": "/tmp/evil.so"}, "stack"', 1)
    lock.write_text(changed)

    outcome = other.run("install", "--locked", str(lock), "--yes")

    assert outcome.code == 2, outcome
    assert str(lock) in outcome.error and "\x1b" not in outcome.err
    assert not (other.layout.prefixes / NAME).exists()


@pytest.mark.parametrize("content", (b"", b"[", b"[" * 100_000, b"{}", b'{"schema": 1, "prefixes": []}', b"\xff"))
def test_what_is_no_lock_is_told(content: bytes, other: CommandLine, tmp_path: Path):
    path = tmp_path / "no.lock"
    path.write_bytes(content)

    assert other.run("install", "--locked", str(path), "--yes").code == 2


def test_a_bare_locked_stays_what_was_tested(other: CommandLine):
    outcome = other.run("install", "--locked", NAME, "--yes")

    assert (outcome.code, outcome.error) == (3, f"`{NAME}` has no tested lock")


def test_an_option_that_the_lock_decides_is_refused(other: CommandLine, lock: Path):
    assert other.run("install", "--locked", str(lock), "--set", "compiler").code == 2


def test_the_lock_of_an_environment_makes_the_same_wheels(line: CommandLine, other: CommandLine, tmp_path: Path):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    path = tmp_path / "wheels.lock"
    line.succeed("lock", "demo", "-o", str(path))

    other.succeed("use", NAME, "--venv", "copy", "--locked", str(path), "--yes")

    wheels = [read_receipt(one.layout.venvs / name).packages for one, name in ((line, "demo"), (other, "copy"))]
    assert [one.sha256 for one in wheels[0]] == [one.sha256 for one in wheels[1]]


def test_all_prefixes_go_into_one_lock(line: CommandLine, site: AcmeSite, lock: Path, other: CommandLine):
    site.let(line, "other-1.0")
    site.let(other, "other-1.0")
    line.succeed("install", "other-1.0", "--yes")
    line.succeed("lock", "-o", str(lock), "--yes")

    assert other.run("install", "--locked", str(lock), "--yes").code == 2
    other.succeed("install", "other-1.0", "--locked", str(lock), "--yes")

    assert read_receipt(other.layout.prefixes / "other-1.0").sets == ("runtime",)
