"""`bundle`: made with a network, installed without one, with everything verified again."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from msgspec.structs import replace

from rocmswitch.metadata.bundle import parse_bundle
from rocmswitch.store.bundle import BundleFile, write_bundle
from rocmswitch.store.receipts import read_files, read_receipt
from rocmswitch.system.disk import Disk
from tests.support.acme import NAME, AcmeSite
from tests.support.aptrepository import Publication
from tests.support.commandline import CommandLine, Outcome
from tests.support.keys import SigningKey
from tests.support.nobody import let_all_enter

DAY = timedelta(days=1)


@pytest.fixture
def other(tmp_path: Path) -> CommandLine:
    """Somebody on another machine, who knows of no acme and reaches nobody."""
    return CommandLine(tmp_path / "another machine", {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})


@pytest.fixture
def bundle(line: CommandLine, tmp_path: Path) -> Path:
    """acme-1.0 with its compiler and its wheels."""
    path = tmp_path / "acme bundle.tar"
    line.succeed("bundle", "create", NAME, "--set", "compiler", "--venv", "-o", str(path), "--yes")
    return path


def tree_of(line: CommandLine, name: str = NAME) -> tuple[str, list[object]]:
    """A prefix's tree, and all of its files with their hashes."""
    link = line.layout.prefixes / name
    return read_receipt(link).tree, sorted(map(repr, read_files(link)))


