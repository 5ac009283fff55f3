"""`deploy --adopt` in an environment of conda: its libraries lie in `lib`, and its packages say what is theirs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.patched import original, patched, write

LIBRARY = "lib/libMIOpen.so.1.0.60204"


@pytest.fixture
def conda(line: CommandLine) -> Path:
    """With a patched library over the package's, and a copy of that beside it."""
    folder = line.folder / "conda env"
    (folder / "lib/python3.12/site-packages").mkdir(parents=True)
    write(folder / LIBRARY, patched())
    write(folder / f"{LIBRARY}.original", original())
    (folder / "lib/libMIOpen.so").symlink_to("libMIOpen.so.1.0.60204")
    write(folder / "conda-meta/broken-1.json", f'["{LIBRARY}"]'.encode())
    write(folder / "conda-meta/cut-1.json", f'{{"paths_data": "{LIBRARY}'.encode())
    says(folder, {"sha256": hashlib.sha256(original()).hexdigest()})
    return folder


def says(folder: Path, hashes: dict[str, str]) -> None:
    """What the package that has the library says of it."""
    paths = {"paths": [{"_path": "lib/other"}, {"_path": LIBRARY, **hashes}]}
    package = {"name": "miopen-hip", "version": "3.2.0", "paths_data": paths}
    write(folder / "conda-meta/miopen-hip-3.2.0-0.json", json.dumps(package, indent=2).encode())


def test_the_packages_own_file_is_recorded_and_can_be_restored(line: CommandLine, conda: Path):
    adopted = line.run("deploy", "--adopt", str(conda), "--yes")

    assert adopted.code == 0 and "adopted 1 backup, recorded as generation 1\n" in adopted.err, adopted
    assert f"`{LIBRARY}.original` is what miopen-hip 3.2.0 brought" in adopted.err
    line.succeed("restore", str(conda), "--yes")
    assert (conda / LIBRARY).read_bytes() == original()


def test_what_was_changed_for_the_environment_has_another_hash(line: CommandLine, conda: Path):
    in_prefix = hashlib.sha256(original()).hexdigest()
    says(conda, {"sha256": "0" * 64, "sha256_in_prefix": in_prefix})

    assert line.run("deploy", "--adopt", str(conda), "--yes").code == 0


@pytest.mark.parametrize("hashes", [{}, {"sha256": "0" * 64}, {"sha256": ""}], ids=str)
def test_where_no_package_tells_a_reason_is_needed(line: CommandLine, conda: Path, hashes: dict[str, str]):
    says(conda, hashes)

    refused = line.run("deploy", "--adopt", str(conda), "--yes")
    forced = line.run("deploy", "--adopt", str(conda), "--yes", "--force", "I made it myself")

    assert (refused.code, forced.code) == (5, 0), refused


def test_a_deployment_over_what_was_adopted_is_of_the_same_file(line: CommandLine, conda: Path):
    line.succeed("deploy", "--adopt", str(conda), "--yes")
    newer = write(line.folder / "built/libMIOpen.so.1", patched(value=7))

    line.succeed("deploy", str(newer), "--into", str(conda), "--yes", "--force", "a test")
    line.succeed("restore", str(conda), "--yes")

    assert (conda / LIBRARY).read_bytes() == original()
    again = line.run("deploy", "--adopt", str(conda))
    assert "hold the same" in again.err, again
