"""Another choice of cards that loses power before any change of the disk: no published tree is ever changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fault.test_install_power import Act, Scene, cut_everywhere
from tests.support.debs import Content, Deb, Library
from tests.support.faults import Stage
from tests.support.keys import KeyFolder
from tests.support.offloadbundles import code_object
from tests.support.tinystack import ROOT, TinyServer

BLAS = f"{ROOT}/lib/rocblas/library"


def install(*gpus: str) -> Act:
    return lambda hands: hands.install("libraries", gpus=gpus)


SCENES = (
    Scene("fewer cards", (install(),), install("gfx1010")),
    Scene("all cards again", (install("gfx1010"),), install()),
    Scene("another card", (install("gfx1010"),), install("gfx1030")),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyServer]:
    """Its set `libraries` has kernels of two cards, and a library that is relocated."""
    files: dict[str, Content] = {
        f"{BLAS}/Kernels.so-000-{gpu}.hsaco": code_object(gpu).ljust(5000, b"\0") for gpu in ("gfx1010", "gfx1030")
    }
    files[f"{BLAS}/Tensile_fallback.dat"] = "solutions"
    files[f"{ROOT}/lib/libblas.so.1"] = Library("libblas.so.1", needs=("libhsa.so.1",))
    with KeyFolder() as keys, TinyServer(tmp_path_factory.mktemp("served"), keys.modern()) as served:
        served.repository.add(Deb("plugins", "5.2-2", depends="hsa", files=files)).publish()
        yield served


@pytest.fixture
def stage(served: TinyServer) -> Iterator[Stage]:
    with Stage.in_memory(served) as stage:
        yield stage


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_cut_before_any_change_leaves_the_old_choice_or_the_new(scene: Scene, stage: Stage) -> None:
    cut_everywhere(scene, stage, stage.prepare(scene.before))
