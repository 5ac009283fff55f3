"""Bundles of every kind of source: rpm repositories, tarballs, PyTorch's wheels, a Python that is missing."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.store.receipts import read_files, read_receipt
from tests.cli.test_install_rpm import NAME as ROCKY
from tests.cli.test_install_rpm import RockySite
from tests.support.commandline import CommandLine
from tests.support.keys import SigningKey
from tests.support.pythonsite import VERSION, PythonSite
from tests.support.pytorchsite import PytorchSite
from tests.support.tarballs import ARCHIVE, TarballSite
from tests.support.tarballs import NAME as ROCK

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
PYTORCH, WITHOUT_HASHES = "rocm-6.2.4", "rocm-5.7.1"


@pytest.fixture
def other(tmp_path: Path) -> CommandLine:
    """Somebody on another machine, who reaches nobody."""
    return CommandLine(tmp_path / "another machine", {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})


@pytest.fixture(scope="module")
def pytorch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path_factory.mktemp("site"), pythons=(TAG,)) as site:
        yield site


def files(line: CommandLine, name: str) -> list[str]:
    return sorted(map(repr, read_files(line.layout.prefixes / name)))


def contents(line: CommandLine) -> tuple[dict[str, str], tuple[str, ...]]:
    """The hashes of an environment's wheels, and what has to stay."""
    receipt = read_receipt(line.layout.venvs / "demo")
    return {one.name: one.sha256 for one in receipt.packages}, receipt.pins


@pytest.mark.parametrize("signed", (True, False), ids=("index", "packages"))
def test_a_bundle_of_rpms_is_verified_by_the_same_signatures(
    signed: bool, tmp_path: Path, key: SigningKey, other: CommandLine
):
    line, path = CommandLine(tmp_path / "a person"), tmp_path / "rocky.tar"
    rocky = RockySite(tmp_path / "served", key, signed=signed)
    with rocky.server:
        rocky.furnish(line)
        line.succeed("install", ROCKY, "--yes")
        line.succeed("bundle", "create", ROCKY, "-o", str(path), "--yes")

    outcome = other.run("bundle", "install", str(path), "--require", "signed", "--yes")

    assert outcome.code == 0, outcome
    assert files(other, ROCKY) == files(line, ROCKY)


@pytest.mark.parametrize("secure", (False, True), ids=("pinned", "first-use"))
def test_a_bundle_of_a_tarball_holds_the_whole_archive(secure: bool, tmp_path: Path, other: CommandLine):
    path = tmp_path / "rock.tar"
    with TarballSite(tmp_path / "server", secure=secure) as site:
        line, digest = site.person(tmp_path / "a person"), site.pack()
        site.let(line, digest="" if secure else digest)
        line.succeed("bundle", "create", ROCK, "-o", str(path), "--yes")
        line.succeed("install", ROCK, "--yes")

    outcome = other.run("bundle", "install", str(path), "--yes")

    assert outcome.code == 0, outcome
    assert files(other, ROCK) == files(line, ROCK)
    assert {one.verification for one in read_receipt(other.layout.prefixes / ROCK).packages} == {
        "first-use" if secure else "pinned"
    }


def test_what_a_tarball_was_when_it_was_bundled_is_required_when_it_is_installed(tmp_path: Path):
    with TarballSite(tmp_path / "server", secure=True) as site:
        line, _ = site.person(tmp_path / "a person"), site.pack()
        site.let(line)
        line.succeed("bundle", "create", ROCK, "-o", str(tmp_path / "rock.tar"), "--yes")
        shutil.rmtree(line.layout.cache)
        (site.tree / "share/rock/data").write_text("other\n")
        site.pack()

        outcome = line.run("install", ROCK, "--yes")

    assert (outcome.code, "its hash is that of its first use" in outcome.err) == (4, True), outcome


def test_a_damaged_bundle_does_not_say_what_a_tarball_is_from_then_on(tmp_path: Path, other: CommandLine):
    path, damaged = tmp_path / "rock.tar", tmp_path / "damaged.tar"
    with TarballSite(tmp_path / "server", secure=True) as site:
        line, digest = site.person(tmp_path / "a person"), site.pack()
        site.let(line)
        line.succeed("bundle", "create", ROCK, "-o", str(path), "--yes")
        archive = (site.folder / ARCHIVE).read_bytes()
    damaged.write_bytes(path.read_bytes().replace(archive[100:108], b"damaged!"))

    outcome = other.run("bundle", "install", str(damaged), "--yes")

    assert (outcome.code, f"not `{digest}`" in outcome.error) == (4, True), outcome
    other.succeed("bundle", "install", str(path), "--yes")
    assert [one.sha256 for one in read_receipt(other.layout.prefixes / ROCK).packages] == [digest]


