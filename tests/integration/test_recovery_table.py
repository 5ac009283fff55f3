"""One table of scenes, and every edition of the recovery in each: two editions, one truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.editions import APPLY, EDITIONS, PYTHON, SHELLS, Edition
from tests.support.kernelroots import good_module, in_tree, kernel_root
from tests.support.recoveryscenes import SCENES, Scene, break_root, loaded, packed_modules, state


def cells() -> list[object]:
    """Every edition takes its turn each day, and two of them in everyday scenes; with --vm there are all."""
    found = []
    for number, scene in enumerate(SCENES):
        turn = {EDITIONS[number % len(EDITIONS)]}
        if scene.is_everyday:
            turn = {PYTHON, SHELLS[number % len(SHELLS)]}
        for edition in EDITIONS:
            marks = () if edition in turn else (pytest.mark.vm,)
            found.append(pytest.param(scene, edition, marks=marks, id=f"{scene.name}-{edition.name}"))
    return found


@pytest.mark.parametrize(("scene", "edition"), cells())
def test_a_recovery_ends_with_what_the_packages_have_brought_and_a_second_one_finds_nothing(
    scene: Scene, edition: Edition, tmp_path: Path
):
    edition.require()
    root = kernel_root(tmp_path / "a root", *scene.kernels, suffix=scene.suffix, programs=True)
    sound = state(root)
    words = break_root(scene, root, tmp_path)
    broken = state(root)

    planned = edition.recover(root, *words)
    after_plan = state(root)
    mended = edition.recover(root, *APPLY, *words)

    assert (planned.status, planned.mentions(*scene.says), after_plan == broken) == (4, True, True), planned
    assert mended.status == 0, mended
    disabled = [f"etc/modprobe.d/{name}.rocmswitch-disabled" for name in scene.disabled]
    assert {path: one for path, one in state(root).items() if path not in disabled} == sound, mended
    assert all((root / one).is_file() for one in disabled)
    for kernel in scene.kernels:
        assert loaded(root, kernel) == in_tree(kernel, scene.suffix)
        assert packed_modules(root, kernel) == {good_module(kernel)}
    at_rest = state(root)
    again = edition.recover(root, *APPLY)
    assert (again.status, state(root)) == (0, at_rest), again
    assert not list(root.rglob("*.rocmswitch-*new*"))
