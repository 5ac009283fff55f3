"""What this machine has of what rpm packages ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.host.capabilities import lacking_capability
from rocmswitch.host.libraries import HostLibraries
from tests.support.elflibraries import Library, linked

X86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="rpm's `(64bit)` is looked for on x86_64 here")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system with one library, one program and one other file."""
    for name in ("usr/lib64", "usr/bin", "etc"):
        (tmp_path / name).mkdir(parents=True)
    library = Library("libhsa.so.1", "libhsa.so.1", "hsa", version="HSA_1")
    (tmp_path / "usr/lib64/libhsa.so.1").write_bytes(linked(library))
    (tmp_path / "usr/bin/perl").write_text("#!/bin/sh\n")
    (tmp_path / "usr/bin/perl").chmod(0o755)
    (tmp_path / "etc/rocm.conf").write_text("")
    return tmp_path


@X86
@pytest.mark.parametrize(
    "capability",
    [
        *("libhsa.so.1()(64bit)", "libhsa.so.1(HSA_1)(64bit)"),
        *("/usr/bin/perl", "/bin/perl", "/usr/sbin/perl", "/etc/rocm.conf", "/usr/lib64"),
    ],
)
def test_what_is_there_is_proven(root: Path, capability: str):
    assert lacking_capability(capability, HostLibraries(root)) is None


@X86
@pytest.mark.parametrize(
    ("capability", "why"),
    [
        ("libhsa.so.1(HSA_2)(64bit)", "`/usr/lib64/libhsa.so.1` does not define `HSA_2`"),
        ("libhsa.so.2()(64bit)", "the loader's folders have no `libhsa.so.2`"),
        ("/usr/bin/python3", "there is no `/usr/bin/python3` on this machine"),
        ("rtld(GNU_HASH)", "this machine has no glibc"),
        *(
            (name, "")
            for name in ("libhsa.so.1", "libhsa.so.1()", "libhsa.so.1(HSA_1)", "perl", "perl(File::Which)")
        ),
        *((name, "") for name in ("config(hsa)", "hsa", "../usr/bin/perl", "(a or b)")),
    ],
)
def test_what_is_not_there_is_lacking_with_the_reason_if_there_is_one(root: Path, capability: str, why: str):
    assert lacking_capability(capability, HostLibraries(root)) == why


def test_a_path_does_not_lead_out_of_the_system(root: Path):
    assert lacking_capability("/../../../../etc/passwd", HostLibraries(root)) is not None


@X86
def test_a_machine_with_glibc_has_what_every_rpm_asks_for():
    libraries = HostLibraries()
    if libraries.find("libc.so.6") is None:
        pytest.skip("no glibc here")

    asked = ("libc.so.6(GLIBC_2.2.5)(64bit)", "libc.so.6()(64bit)", "rtld(GNU_HASH)", "/bin/sh")

    assert [lacking_capability(one, libraries) for one in asked] == [None] * 4
