"""ELF facts of real files, made by the compiler of this machine."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rocmswitch.metadata.elf import ElfFacts, parse_elf

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc to make ELF files")


def compiled(folder: Path, *flags: str, source: str = "int answer(void) { return 42; }", name: str = "it") -> Path:
    text, made = folder / f"{name}.c", folder / name
    text.write_text(source)
    subprocess.run(["gcc", "-o", made, text, *flags], check=True, cwd=folder)
    return made


def facts(path: Path) -> ElfFacts:
    with path.open("rb") as file:
        found = parse_elf(file)
    assert found is not None
    return found


def test_a_library_tells_its_soname_search_path_and_versions(tmp_path):
    script = tmp_path / "versions"
    script.write_text("HIP_1.0 { global: answer; local: *; };\nHIP_2.0 { } HIP_1.0;\n")

    made = compiled(
        tmp_path,
        *("-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libamdhip64.so.5", f"-Wl,--version-script={script}"),
        *("-Wl,-rpath,$ORIGIN/../lib", "-Wl,--disable-new-dtags", "-Wl,-z,noexecstack"),
    )

    assert facts(made) == ElfFacts(
        machine=facts(Path(sys.executable)).machine,
        type="ET_DYN",
        bits=64,
        soname="libamdhip64.so.5",
        rpath="$ORIGIN/../lib",
        defined_versions=("HIP_1.0", "HIP_2.0"),
    )


def test_a_program_tells_its_interpreter_and_the_versions_that_it_needs_of_each_library(tmp_path):
    script = tmp_path / "versions"
    script.write_text("HIP_1.0 { global: answer; };\n")
    shared = ("-shared", "-fPIC", "-Wl,-soname,libhip.so.1", f"-Wl,--version-script={script}")
    compiled(tmp_path, *shared, name="libhip.so")

    found = facts(
        compiled(
            tmp_path,
            *("-L.", "-lhip", "-Wl,-rpath,/opt/rocm-5.2.3/lib", "-Wl,--enable-new-dtags"),
            source="int answer(void); int main(void) { return answer(); }",
        )
    )

    assert found.interpreter == facts(Path(sys.executable).resolve()).interpreter
    assert found.needed == ("libhip.so.1", "libc.so.6")
    assert (found.rpath, found.runpath) == ("", "/opt/rocm-5.2.3/lib")
    assert dict(found.needed_versions)["libhip.so.1"] == ("HIP_1.0",)


@pytest.mark.parametrize(("flag", "expected"), [("execstack", True), ("noexecstack", False)])
def test_the_stack_flag_is_that_of_the_program_header(tmp_path, flag, expected):
    made = compiled(tmp_path, "-shared", "-fPIC", f"-Wl,-z,{flag}")

    assert facts(made).executable_stack is expected


def test_an_object_file_has_no_dynamic_facts(tmp_path):
    found = facts(compiled(tmp_path, "-c"))

    assert (found.type, found.soname, found.needed, found.defined_versions) == ("ET_REL", "", (), ())


def test_a_library_without_section_headers_is_read_as_the_loader_reads_it(tmp_path):
    made = compiled(tmp_path, "-shared", "-fPIC", "-Wl,-soname,libx.so.1")
    whole = facts(made)
    content = bytearray(made.read_bytes())
    content[40:48] = bytes(8)  # e_shoff
    content[58:64] = bytes(6)  # e_shentsize, e_shnum, e_shstrndx
    made.write_bytes(content)

    assert facts(made) == whole


def test_a_file_of_another_kind_has_no_facts():
    assert parse_elf(io.BytesIO(b"#!/bin/sh\n")) is None
    assert parse_elf(io.BytesIO(b"")) is None


def test_every_truncation_of_the_headers_is_refused_or_read_without_a_crash(tmp_path):
    content = compiled(tmp_path, "-shared", "-fPIC", "-Wl,-soname,libx.so.1").read_bytes()

    results = [parse_elf(io.BytesIO(content[:length])) for length in range(0, 1024, 7)]

    assert results[0] is None
    assert all(one is None or one.type == "ET_DYN" for one in results)


def library_with_versions(count: int, names: int) -> bytes:
    """A library that says it needs versions of *count* libraries, *names* of each, in a table of 4000 records."""
    tables = {"strings": 0x100, "versions": 0x200}
    dynamic = ((5, tables["strings"]), (0x6FFFFFFE, tables["versions"]), (0x6FFFFFFF, count), (0, 0))
    content = b"\x7fELF\x02\x01\x01" + bytes(9)
    content += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    content += struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 1 << 20, 1 << 20, 4096)
    content += struct.pack("<IIQQQQQQ", 2, 4, 176, 176, 176, 64, 64, 8)
    content += b"".join(struct.pack("<QQ", *one) for one in dynamic)
    record = struct.pack("<HHIII", 1, names, 0, 16, 16)
    return content.ljust(tables["versions"], b"\0") + record * 4000


def test_a_table_of_versions_is_read_as_far_as_it_goes():
    found = parse_elf(io.BytesIO(library_with_versions(count=2, names=1)))

    assert found is not None
    assert found.needed_versions == (("", ("",)), ("", ("",)))


class Counting(io.BytesIO):
    """A file that counts how often it is read from."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        return super().read(size)


@pytest.mark.parametrize("names", [65535, 1000], ids=["beyond the file", "within the file"])
def test_a_table_that_claims_thousands_of_millions_of_records_is_given_up_early(names: int):
    """A record takes six reads. Within the file, 3000 lists of 1000 names each would take eighteen million."""
    file = Counting(library_with_versions(count=1 << 31, names=names))

    found = parse_elf(file)

    assert found is None
    assert file.reads < 200_000


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 1 << 14), st.integers(0, 255)), min_size=1, max_size=12))
def test_a_damaged_file_is_refused_or_read_without_a_crash(tmp_path, changes):
    made = tmp_path / "it"
    content = bytearray(made.read_bytes() if made.exists() else compiled(tmp_path, "-shared", "-fPIC").read_bytes())
    for position, value in changes:
        content[4 + position % (len(content) - 4)] = value

    found = parse_elf(io.BytesIO(content))

    assert found is None or isinstance(found, ElfFacts)
