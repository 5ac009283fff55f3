"""Every Python that this machine has, started by a loader and a C library of a tree's own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.errors import Failed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.ownpython import PYTHON, Start, start_python
from rocmswitch.store.virtualenv import Uv
from rocmswitch.system.disk import Disk
from tests.support.disk import HastyDisk
from tests.support.eachpython import python as python
from tests.support.ownlibc import family, loader

QUESTION = """
import ctypes, os, ssl, subprocess, sys, zlib
import math, select, socket, sqlite3
inner = [sys.executable, "-c", "import sys; print(sys.prefix)"]
print(sys.executable, sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), sep="\\n")
print(subprocess.check_output(inner, universal_newlines=True), end="")
print(subprocess.check_output(["cat", "/proc/self/maps"], universal_newlines=True).count("/the-tree/"))
print(*sorted({line.split(None, 5)[-1].strip() for line in open("/proc/self/maps") if ".so" in line}), sep="\\n")
"""
ABOUT = "import os, sys; print(sys.prefix, os.path.dirname(os.__file__), sep='\\n')"


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """A loader with its C library, in a folder with a blank."""
    folder = tmp_path / "my data/the-tree/base/shared"
    folder.mkdir(parents=True)
    for name, path in family().items():
        shutil.copy(path, folder / name)
    return Start(folder / loader().name, (folder, tmp_path / "my data/the-tree/usr/lib"))


def environment(python: str, folder: Path) -> tuple[FileEntry, ...]:
    Uv(folder.parent / "uv", HastyDisk()).make_environment(folder, Path(python), ())
    return (FileEntry(PYTHON, "link", 0o777, target=str((folder / PYTHON).readlink())),)


def test_it_is_the_same_python_with_the_tree_s_c_library_and_the_machine_s_file_stays(
    python: str, start: Start, tmp_path: Path
) -> None:
    folder, before = tmp_path / "environment", Path(python).read_bytes()
    entries = environment(python, folder)
    home, library = subprocess.check_output([python, "-Ic", ABOUT], text=True).splitlines()

    (entry,) = start_python(folder, entries, start, Disk())
    told = subprocess.check_output([folder / "bin/python3", "-c", QUESTION], text=True, env={}).splitlines()

    executable, prefix, base_prefix, standard, inner, of_the_child, *files = told
    assert (executable, prefix, inner) == (str(folder / "bin/python3"), str(folder), str(folder))
    assert (base_prefix, standard, of_the_child) == (home, library, "0")
    foreign = [one for one in files if Path(one).name in family() and Path(one).parent != start.loader.parent]
    assert foreign == []
    assert str(start.loader.parent / "libc.so.6") in files
    assert Path(python).read_bytes() == before
    assert entry.original_sha256 == hashlib.sha256(before).hexdigest()
    assert entry.sha256 == hashlib.sha256((folder / PYTHON).read_bytes()).hexdigest()
    assert (entry.kind, entry.mode, entry.size) == ("file", 0o755, (folder / PYTHON).stat().st_size)


def test_its_owner_and_everybody_may_run_it_and_nobody_but_the_owner_write(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    (folder / PYTHON).symlink_to(shutil.which("true") or "/bin/true")

    start_python(folder, (FileEntry(PYTHON, "link", 0o777, target="/bin/true"),), start, Disk())

    assert (folder / PYTHON).stat().st_mode & 0o777 == 0o755
    assert not (folder / PYTHON).is_symlink()
    assert os.listdir(folder / "bin") == ["python"]  # noqa: PTH208


def test_a_python_that_is_a_script_is_refused(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    (folder / PYTHON).write_text("#!/bin/sh\n")

    with pytest.raises(Failed, match="is no program that can be started by another loader"):
        start_python(folder, (FileEntry(PYTHON, "file", 0o755),), start, Disk())
