"""Debian's real MIOpen over the one that real uv has linked from its cache; then real pip puts the wheel's back."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commandline import Outcome
from tests.support.debianarchive import unpacked
from tests.support.disk import remove_folder
from tests.support.patched import PYTHON
from tests.support.pytorchwheels import torch_wheel
from tests.support.sharedenvironments import Found, SharedEnvironments
from tests.support.torchenvironment import RPATH

pytestmark = pytest.mark.system("debian")

REASON = "from a newer Debian"


@pytest.fixture(scope="module")
def miopen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library itself, 27 MB and linked to a newer glibc, Boost and SQLite than there are here."""
    folder = unpacked("libmiopen1", tmp_path_factory.mktemp("debian"))
    (path,) = (path for path in folder.rglob("libMIOpen.so.*") if not path.is_symlink())
    return path


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SharedEnvironments]:
    yield SharedEnvironments.made(tmp_path / "account")
    remove_folder(tmp_path / "account")


def deploy(shared: SharedEnvironments, miopen: Path) -> None:
    shared.line.succeed("deploy", str(miopen), "--into", str(shared.first), "--force", REASON, "--yes")


def others(shared: SharedEnvironments) -> Found:
    """uv's cache, and the second environment."""
    folders = (shared.cache.name, shared.second.name)
    return {path: one for path, one in shared.files().items() if path.startswith(folders)}


def states(shared: SharedEnvironments) -> list[tuple[int, str]]:
    listed: list[dict[str, Any]] = json.loads(shared.line.succeed("history", "--json"))
    return [(one["number"], one["state"]) for one in listed]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def reinstall(shared: SharedEnvironments) -> None:
    """Real pip, of the same wheel. Python brings pip along."""
    python = str(shared.first / "bin/python")
    environment = shared.line.variables(PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    with tempfile.TemporaryDirectory() as scratch:
        torch = torch_wheel(RPATH, PYTHON)
        wheel = Path(scratch) / torch.filename
        wheel.write_bytes(torch.content)
        brought = subprocess.run(
            [python, "-m", "ensurepip"], capture_output=True, text=True, env=environment, check=False
        )
        if brought.returncode:
            pytest.skip(f"this Python brings no pip along: {brought.stderr.strip()}")
        command = [python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", str(wheel)]
        subprocess.run(command, env=environment, check=True)


def test_what_debians_library_lacks_here_is_named_and_nothing_is_changed(
    shared: SharedEnvironments, miopen: Path
) -> None:
    before = shared.files()

    outcome = shared.line.run("deploy", str(miopen), "--into", str(shared.first), "--yes")

    assert outcome.code == 5, outcome
    assert "glibc" in outcome.err.lower()
    assert "libboost_filesystem" in outcome.err
    assert shared.files() == before


def test_the_real_library_is_put_over_a_link_to_uvs_cache_and_nobody_else_sees_it(
    shared: SharedEnvironments, miopen: Path
) -> None:
    before, apart = shared.files(), others(shared)
    target = shared.targets[0]
    names = target.stat().st_nlink

    deploy(shared, miopen)

    assert (target.stat().st_nlink > 2, names > 2) == (False, True)
    assert sha256(target) == sha256(miopen)
    assert others(shared) == apart
    shared.line.succeed("restore", str(shared.first), "--yes")
    assert shared.files() == before
    assert others(shared) == apart


def test_pip_brings_the_wheels_own_which_is_noticed_and_put_right(shared: SharedEnvironments, miopen: Path) -> None:
    wheels_own, apart = sha256(shared.targets[0]), others(shared)
    deploy(shared, miopen)

    reinstall(shared)

    assert sha256(shared.targets[0]) == wheels_own
    assert states(shared) == [(1, "replaced")]
    assert doctor_says(shared, "deploy --again 1")
    shared.line.succeed("deploy", "--again", "1", "--yes")
    assert sha256(shared.targets[0]) == sha256(miopen)
    assert not doctor_says(shared, "deploy --again")
    shared.line.succeed("restore", str(shared.first), "--yes")
    assert sha256(shared.targets[0]) == wheels_own
    assert others(shared) == apart


def doctor_says(shared: SharedEnvironments, words: str) -> bool:
    outcome: Outcome = shared.line.run("doctor")
    assert "Traceback" not in outcome.err and "is a bug" not in outcome.err, outcome
    return words in outcome.out + outcome.err


def test_a_second_library_over_the_first_is_undone_one_by_one(shared: SharedEnvironments, miopen: Path) -> None:
    before = shared.files()
    shared.line.succeed("deploy", *shared.patched, "--into", str(shared.first), "--yes")
    deploy(shared, miopen)

    shared.line.succeed("undo", "--yes")
    assert [sha256(path) for path in shared.targets] == [sha256(Path(path)) for path in shared.patched]
    shared.line.succeed("undo", "--yes")

    assert shared.files() == before
