"""Real libraries that ask for an executable stack, as torch for ROCm 5.2 brings one, in a real environment."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.metadata.elf import parse_elf
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.package import Digest
from rocmswitch.store.stackflag import clear_stack_flags
from rocmswitch.store.virtualenv import Uv, Wheel, list_environment
from rocmswitch.system.disk import Disk
from tests.support.debs import Library, make_library
from tests.support.pytorchwheels import make

ASKING, CALM = "libamdhip64.so", "libhsa-runtime64.so.1"
LOAD = """
import ctypes, sys
answer = ctypes.CDLL(sys.argv[1]).answer()
(stack,) = (line for line in open("/proc/self/maps") if "[stack]" in line)
print(answer, "x" in stack.split()[1])
"""


def library(folder: Path, name: str, *, executable_stack: bool = False) -> bytes:
    path = folder / name
    make_library(Library(name, functions=("answer",), executable_stack=executable_stack), path)
    return path.read_bytes()


@pytest.fixture
def wheels(tmp_path: Path) -> tuple[Wheel, ...]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    files = {
        f"torch/lib/{ASKING}": library(scratch, ASKING, executable_stack=True),
        f"torch/lib/{CALM}": library(scratch, CALM),
        "torch/lib/notes.so": b"\x7fELF is how it begins, and no more",
        "torch/lib/empty.so": b"",
        "torch/__init__.py": "",
    }
    made = make("torch", "1.13.1+rocm5.2", files=files)
    path = tmp_path / made.sha256
    path.write_bytes(made.content)
    return (Wheel(made.filename, path, Digest.sha256(made.sha256)),)


def environment(folder: Path, wheels: tuple[Wheel, ...], uv: Uv) -> tuple[FileEntry, ...]:
    folder.mkdir(parents=True)
    uv.make_environment(folder, Path(sys.executable), wheels)
    return list_environment(folder, wheels)


def find(folder: Path, name: str) -> Path:
    (path,) = folder.glob(f"lib/python*/site-packages/torch/lib/{name}")
    return path


def asks(path: Path) -> bool:
    with path.open("rb") as file:
        facts = parse_elf(file)
    assert facts is not None
    return facts.executable_stack


def test_the_flag_is_cleared_in_the_environment_alone_and_the_receipt_says_so(
    wheels: tuple[Wheel, ...], tmp_path: Path
) -> None:
    uv, folder, other = Uv(tmp_path / "uv", Disk()), tmp_path / "one", tmp_path / "other"
    environment(other, wheels, uv)
    before = environment(folder, wheels, uv)

    after = clear_stack_flags(folder, before, Disk())

    changed = {new.path: (old, new) for old, new in zip(before, after, strict=True) if old != new}
    path = find(folder, ASKING)
    assert list(changed) == [str(path.relative_to(folder))]
    old, new = changed[str(path.relative_to(folder))]
    assert new == replace(
        old,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        original_sha256=old.sha256,
        reason="executable stack no longer asked for",
    )
    assert (asks(path), asks(find(other, ASKING))) == (False, True)
    assert (path.stat().st_nlink, path.stat().st_mode & 0o777) == (1, new.mode)


def test_what_does_not_ask_stays_the_file_that_the_cache_has(wheels: tuple[Wheel, ...], tmp_path: Path) -> None:
    uv, folder = Uv(tmp_path / "uv", Disk()), tmp_path / "one"
    entries = environment(folder, wheels, uv)
    before = find(folder, CALM).stat().st_ino

    clear_stack_flags(folder, entries, Disk())

    assert (find(folder, CALM).stat().st_ino, find(folder, CALM).stat().st_nlink > 1) == (before, True)


def test_a_cleared_library_loads_and_leaves_the_stack_as_it_is(wheels: tuple[Wheel, ...], tmp_path: Path) -> None:
    folder = tmp_path / "one"
    entries = environment(folder, wheels, Uv(tmp_path / "uv", Disk()))

    clear_stack_flags(folder, entries, Disk())

    command = [folder / "bin/python", "-c", LOAD, find(folder, ASKING)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "42 False\n"


def test_what_binding_has_changed_already_keeps_the_hash_that_the_wheel_had(tmp_path: Path) -> None:
    content = library(tmp_path, "bound.so", executable_stack=True)
    found = hashlib.sha256(content).hexdigest()
    entry = FileEntry(
        "bound.so", "file", 0o644, len(content), found, original_sha256="ab" * 32, reason="DT_RPATH /x"
    )

    (after,) = clear_stack_flags(tmp_path, (entry,), Disk())

    assert (after.original_sha256, after.reason) == ("ab" * 32, "DT_RPATH /x; executable stack no longer asked for")


def test_doing_it_again_changes_nothing(tmp_path: Path) -> None:
    content = library(tmp_path, "one.so", executable_stack=True)
    entry = FileEntry("one.so", "file", 0o644, len(content), hashlib.sha256(content).hexdigest())
    once = clear_stack_flags(tmp_path, (entry,), Disk())

    again = clear_stack_flags(tmp_path, once, Disk())

    assert again == once != (entry,)
