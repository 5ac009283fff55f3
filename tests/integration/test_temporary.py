"""Folders in TMPDIR that are gone with the command that needed them, or with the next one after it was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.system.temporary import temporary_folder

HOLDS = """
import sys
from pathlib import Path
from rocmswitch.system.temporary import temporary_folder
with temporary_folder(Path(sys.argv[1])) as folder:
    (folder / "file").write_text("x")
    (folder / "below").mkdir()
    (folder / "below/file").touch()
    (folder / "below").chmod(0o500)
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def above(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def holder(above: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process with such a folder, until it is killed or its input ends."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLDS, above], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_it_is_gone_when_the_block_ends_by_whatever_means(above: Path) -> None:
    with pytest.raises(ZeroDivisionError), temporary_folder(above) as folder:
        (folder / "file").touch()
        raise ZeroDivisionError

    assert list(above.iterdir()) == []


def test_what_a_killed_process_has_left_goes_with_the_next(
    holder: tuple[subprocess.Popen[str], Path], above: Path
) -> None:
    process, left = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (left / "file").exists()

    with temporary_folder(above) as folder:
        assert list(above.iterdir()) == [folder]


def test_what_a_process_still_needs_stays(holder: tuple[subprocess.Popen[str], Path], above: Path) -> None:
    _, used = holder

    with temporary_folder(above) as first, temporary_folder(above) as second:
        assert set(above.iterdir()) == {used, first, second}

    assert (used / "below/file").exists()


def test_links_files_and_what_others_have_put_there_stay(above: Path) -> None:
    elsewhere = above / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (above / "rocmswitch-run-link").symlink_to(elsewhere)
    (above / "rocmswitch-run-file").touch()

    with temporary_folder(above):
        pass

    assert sorted(one.name for one in above.iterdir()) == [
        "elsewhere",
        "rocmswitch-run-file",
        "rocmswitch-run-link",
    ]
    assert (elsewhere / "file").exists()