def cut_off(line: CommandLine, *words: str) -> Outcome:
    """Run it where there is no network, not even this machine's own."""
    wrapper = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here")
    line.home.mkdir(parents=True, exist_ok=True)
    command = [*wrapper, sys.executable, "-m", "rocmswitch", *words]
    done = subprocess.run(command, env=line.variables(), cwd=line.home, capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_a_bundle_installs_where_no_network_is_as_the_network_would_have(
    line: CommandLine, other: CommandLine, bundle: Path
):
    line.succeed("install", NAME, "--set", "compiler", "--yes")

    outcome = cut_off(other, "bundle", "install", str(bundle), "--venv", "demo", "--yes")

    assert outcome.code == 0, outcome
    assert tree_of(other) == tree_of(line)
    assert {one.verification for one in read_receipt(other.layout.prefixes / NAME).packages} == {"signed"}
    wheels = read_receipt(other.layout.venvs / "demo").packages
    assert {one.name: one.verification for one in wheels} == {"demo": "pinned"}


def test_install_and_use_take_everything_from_a_bundle(other: CommandLine, site: AcmeSite, bundle: Path):
    site.server.requests.clear()

    other.succeed("install", NAME, "--from", str(bundle), "--yes")
    other.succeed("use", NAME, "--venv", "demo", "--from", str(bundle), "--yes")

    assert site.server.requests == []
    assert read_receipt(other.layout.prefixes / NAME).sets == ("runtime",)
    assert (other.layout.venvs / "demo").exists()


def test_what_only_the_bundle_knows_is_told_and_kept(other: CommandLine, bundle: Path, key: SigningKey):
    outcome = other.run("bundle", "install", str(bundle), "--yes")

    assert f"{NAME} is not known here: its manifest is the bundle's own" in outcome.err
    assert f"it trusts {key.fingerprint} for " in outcome.err
    assert other.run("show", NAME).code == 0


def test_nothing_is_kept_of_a_bundle_before_somebody_agrees(other: CommandLine, bundle: Path):
    outcome = other.run("bundle", "install", str(bundle))

    assert outcome.code == 5
    assert not list(other.layout.manifests.glob("*")) and not list(other.layout.archives.glob("*"))


def test_the_same_stack_at_the_same_date_is_the_same_bytes(line: CommandLine, bundle: Path, tmp_path: Path):
    paths = [tmp_path / "1.tar", tmp_path / "2.tar"]
    for path in paths:
        words = ("bundle", "create", NAME, "--venv", "-o", str(path), "--yes")
        line.succeed(*words, SOURCE_DATE_EPOCH="1790000000")

    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_any_tar_reads_a_bundle_and_its_list_comes_first(bundle: Path):
    with tarfile.open(bundle) as tar:
        first, *rest = tar.getmembers()
        listed = parse_bundle((tar.extractfile(first) or sys.stdin.buffer).read(), "it")

    assert first.name == "bundle.json"
    assert [one.name for one in rest] == [one.path for one in listed.members]
    assert {one.kind for one in listed.members} == {"index", "key", "manifest", "package", "wheel", "wheels"}


def test_a_bundle_is_shown_with_all_that_is_in_it(bundle: Path, other: CommandLine):
    outcome = other.run("bundle", "show", str(bundle))
    told = json.loads(other.succeed("bundle", "show", str(bundle), "--json"))

    assert outcome.code == 0
    assert (
        "acme-tools" in outcome.out
        and f"{NAME} (runtime, compiler), with a manifest of somebody's own" in outcome.err
    )
    assert [one["name"] for one in told["stacks"]] == [NAME]


@pytest.fixture
def expiring(line: CommandLine, site: AcmeSite, tmp_path: Path) -> Iterator[Path]:
    """A bundle whose index was in date when it was made, by its own word, and is not any more."""
    now = datetime.now(timezone.utc)
    site.publish(Publication(date=now - 30 * DAY, valid_until=now - 10 * DAY))
    path = tmp_path / "old.tar"
    made = str(int((now - 20 * DAY).timestamp()))
    words = ("bundle", "create", NAME, "-o", str(path), "--yes", "--allow-expired")
    line.succeed(*words, SOURCE_DATE_EPOCH=made)
    yield path


def test_an_index_that_has_run_out_since_the_bundle_was_made_warns_with_its_age(other: CommandLine, expiring: Path):
    outcome = other.run("bundle", "install", str(expiring), "--yes")

    assert outcome.code == 0, outcome
    assert "as it was when the bundle was made, 20 days ago" in outcome.err


def test_an_index_that_had_run_out_already_is_refused(line: CommandLine, other: CommandLine, expiring: Path):
    path = expiring.with_name("late.tar")
    line.succeed("bundle", "create", NAME, "-o", str(path), "--yes", "--allow-expired")

    assert other.run("bundle", "install", str(path), "--yes").code == 4
    assert other.run("bundle", "install", str(path), "--yes", "--allow-expired").code == 0


def test_a_bundle_older_than_what_this_machine_has_seen_is_refused(line: CommandLine, site: AcmeSite, bundle: Path):
    site.publish(Publication(date=datetime.now(timezone.utc)))
    line.succeed("install", NAME, "--yes")
    line.succeed("remove", NAME, "--purge", "--yes")

    outcome = line.run("bundle", "install", str(bundle), "--yes")

    assert outcome.code == 4
    assert "the bundle is older than what this machine knows" in outcome.error
    assert line.run("bundle", "install", str(bundle), "--yes", "--allow-expired").code == 0


def test_a_bundle_cannot_hide_how_old_it_is_behind_another_mirror_and_a_manifest_of_its_own(
    line: CommandLine, site: AcmeSite, tmp_path: Path
):
    """What this machine has seen of the repository counts under whatever name the bundle has it."""
    path, forged = tmp_path / "old.tar", tmp_path / "forged.tar"
    mirror = site.server.url("").replace("127.0.0.1", "localhost")
    line.succeed("bundle", "create", NAME, "--mirror", mirror, "-o", str(path), "--yes")
    site.publish(Publication(date=datetime.now(timezone.utc)))
    line.succeed("install", NAME, "--yes")
    line.succeed("remove", NAME, "--purge", "--yes")
    _with_other_manifest(path, forged, site.manifest().replace(b"127.0.0.1", b"nowhere.invalid"))

    outcome = line.run("bundle", "install", str(forged), "--yes")

    assert outcome.code == 4, outcome
    assert "the bundle is older than what this machine knows" in outcome.error


def test_a_stack_that_only_a_bundle_knows_does_not_hide_how_old_another_s_index_is(
    line: CommandLine, site: AcmeSite, tmp_path: Path
):
    path, forged = tmp_path / "old.tar", tmp_path / "forged.tar"
    elsewhere = site.server.url("").replace("127.0.0.1", "localhost")
    line.succeed("bundle", "create", NAME, "--mirror", elsewhere, "-o", str(path), "--yes")
    site.publish(Publication(date=datetime.now(timezone.utc)))
    line.succeed("install", NAME, "--yes")
    line.succeed("remove", NAME, "--purge", "--yes")
    manifest = site.manifest("zebra-1.0").replace(site.server.url("").encode(), elsewhere.encode())
    _with_other_manifest(path, forged, manifest, beside="zebra-1.0")

    outcome = line.run("bundle", "install", str(forged), NAME, "--yes")

    assert outcome.code == 4, outcome
    assert "the bundle is older than what this machine knows" in outcome.error


def _with_other_manifest(path: Path, forged: Path, manifest: bytes, *, beside: str = "") -> None:
    """The bundle *path* as *forged*, with *manifest* for its only stack, or for another one *beside* it."""
    with BundleFile.opened(path) as file:
        bundle, contents = file.bundle, {one.path: b"".join(file.pieces(one)) for one in file.bundle.members}
    (stack,) = bundle.stacks
    old = bundle.member(stack.manifest)
    made = replace(
        old, path=f"manifests/{beside or 'own'}", size=len(manifest), sha256=hashlib.sha256(manifest).hexdigest()
    )
    stacks = (*(bundle.stacks if beside else ()), replace(stack, name=beside or stack.name, manifest=made.path))
    members = tuple(sorted((made, *bundle.members), key=lambda one: one.path))
    write_bundle(forged, replace(bundle, stacks=stacks, members=members), {**contents, made.path: manifest}, Disk())


def test_the_keys_of_this_machine_s_manifest_count_not_those_of_the_bundle(
    line: CommandLine, site: AcmeSite, bundle: Path
):
    manifest = site.manifest().replace(site.key.fingerprint.encode(), b"A" * 40)
    line.add_manifest(NAME, manifest)

    outcome = line.run("bundle", "install", str(bundle), "--yes")

    assert outcome.code == 4
    assert not (line.layout.prefixes / NAME).exists()


def test_a_stack_that_is_somewhere_else_is_not_in_the_bundle(other: CommandLine, bundle: Path):
    outcome = other.run("bundle", "install", str(bundle), "debian-5.2.3", "--yes")

    assert (outcome.code, outcome.error) == (3, f"`debian-5.2.3` is not in the bundle `{bundle}`")
    assert outcome.hint == f"run `rocmswitch bundle show {shlex.quote(str(bundle))}`"


def test_packages_of_a_bundle_are_counted(line: CommandLine, site: AcmeSite):
    site.let(line, rocm={"sets": {"runtime": ["acme-core"]}})

    assert "acme-1.0 (runtime): 1 package\n" in line.run("bundle", "create", NAME, "-o", "b.tar", "--dry-run").err


def test_two_stacks_come_in_one_bundle(line: CommandLine, other: CommandLine, site: AcmeSite, tmp_path: Path):
    site.let(line, "other-1.0")
    path = tmp_path / "both.tar"
    line.succeed("bundle", "create", NAME, "other-1.0", "-o", str(path), "--yes")

    other.succeed("bundle", "install", str(path), "--yes")

    assert all((other.layout.prefixes / name).exists() for name in (NAME, "other-1.0"))
    members = json.loads(line.succeed("bundle", "show", str(path), "--json"))["members"]
    assert sorted(one["name"] for one in members if one["kind"] == "package") == ["acme-core", "acme-tools"]


def test_another_user_installs_from_a_bundle_that_he_may_only_read(other: CommandLine, bundle: Path):
    """Somebody with a home of his own, who owns nothing else."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-m", "rocmswitch"]
    if shutil.which("setpriv") is None or subprocess.run([*wrapper, "--version"], check=False).returncode:
        pytest.skip("somebody else may not run this Python")
    bundle.chmod(0o444)
    other.home.mkdir(parents=True)
    os.chown(other.folder, 65534, 65534)
    let_all_enter(bundle.parent)

    words = [*wrapper, "bundle", "install", str(bundle), "--yes"]
    done = subprocess.run(words, env=other.variables(), capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert tree_of(other)
