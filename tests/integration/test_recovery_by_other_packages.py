"""Systems of rpm and of pacman brought back by both editions: the real programs say what the module has to be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.system import read_system
from tests.support.breaking import truncate_in_tree
from tests.support.editions import APPLY, EDITIONS, Edition
from tests.support.kernelroots import bad_module, good_module, in_tree, write
from tests.support.pacmanroots import pacman_root
from tests.support.rpmroots import rpm_root

GOOD = hashlib.sha256(good_module()).hexdigest()
ROOTS: dict[str, tuple[Callable[[Path], tuple[Path, Path]], str]] = {
    "rpm": (rpm_root, "kernel-modules-core"),
    "pacman": (pacman_root, "linux"),
}


@pytest.fixture(params=ROOTS)
def system(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path, str]:
    """A root, the package that owns its module, and what that is called."""
    make, name = ROOTS[request.param]
    return *make(tmp_path), name


@pytest.fixture(params=EDITIONS, ids=lambda one: one.name)
def edition(request: pytest.FixtureRequest) -> Edition:
    return request.param  # type: ignore[no-any-return]


def in_image(root: Path) -> str:
    (image,) = read_system(root).kernels[0].images
    return dict(image.modules)["amdgpu"].unpacked


def test_the_database_states_the_hash_of_the_module(system: tuple[Path, Path, str]):
    root, _, name = system

    owner = PackageFiles(root).owner(in_tree())

    assert owner is not None
    assert (owner.package, owner.algorithm, owner.stated, owner.is_intact) == (name, "sha256", GOOD, True)


def test_nothing_is_wrong_with_a_sound_one(system: tuple[Path, Path, str], edition: Edition):
    finished = edition.recover(system[0])

    assert finished.status == 0, finished


def test_a_damaged_module_comes_back_from_its_package(system: tuple[Path, Path, str], edition: Edition):
    root, package, _ = system
    truncate_in_tree(root)

    finished = edition.recover(root, "--package", str(package), *APPLY)

    assert finished.status == 0, finished
    assert hashlib.sha256((root / in_tree()).read_bytes()).hexdigest() == GOOD
    assert in_image(root) == GOOD
    assert edition.recover(root).status == 0


def test_one_that_loads_but_is_not_the_packages_is_found(system: tuple[Path, Path, str], edition: Edition):
    root, package, _ = system
    write(root / in_tree(), bad_module())

    finished = edition.recover(root, "--package", str(package), *APPLY)

    assert finished.status == 0, finished
    assert hashlib.sha256((root / in_tree()).read_bytes()).hexdigest() == GOOD


def test_without_the_package_its_name_is_said(system: tuple[Path, Path, str], edition: Edition):
    root, _, name = system
    truncate_in_tree(root)

    finished = edition.recover(root)

    assert (finished.status, finished.mentions(name)) == (4, True), finished


def test_a_package_that_is_cut_off_is_refused(system: tuple[Path, Path, str], edition: Edition, tmp_path: Path):
    root, package, _ = system
    truncate_in_tree(root)
    cut = tmp_path / f"cut-{package.name}"
    cut.write_bytes(package.read_bytes()[:-200])

    finished = edition.recover(root, "--package", str(cut), *APPLY)

    assert finished.status not in (0, 1), finished
    assert hashlib.sha256((root / in_tree()).read_bytes()).hexdigest() != GOOD
