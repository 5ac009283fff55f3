"""Kernels of one more GPU, from a stack into an environment: all of them or none, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.model.activation import Activation, CardVariable
from tests.support.acme import NAME, AcmeSite
from tests.support.blasstack import GPU, KERNELS, LIBRARY, environment, install_blas, offer_blas
from tests.support.commandline import CommandLine, Outcome
from tests.support.offloadbundles import bundle, packed, section, with_gpu_code
from tests.support.patched import foreign, hashes, write
from tests.support.rocblas import VERSION, kernels, library, put, shared
from tests.support.torchenvironment import Person


@pytest.fixture
def stack(line: CommandLine, site: AcmeSite) -> CommandLine:
    """Has acme-1.0 with rocBLAS 4.2.4 and kernels of gfx1010 and gfx1030."""
    install_blas(site, line)
    return line


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """The site-packages of an environment whose rocBLAS 4.2.4 has kernels of gfx1030."""
    return environment(tmp_path / "my venv")


def deploy(line: CommandLine, packages: Path, *more: str, gpu: str = GPU) -> Outcome:
    into = str(packages.parents[2])
    return line.run("deploy", "--gpu-kernels", gpu, "--from", NAME, "--into", into, "--yes", *more)


def test_all_kernels_of_the_gpu_lie_there_afterwards_and_nothing_else_has_changed(
    stack: CommandLine, packages: Path
) -> None:
    before = hashes(packages)

    done = deploy(stack, packages)

    assert done.code == 0, done
    after = hashes(packages)
    new = {path for path in after if path not in before}
    assert new == {f"{KERNELS}/{name}" for name in kernels(GPU)}
    assert {path: after[path] for path in before} == before
    assert all((packages / KERNELS / name).read_text() == text for name, text in kernels(GPU).items())


def test_one_generation_records_them_and_undo_takes_all_away(stack: CommandLine, packages: Path) -> None:
    before = hashes(packages)
    deploy(stack, packages)
    assert len(json.loads(stack.succeed("history", "--json"))) == 1

    stack.succeed("undo", "--yes")

    assert hashes(packages) == before


def test_kernels_that_are_there_are_replaced_and_come_back(stack: CommandLine, packages: Path) -> None:
    name = next(iter(kernels(GPU)))
    write(packages / KERNELS / name, b"somebody's own")

    done = deploy(stack, packages)

    assert done.code == 0, done
    assert (packages / KERNELS / name).read_text() == kernels(GPU)[name]
    stack.succeed("undo", "--yes")
    assert (packages / KERNELS / name).read_bytes() == b"somebody's own"


def test_what_holds_the_same_is_left_alone(stack: CommandLine, packages: Path) -> None:
    deploy(stack, packages)

    again = deploy(stack, packages, "--json")

    told = json.loads(again.out)
    assert (again.code, told["generation"], told["files"], len(told["unchanged"])) == (0, None, [], 3)


def test_the_fallbacks_that_the_catalogue_names_go_along(stack: CommandLine, packages: Path) -> None:
    (fallback,) = (packages / KERNELS).glob("*_fallback.dat")
    fallback.unlink()

    deploy(stack, packages)

    assert fallback.read_text() == f"solutions of {VERSION}"


def test_another_version_of_rocblas_is_refused_and_both_are_named(stack: CommandLine, tmp_path: Path) -> None:
    packages = environment(tmp_path / "venv", "4.1.2.0123456789ab")
    before = hashes(packages)

    refused = deploy(stack, packages)

    assert (refused.code, hashes(packages) == before) == (5, True)
    assert f"`{NAME}` are for rocBLAS 4.2.4" in refused.error
    assert "has rocBLAS 4.1.2" in refused.error


def test_a_gpu_that_the_stack_has_no_kernels_for_is_not_found(stack: CommandLine, packages: Path) -> None:
    missing = deploy(stack, packages, gpu="gfx1012")

    assert (missing.code, missing.error) == (
        3,
        f"`{NAME}` has no rocBLAS kernels for `gfx1012`; it has them for `gfx1010`, `gfx1030`",
    )


def test_an_environment_whose_rocm_is_wheels_of_its_own_gets_them_there(stack: CommandLine, tmp_path: Path) -> None:
    packages = foreign(tmp_path / "venv")
    (packages / LIBRARY).unlink()
    lib = packages / "_rocm_sdk_libraries_gfx103X_all/lib"
    write(lib / "librocblas.so.4", library())
    put(lib / "rocblas/library", {**shared(), **kernels("gfx1030")})

    done = deploy(stack, packages)

    assert done.code == 0, done
    assert {path.name for path in (lib / "rocblas/library").iterdir()} >= kernels(GPU).keys()
    stack.succeed("undo", "--yes")
    assert {path.name for path in (lib / "rocblas/library").iterdir()} == {*shared(), *kernels("gfx1030")}


def test_an_environment_without_a_rocblas_of_its_own_is_refused_with_the_reason(
    stack: CommandLine, tmp_path: Path
) -> None:
    packages = foreign(tmp_path / "venv")
    (packages / LIBRARY).unlink(missing_ok=True)

    refused = deploy(stack, packages)

    assert refused.code == 5
    assert "brings no rocBLAS along" in refused.error


def test_kernels_that_lie_elsewhere_are_not_changed_through_a_link(
    stack: CommandLine, packages: Path, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    (packages / KERNELS).rename(shared)
    (packages / KERNELS).symlink_to(shared)
    before = hashes(shared)

    refused = deploy(stack, packages)

    assert (refused.code, str(shared) in refused.error) == (5, True)
    assert hashes(shared) == before


def test_a_stack_without_its_libraries_says_how_to_get_them(
    line: CommandLine, site: AcmeSite, packages: Path
) -> None:
    offer_blas(site, line)
    line.succeed("install", NAME, "--yes")

    refused = deploy(line, packages)

    assert (refused.code, refused.hint) == (5, f"run `rocmswitch install {NAME} --set libraries`")


@pytest.mark.parametrize("gpu", ["10.1.0", "gfx", "*", "../gfx1010", "RX 5700", ""])
def test_what_is_no_gpu_is_a_mistake(gpu: str, stack: CommandLine, packages: Path) -> None:
    assert deploy(stack, packages, gpu=gpu).code == 2


def test_a_library_without_code_for_the_gpu_is_pointed_out(stack: CommandLine, packages: Path) -> None:
    code = section(packed(bundle("gfx1030")))
    write(packages / LIBRARY, with_gpu_code(library(VERSION), code))

    shown = deploy(stack, packages, "--dry-run")

    assert (shown.code, "itself has no code for gfx1010" in shown.err) == (0, True)


def test_kernels_for_a_stack_itself_are_a_mistake(stack: CommandLine) -> None:
    refused = stack.run("deploy", "--gpu-kernels", GPU, "--from", NAME, "--into", NAME, "--yes")

    assert refused.code == 2, refused


def test_an_override_that_keeps_the_kernels_from_being_used_is_pointed_out(stack: CommandLine) -> None:
    """The manifests of AMD's stacks set it for cards that AMD has no code for."""
    person = Person(stack.folder, home="rocmswitch")
    write(person.site / LIBRARY, library())
    put(person.site / KERNELS, kernels("gfx1030"))
    override = CardVariable(GPU, "HSA_OVERRIDE_GFX_VERSION", "10.3.0")
    person.write(replace(person.one.receipt, activation=Activation(cards=(override,))))

    shown = stack.run("deploy", "--gpu-kernels", GPU, "--from", NAME, "--into", "demo", "--dry-run")

    assert shown.code == 0, shown
    assert "`demo` sets HSA_OVERRIDE_GFX_VERSION=10.3.0 on gfx1010" in shown.err