@pytest.mark.parametrize("stack", (PYTORCH, WITHOUT_HASHES))
def test_a_bundle_has_all_wheels_of_an_environment(
    stack: str, pytorch: PytorchSite, tmp_path: Path, other: CommandLine
):
    if stack == WITHOUT_HASHES and int(TAG[3:]) >= 13:
        pytest.skip("torch 2.3 exists for no Python as new as this one")
    line = CommandLine(tmp_path / "a person", {"PIP_INDEX_URL": pytorch.simple})
    pytorch.let(line, stack)
    pytorch.let(other, stack)
    path = tmp_path / "wheels.tar"
    line.succeed("bundle", "create", stack, "--venv", "-o", str(path), "--yes")
    line.succeed("use", stack, "--venv", "demo", "--yes")
    pytorch.server.requests.clear()

    outcome = other.run("bundle", "install", str(path), "--venv", "demo", "--yes")

    assert (outcome.code, pytorch.server.requests) == (0, []), outcome
    made = [
        {one.name: one.sha256 for one in read_receipt(one.layout.venvs / "demo").packages} for one in (line, other)
    ]
    assert made[0] == made[1]
    assert read_receipt(other.layout.venvs / "demo").pins == read_receipt(line.layout.venvs / "demo").pins


def test_a_wheel_that_this_machine_knows_otherwise_is_not_taken_from_a_bundle(
    pytorch: PytorchSite, tmp_path: Path, other: CommandLine
):
    line = CommandLine(tmp_path / "a person", {"PIP_INDEX_URL": pytorch.simple})
    pytorch.let(line, PYTORCH)
    path = tmp_path / "wheels.tar"
    line.succeed("bundle", "create", PYTORCH, "--venv", "-o", str(path), "--yes")
    builds = pytorch.changes(PYTORCH)["pytorch"]
    for build in builds:
        build["hashes"] = dict.fromkeys(_names(line, path), "0" * 64)
    other.add_manifest(PYTORCH, pytorch.manifest(PYTORCH, pytorch=builds))

    outcome = other.run("bundle", "install", str(path), "--venv", "demo", "--yes")

    assert outcome.code == 4
    assert "has another hash in the lock than the manifest here pins" in outcome.error


def test_a_folder_of_somebody_s_own_wheels_is_not_named_in_the_bundle(
    pytorch: PytorchSite, tmp_path: Path, other: CommandLine
):
    folder = tmp_path / "my-wheels"
    folder.mkdir()
    for wheel in (*(pytorch.folder / "simple").glob("*.whl"), *(pytorch.folder / "whl/cpu").glob("torch*.whl")):
        (folder / wheel.name).write_bytes(wheel.read_bytes())
    line = CommandLine(tmp_path / "a person", {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)})
    for one in (line, other):
        pytorch.let(one, PYTORCH)
    path = tmp_path / "cpu.tar"
    for wheel in (pytorch.folder / "whl/cpu").glob("*.whl"):
        (folder / wheel.name).write_bytes(wheel.read_bytes())
    line.succeed("bundle", "create", PYTORCH, "--venv", "--cpu", "-o", str(path), "--yes")

    outcome = other.run("bundle", "install", str(path), "--venv", "demo", "--yes")

    assert outcome.code == 0, outcome
    assert b"my-wheels" not in path.read_bytes()


def test_a_python_comes_along_and_is_the_one_that_is_used(pytorch: PytorchSite, tmp_path: Path, other: CommandLine):
    path = tmp_path / "python.tar"
    version = f"{VERSION}.99"
    with PythonSite(tmp_path / "site") as site:
        key = site.offer(version)
        line = CommandLine(tmp_path / "a person", {"PIP_INDEX_URL": pytorch.simple, **site.environment})
        pytorch.let(line, PYTORCH)
        words = ("bundle", "create", PYTORCH, "--venv", "--with-python", "-o", str(path), "--yes")
        line.succeed(*words)
    pytorch.let(other, PYTORCH)

    asked = ("bundle", "install", str(path), "--venv", "demo", "--python", version, "--yes")
    refused, outcome = other.run(*asked, "--require", "pinned"), other.run(*asked)

    assert (refused.code, outcome.code) == (5, 0), (refused, outcome)
    assert refused.error == f"`{key}` of the bundle is only `first-use`, and `pinned` is required"
    assert f"{key} is the bundle's: who made the bundle is trusted for it" in outcome.err
    assert (other.layout.pythons / key / "bin/python3").exists()
    assert read_receipt(other.layout.venvs / "demo").python.startswith(str(other.layout.pythons))


def _names(line: CommandLine, path: Path) -> list[str]:
    """The wheels in the bundle, as they are called."""
    told = json.loads(line.succeed("bundle", "show", str(path), "--json"))
    return [url.rpartition("/")[2].replace("%2B", "+") for one in told["members"] for url in one.get("urls", ())]
