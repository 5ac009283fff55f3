"""A whole command that loses power before any change of the disk: the old state or the new one, then the new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.disk import CuttingDisk, PowerCut
from tests.support.faults import Hands, Stage, assert_sound, assert_tidy, left_by_a_dead_process
from tests.support.keys import KeyFolder
from tests.support.tinystack import TINY, TinyServer
from tests.support.trees import replace_content

Act = Callable[[Hands], None]


@dataclass(frozen=True)
class Scene:
    """A command, and what was done before it."""

    name: str
    before: tuple[Act, ...]
    act: Act


def install(*sets: str) -> Act:
    return lambda hands: hands.install(*sets)


def damage(hands: Hands) -> None:
    replace_content(hands.layout.prefixes / TINY / "opt/tiny/lib/libhip.so.5", b"not what it was")


def abandon_an_archive(hands: Hands) -> None:
    """Something in the cache that no installed stack needs, and a download that was given up."""
    hands.purge()
    (hands.layout.partial / ("0" * 64)).write_bytes(b"the first bytes")


def forget_the_script(hands: Hands) -> None:
    (hands.layout.activations / f"{TINY}.sh").unlink()


SCENES = (
    Scene("first install", (), install()),
    Scene("another set", (install(),), install("compiler")),
    Scene("repair", (install("compiler"), damage), Hands.repair),
    Scene("remove", (install("compiler"),), Hands.remove),
    Scene("purge", (install("compiler"),), Hands.purge),
    Scene("use", (install(),), lambda hands: hands.use("demo")),
    Scene("prune", (install("compiler"), abandon_an_archive), Hands.prune),
    Scene("script alone", (install(), forget_the_script), install()),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyServer]:
    with KeyFolder() as keys, TinyServer(tmp_path_factory.mktemp("served"), keys.modern()) as served:
        yield served


@pytest.fixture
def stage(served: TinyServer) -> Iterator[Stage]:
    with Stage.in_memory(served) as stage:
        yield stage


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_cut_before_any_change_leaves_old_or_new_and_the_same_command_then_succeeds(
    scene: Scene, stage: Stage
) -> None:
    cut_everywhere(scene, stage, stage.prepare(scene.before))


def test_a_cut_while_a_newer_package_replaces_an_older_one_leaves_either(served: TinyServer, stage: Stage) -> None:
    scene = Scene("newer", (install(),), install("compiler"))
    before = stage.prepare(scene.before)

    with served.newer_hip():
        cut_everywhere(scene, stage, before)


def cut_everywhere(scene: Scene, stage: Stage, before: Path) -> None:
    stage.set_up(before)
    old = stage.trees()
    damaged = set(old.values()) if damage in scene.before else set()
    scene.act(stage.hands(counting := CuttingDisk(-1)))
    new = stage.trees()
    found = {"old": 0, "new": 0}

    for at in range(counting.seen):
        stage.set_up(before)
        with pytest.raises(PowerCut):
            scene.act(stage.hands(CuttingDisk(at)))
        left_by_a_dead_process(stage.layout)
        current = assert_sound(stage.layout, damaged)
        assert current in (old, new), at
        found["new" if current == new else "old"] += 1
        scene.act(stage.hands())
        stage.hands().sweep()
        assert assert_sound(stage.layout) == new, at
        assert_tidy(stage.layout)

    print(f"{counting.seen} cuts: {found}")
    assert counting.seen > 2
