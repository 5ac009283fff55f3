"""A program's loader named anew in a few bytes of its file: real programs, started by a loader that was copied."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.metadata.elf import ElfFacts, parse_elf
from rocmswitch.store.elfpatch import copy_edited, interpreter_edits, search_path_edits
from rocmswitch.store.patchelf import patchelf
from tests.support.ownlibc import family, loader, teller

LONG = "a folder of sixty characters to make the whole of the name long"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with a loader and its C library, whose name is longer than that of any loader."""
    folder = tmp_path / LONG
    folder.mkdir()
    for name, path in family().items():
        shutil.copy(path, folder / name)
    return folder / loader().name


def edited(program: bytes, interpreter: str, rpath: str = "") -> bytes:
    source = io.BytesIO(program)
    start = interpreter_edits(source, interpreter)
    search = search_path_edits(source, rpath) if rpath else ()
    assert start is not None and search is not None
    target = io.BytesIO()
    copy_edited(source, target, (*start, *search))
    return target.getvalue()


def facts(program: bytes) -> ElfFacts:
    found = parse_elf(io.BytesIO(program))
    assert found is not None
    return found


def put(program: bytes, path: Path) -> Path:
    path.write_bytes(program)
    path.chmod(0o755)
    return path


def test_a_longer_name_goes_into_the_filling_beside_a_search_path(own: Path, tmp_path: Path) -> None:
    made = edited(teller(), str(own), str(own.parent))

    printed = subprocess.check_output([put(made, tmp_path / "program")], text=True)

    assert (facts(made).interpreter, facts(made).rpath) == (str(own), str(own.parent))
    assert {Path(one).parent for one in printed.splitlines()} == {own.parent}
    assert len(made) == len(teller())


def test_a_shorter_name_takes_the_place_of_the_old_one(own: Path) -> None:
    made = edited(edited(teller(), str(own)), "/lib/ld.so")

    assert facts(made).interpreter == "/lib/ld.so"


def test_a_name_is_changed_a_second_time(own: Path, tmp_path: Path) -> None:
    made = edited(edited(teller(), str(own), str(own.parent)), f"{own}")

    assert subprocess.check_output([put(made, tmp_path / "program")])


def test_tools_that_read_sections_find_the_name_as_well(own: Path, tmp_path: Path) -> None:
    made = put(edited(teller(), str(own)), tmp_path / "program")

    patchelf(made, tmp_path / "patched", str(own.parent))

    with (tmp_path / "patched").open("rb") as file:
        found = parse_elf(file)
    assert found is not None
    assert (found.interpreter, found.rpath) == (str(own), str(own.parent))
    assert subprocess.check_output([tmp_path / "patched"])


def test_without_room_for_the_name_there_is_no_edit() -> None:
    assert interpreter_edits(io.BytesIO(teller()), "/" + "x" * 5000) is None


def test_a_library_starts_by_no_loader() -> None:
    content = family()["libm.so.6"].read_bytes()

    assert interpreter_edits(io.BytesIO(content), "/lib/ld.so") is None


@pytest.mark.parametrize("size", [64, 300, 1000, 4000])
def test_a_file_that_was_cut_off_gets_no_edit(size: int) -> None:
    assert interpreter_edits(io.BytesIO(teller()[:size]), "/lib/" + "x" * 60) is None
