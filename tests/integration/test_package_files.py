"""Packages in files, made by the packagers' own tools where they are here: what they say, and single members."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from rocmswitch.errors import VerificationFailed
from rocmswitch.store.packagefile import members, open_package
from tests.support.debs import Deb, build_deb
from tests.support.kernelroots import write
from tests.support.rawrpm import RawFile, raw_rpm
from tests.support.rpmrepository import Rpm, build_rpm

MODULE = "usr/lib/modules/6.1/kernel/amdgpu.ko"
CONTENT = b"the module" * 100_000


def deb(folder: Path) -> Path:
    files = {MODULE: CONTENT, "usr/share/doc/other": b"x" * 5000}
    return build_deb(Deb("linux-image-6.1", "1:6.1-2", files=files), folder)


def pacman(folder: Path, suffix: str) -> Path:
    """As makepkg writes it: its description first, then the files, with the headers of PAX."""
    plain = io.BytesIO()
    description = b"pkgname = linux\npkgbase = linux\npkgver = 6.1.arch1-1\narch = x86_64\n"
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in ((".PKGINFO", description), (".MTREE", b""), (MODULE, CONTENT)):
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = len(content), {"mtime": "1700000000.5"}
            tar.addfile(member, io.BytesIO(content))
    content = plain.getvalue()
    packed = (
        zstandard.compress(content)
        if suffix == "zst"
        else subprocess.run(["xz", "-c"], input=content, capture_output=True, check=True).stdout
    )
    return write(folder / f"linux-6.1.arch1-1-x86_64.pkg.tar.{suffix}", packed)


def test_a_deb_says_what_it_is_and_gives_one_file_under_either_name_of_lib(tmp_path: Path):
    package = open_package(deb(tmp_path))

    assert (package.kind, package.name, package.version) == ("deb", "linux-image-6.1", "1:6.1-2")
    for path in (MODULE, MODULE.removeprefix("usr/")):
        assert members(package, [path]) == {path: CONTENT}
    assert members(package, ["usr/lib/other"]) == {}


@pytest.mark.parametrize("suffix", ["zst", "xz"])
def test_a_package_of_pacman_says_what_it_is_and_gives_one_file(suffix: str, tmp_path: Path):
    package = open_package(pacman(tmp_path, suffix))

    assert (package.kind, package.name, package.version) == ("pacman", "linux", "6.1.arch1-1")
    assert members(package, [MODULE]) == {MODULE: CONTENT}


@pytest.mark.parametrize(("epoch", "version"), [("", "6.1-3"), ("0", "0:6.1-3"), ("2", "2:6.1-3")])
def test_an_rpm_says_what_it_is_as_rpm_itself_does_and_gives_one_file(epoch: str, version: str, tmp_path: Path):
    path = build_rpm(Rpm("kernel-core", "6.1", "3", epoch=epoch, files={MODULE: CONTENT}), tmp_path)
    package = open_package(path)

    said = subprocess.run(["rpm", "-qp", "--qf", "%{EVR}", path], capture_output=True, text=True, check=True).stdout
    assert (package.kind, package.name, package.version) == ("rpm", "kernel-core", said)
    assert said == version
    assert members(package, [MODULE]) == {MODULE: CONTENT}


def raw(folder: Path) -> Path:
    return raw_rpm(folder / "raw.rpm", RawFile(f"/{MODULE}", CONTENT), RawFile("/etc/other", b"other"))


def test_an_rpm_is_opened_without_any_program_of_rpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    package = open_package(raw(tmp_path))

    assert (package.kind, package.name, package.version) == ("rpm", "raw", "1-1")
    assert members(package, [MODULE]) == {MODULE: CONTENT}


@pytest.mark.parametrize("part", [0.0001, 0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    "make", [deb, raw, lambda folder: pacman(folder, "zst"), lambda folder: pacman(folder, "xz")]
)
def test_a_package_that_is_cut_off_is_refused_in_words(make: Callable[[Path], Path], part: float, tmp_path: Path):
    whole = make(tmp_path)
    write(whole, whole.read_bytes()[: max(1, int(whole.stat().st_size * part))])

    with pytest.raises(VerificationFailed, match="the package"):
        members(open_package(whole), [MODULE])


def test_a_deb_is_read_to_its_end_before_any_of_it_counts(tmp_path: Path):
    whole = deb(tmp_path)
    write(whole, whole.read_bytes()[:-8])

    with pytest.raises(VerificationFailed, match="the package"):
        members(open_package(whole), [MODULE])
