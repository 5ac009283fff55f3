"""A variant made on a disk that loses power before any change: the old state or the new one, and then the new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rocmswitch.host.libraries import HostLibraries
from rocmswitch.operations import variant
from rocmswitch.store.relocate import Machine
from tests.support.debs import Library, make_library
from tests.support.disk import CuttingDisk, PowerCut
from tests.support.faults import HOST, WAIT, Hands, Stage, assert_sound, assert_tidy, left_by_a_dead_process
from tests.support.keys import KeyFolder
from tests.support.tinystack import TINY, TinyServer

VARIANT = f"{TINY}+patched"
Act = Callable[[Hands], None]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyServer]:
    with KeyFolder() as keys, TinyServer(tmp_path_factory.mktemp("served"), keys.modern()) as served:
        yield served


@pytest.fixture
def stage(served: TinyServer) -> Iterator[Stage]:
    with Stage.in_memory(served) as stage:
        yield stage


@pytest.fixture
def deploy(tmp_path: Path) -> Callable[[int], Act]:
    """What `deploy libhsa.so --into tiny-1.0 --yes` does, as a new process, with a library that answers that."""

    def deploying(value: int) -> Act:
        source = tmp_path / f"{value}/libhsa.so"
        source.parent.mkdir()
        make_library(Library("libhsa.so.1", value=value), source)

        def act(hands: Hands) -> None:
            hands.settle()
            plan = variant.plan([str(source)], TINY, hands.installed())
            if not plan.is_done:
                variant.execute(plan, _workbench(hands))
            hands.enter(VARIANT)

        return act

    return deploying


def _workbench(hands: Hands) -> variant.Workbench:
    machine = Machine(HostLibraries(), HOST.glibc, jobs=0)
    return variant.Workbench(hands.prefixes(), hands.ledger(), hands.disk, machine, hands.installed(), WAIT)


def test_a_cut_before_any_change_leaves_no_variant_or_all_of_it(stage: Stage, deploy: Callable[[int], Act]) -> None:
    act = deploy(7)

    _cut_everywhere(stage, stage.prepare([lambda hands: hands.install()]), act)


def test_a_cut_while_another_takes_its_place_leaves_either(stage: Stage, deploy: Callable[[int], Act]) -> None:
    first, second = deploy(7), deploy(9)

    _cut_everywhere(stage, stage.prepare([lambda hands: hands.install(), first]), second)


def _cut_everywhere(stage: Stage, before: Path, act: Act) -> None:
    stage.set_up(before)
    old = stage.trees()
    act(stage.hands(counting := CuttingDisk(-1)))
    new = stage.trees()
    found = {"old": 0, "new": 0}

    for at in range(counting.seen):
        stage.set_up(before)
        with pytest.raises(PowerCut):
            act(stage.hands(CuttingDisk(at)))
        left_by_a_dead_process(stage.layout)
        stage.hands().settle()
        current = assert_sound(stage.layout)
        assert current in (old, new), at
        found["new" if current == new else "old"] += 1
        act(stage.hands())
        stage.hands().sweep()
        assert assert_sound(stage.layout) == new, at
        assert_tidy(stage.layout)

    print(f"{counting.seen} cuts: {found}")
    assert min(found.values()) > 0
