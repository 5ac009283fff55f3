"""The files that are to go somewhere, read as far as their headers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rocmswitch.errors import NotFound, Refused
from rocmswitch.host.incoming import read_incoming
from tests.support.patched import patched, write


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return write(tmp_path / "built here/libMIOpen.so", patched())


def compiled(path: Path, *options: str) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here: install gcc")
    subprocess.run(["gcc", "-x", "c", "-", "-o", path, *options], input=b"int main(void) { return 0; }", check=True)
    return path


def test_a_library_is_known_by_its_soname(library: Path):
    (found,) = read_incoming([str(library)])

    assert (found.path, found.size, found.soname, found.flaw) == (
        *(str(library), library.stat().st_size),
        *("libMIOpen.so.1", ""),
    )


def test_a_symlink_that_is_named_is_followed(library: Path, tmp_path: Path):
    (tmp_path / "mine.so").symlink_to(library)

    assert read_incoming([str(tmp_path / "mine.so")]) == read_incoming([str(library)])


def test_a_folder_is_every_file_below_it_and_symlinks_are_other_names(library: Path):
    write(library.parent / "deeper/librocblas.so.4", patched("librocblas.so"))
    (library.parent / "libMIOpen.so.1").symlink_to("libMIOpen.so")

    assert [Path(one.path).name for one in read_incoming([str(library.parent)])] == [
        "librocblas.so.4",
        "libMIOpen.so",
    ]


def test_as_is_the_path_of_one_file_and_the_folder_of_several(library: Path, tmp_path: Path):
    data = write(tmp_path / "x.dat", b"kernels")

    assert [
        [one.goes_as for one in read_incoming(words, goes_as)]
        for words, goes_as in (
            ([str(library)], "torch/lib/libMIOpen.so"),
            ([str(library)], "torch/lib/"),
            ([str(library), str(data)], "torch/lib"),
            ([str(library.parent)], "torch/lib"),
        )
    ] == [
        ["torch/lib/libMIOpen.so"],
        ["torch/lib//libMIOpen.so"],
        ["torch/lib/libMIOpen.so", "torch/lib/x.dat"],
        ["torch/lib/libMIOpen.so"],
    ]


def test_what_is_no_library_is_refused_with_what_it_is(library: Path, tmp_path: Path):
    subprocess.run(["ar", "rc", tmp_path / "libx.a", library], check=True)
    code = bytearray(library.read_bytes())
    code[18:20] = (224).to_bytes(2, "little")
    files = {
        "it is no ELF file": write(tmp_path / "notes.so", b"text"),
        "it is no ELF file (empty)": write(tmp_path / "empty.so", b""),
        "it is a static archive": tmp_path / "libx.a",
        "it is an object file": compiled(tmp_path / "x.o", "-c"),
        "it is a program": compiled(tmp_path / "static", "-no-pie"),
        "it is a program (pie)": compiled(tmp_path / "pie", "-pie"),
        "it is code for a GPU": write(tmp_path / "kernels.co", bytes(code)),
    }
    said = {}
    for expected, path in files.items():
        with pytest.raises(Refused) as caught:
            read_incoming([str(path)])
        said[expected] = str(caught.value).removeprefix(f"`{path}` is not a shared library: ")

    assert said == {expected: expected.partition(" (")[0] for expected in files}


def test_the_same_files_are_taken_where_they_are_named_by_their_path(tmp_path: Path):
    data = write(tmp_path / "x.dat", b"kernels")

    assert [(one.flaw, one.facts) for one in read_incoming([str(data)], "torch/lib/rocblas/library/x.dat")] == [
        ("it is no ELF file", None)
    ]


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.5, 0.9, 0.999])
def test_a_library_that_is_cut_short_is_refused_even_by_its_path(library: Path, kept: float):
    os.truncate(library, int(library.stat().st_size * kept))

    for goes_as in ("", "torch/lib/libMIOpen.so"):
        with pytest.raises(Refused, match=r"cut short"):
            read_incoming([str(library)], goes_as)


def test_a_stripped_library_is_whole(library: Path):
    subprocess.run(["strip", library], check=True)

    assert read_incoming([str(library)])[0].flaw == ""


def test_a_library_without_a_soname_is_known_by_the_name_of_its_file(tmp_path: Path):
    path = compiled(tmp_path / "_C.cpython-312-x86_64-linux-gnu.so", "-shared", "-fPIC")

    assert read_incoming([str(path)])[0].soname == "_C.cpython-312-x86_64-linux-gnu.so"


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    (tmp_path / "lost").symlink_to("nowhere")

    with pytest.raises(NotFound, match=r"^there is no `\./nothing`$"):
        read_incoming(["./nothing"])
    with pytest.raises(NotFound, match="there is no"):
        read_incoming([str(tmp_path / "lost")])
    with pytest.raises(NotFound, match="holds no file"):
        read_incoming([str(tmp_path / "empty")])
    with pytest.raises(Refused, match="no regular file"):
        read_incoming([str(tmp_path / "pipe")])


def test_a_library_of_a_gigabyte_costs_no_memory(library: Path):
    os.truncate(library, 1 << 30)
    program = (
        "import sys; from pathlib import Path; from rocmswitch.host.incoming import read_incoming;"
        "read_incoming(sys.argv[1:]); print(Path('/proc/self/status').read_text())"
    )
    done = subprocess.run([sys.executable, "-c", program, library], capture_output=True, text=True, check=True)

    # Not ru_maxrss, which a child takes over from who started it.
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert int(peak) < 60_000
