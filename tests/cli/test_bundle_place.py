"""Where a bundle is to be written is looked at before a server is asked, and its room when sizes are known."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine, Outcome

ANOTHER = "run the same command with another `-o FILE`"
READ_ONLY = 'mount -t tmpfs -o ro none "$1" && shift && exec "$@"'
SMALL = 'mount -t tmpfs -o size=8k none "$1" && shift && exec "$@"'


def create_in(folder: Path, line: CommandLine, *wrapper: str) -> Outcome:
    """Make a bundle in *folder* with a program that *wrapper* starts."""
    folder.mkdir()
    folder.chmod(0o555)
    line.home.mkdir(parents=True, exist_ok=True)
    if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"this account may not run `{wrapper[0]}`")
    command = [*wrapper, sys.executable, "-m", "rocmswitch", "bundle", "create", NAME, "--yes"]
    done = subprocess.run(
        [*command, "-o", str(folder / "a.tar")],
        env=line.variables(),
        cwd=line.home,
        capture_output=True,
        text=True,
        check=False,
    )
    folder.chmod(0o755)
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_a_folder_that_is_missing_is_told_before_a_server_is_asked(
    line: CommandLine, site: AcmeSite, tmp_path: Path
):
    site.server.requests.clear()

    outcome = line.run("bundle", "create", NAME, "-o", str(tmp_path / "none" / "a.tar"), "--yes")

    assert (outcome.code, outcome.error) == (3, f"there is no folder `{tmp_path / 'none'}` for the bundle")
    assert site.server.requests == []


@pytest.mark.parametrize("below", ["a.tar", "more/a.tar"])
def test_what_is_no_folder_is_said_to_be_none_and_nobody_is_told_to_make_one_in_it(
    line: CommandLine, tmp_path: Path, below: str
):
    file = tmp_path / "file"
    file.write_text("")

    outcome = line.run("bundle", "create", NAME, "-o", str(file / below), "--yes")

    assert (outcome.code, outcome.hint) == (5, ANOTHER)
    assert outcome.error == f"`{file}` is no folder, so nothing can be in it"


def test_a_folder_that_is_mounted_read_only_is_told_before_a_server_is_asked(
    line: CommandLine, site: AcmeSite, tmp_path: Path
):
    folder = tmp_path / "place"
    site.server.requests.clear()

    outcome = create_in(
        folder, line, "unshare", "--mount", "--map-root-user", "sh", "-c", READ_ONLY, "sh", str(folder)
    )

    assert (outcome.code, outcome.error) == (6, f"`{folder}` is on a file system that is mounted read-only")
    assert outcome.hint == ANOTHER
    assert site.server.requests == []


def test_a_folder_that_this_user_may_not_write_is_told_before_a_server_is_asked(
    line: CommandLine, site: AcmeSite, tmp_path: Path
):
    """Root without its capabilities, or whoever runs this."""
    site.server.requests.clear()

    outcome = create_in(tmp_path / "place", line, "setpriv", "--bounding-set=-all", "--inh-caps=-all")

    assert (outcome.code, outcome.error) == (6, f"`{tmp_path / 'place'}` may not be written by this user")
    assert outcome.hint == ANOTHER
    assert site.server.requests == []


def test_a_place_with_too_little_room_is_told_before_anything_is_fetched(
    line: CommandLine, site: AcmeSite, tmp_path: Path
):
    folder = tmp_path / "place"

    outcome = create_in(folder, line, "unshare", "--mount", "--map-root-user", "sh", "-c", SMALL, "sh", str(folder))

    assert outcome.code == 6, outcome
    assert re.search(r"`.*/place` has 0 MB free and \d+ MB are needed there", outcome.error)
    assert outcome.hint == ANOTHER
    assert not site.server.asked(site.archive("acme-core"))


def test_the_size_that_is_shown_counts_the_indexes_that_were_read(
    line: CommandLine, site: AcmeSite, tmp_path: Path
):
    path = tmp_path / "a.tar"
    before = line.run("bundle", "create", NAME, "-o", str(path), "--dry-run").err
    line.succeed("bundle", "create", NAME, "-o", str(path), "--yes")

    found = re.search(r"about ([\d.]+) kB", before)

    assert found is not None, before
    content = sum(one.stat().st_size for one in line.layout.archives.iterdir())
    assert content < float(found[1]) * 1000 < path.stat().st_size + 4096
