"""Debian's real rocBLAS: its versions as the libraries tell them, and its kernels of gfx1010 in an environment.

Debian 13 has rocBLAS 2.47.0 with one catalogue for all GPUs and one file for gfx1010; sid has 4.4.1 with a
catalogue for each and 52 files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rocmswitch.host.gpukernels import rocblas_of_tree
from rocmswitch.planning.gpukernels import Rocblas
from tests.support.commandline import CommandLine
from tests.support.debianarchive import unpacked
from tests.support.debs import GCC, Library, make_library
from tests.support.disk import remove_folder
from tests.support.patched import foreign, hashes

pytestmark = pytest.mark.system("debian")

GPU, OTHER = "gfx1010", "gfx1030"
KERNELS = "torch/lib/rocblas/library"
TAKEN = ("*/librocblas.so*", f"*{GPU}*", f"*{OTHER}*")


@dataclass(frozen=True)
class Package:
    """A rocBLAS of Debian's, in a tree that can be linked as a stack. `usr` is that tree."""

    usr: Path
    rocblas: Rocblas

    def files(self, gpu: str) -> dict[str, Path]:
        return {one.name: Path(self.rocblas.folder, one.path) for one in self.rocblas.files if gpu in one.gpus}

    def shared(self) -> dict[str, Path]:
        return {one.name: Path(self.rocblas.folder, one.path) for one in self.rocblas.files if not one.gpus}


def package(name: str, suite: str, folder: Path, shared: str) -> Package:
    if GCC is None:
        pytest.skip("no gcc here: install gcc")
    usr = unpacked(name, folder, suite=suite, only=(*TAKEN, shared)) / "usr"
    make_library(Library("libamdhip64.so.5"), usr / "lib/libamdhip64.so.5")
    (usr / ".info").mkdir()
    (usr / ".info/version").write_text("5.7.1\n")
    found = rocblas_of_tree(usr, name)
    assert found is not None
    return Package(usr, found)


@pytest.fixture(scope="module")
def stable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Package]:
    folder = tmp_path_factory.mktemp("stable")
    yield package("librocblas0", "trixie", folder, "*/TensileLibrary.dat")
    remove_folder(folder)


@pytest.fixture(scope="module")
def unstable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Package]:
    folder = tmp_path_factory.mktemp("unstable")
    yield package("librocblas4", "sid", folder, "*_fallback.dat")
    remove_folder(folder)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Path]:
    """A folder for an account and an environment: what is in it has a gigabyte."""
    yield tmp_path
    remove_folder(tmp_path)


def environment(folder: Path, one: Package) -> Path:
    """An environment whose torch brings this very rocBLAS, without a file of gfx1010. Gives its site-packages."""
    site = foreign(folder)
    (site / "torch/lib/librocblas.so").unlink(missing_ok=True)
    os.link(one.rocblas.library, site / "torch/lib/librocblas.so")
    kernels = site / KERNELS
    kernels.mkdir(parents=True, exist_ok=True)
    for name, path in {**one.files(OTHER), **one.shared()}.items():
        (kernels / name).unlink(missing_ok=True)
        os.link(path, kernels / name)
    return site


def deploy(line: CommandLine, stack: Package, site: Path) -> tuple[int, str]:
    line.succeed("link", str(stack.usr), "debians", "--yes")
    into = str(site.parents[2])
    done = line.run("deploy", "--gpu-kernels", GPU, "--from", "debians", "--into", into, "--yes")
    return done.code, done.error


def test_debians_libraries_tell_which_rocblas_they_are(stable: Package, unstable: Package) -> None:
    told = [(one.rocblas.version, one.rocblas.told_by) for one in (stable, unstable)]

    assert told[0] == ("2.47.0", "the library itself")
    assert told[1][1] == "the library itself"
    for one in (stable, unstable):
        assert f"/rocblas/{one.rocblas.version}/library" in one.rocblas.folder


def test_debians_kernels_of_gfx1010_lie_in_the_environment_byte_for_byte(unstable: Package, person: Path) -> None:
    line, site = CommandLine(person), environment(person / "venv", unstable)
    before = hashes(site)

    assert deploy(line, unstable, site) == (0, "")

    files = unstable.files(GPU)
    print(f"{len(files)} files of {GPU}, {sum(one.stat().st_size for one in files.values())} bytes")
    assert f"TensileLibrary_lazy_{GPU}.dat" in files and len(files) > 40
    assert {name: (site / KERNELS / name).read_bytes() for name in files} == {
        name: path.read_bytes() for name, path in files.items()
    }
    assert len(json.loads(line.succeed("history", "--json"))) == 1
    line.succeed("undo", "--yes")
    assert hashes(site) == before


def test_debian_13_has_one_file_for_gfx1010_beside_the_catalogue_for_all(stable: Package, person: Path) -> None:
    line, site = CommandLine(person), environment(person / "venv", stable)
    catalogue = (site / KERNELS / "TensileLibrary.dat").stat()

    assert deploy(line, stable, site) == (0, "")

    assert {path.name for path in (site / KERNELS).glob(f"*{GPU}*")} == {f"Kernels.so-000-{GPU}.hsaco"}
    assert (site / KERNELS / "TensileLibrary.dat").stat() == catalogue
    assert (site / KERNELS / f"Kernels.so-000-{GPU}.hsaco").stat().st_size == 22_147_640


def test_debians_kernels_of_another_release_are_refused(stable: Package, unstable: Package, person: Path) -> None:
    line, site = CommandLine(person), environment(person / "venv", unstable)
    before = hashes(site)

    code, error = deploy(line, stable, site)

    assert (code, hashes(site) == before) == (5, True)
    assert "rocBLAS 2.47.0" in error and f"rocBLAS {unstable.rocblas.version}" in error
