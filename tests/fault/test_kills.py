"""A process that publishes in a loop, killed at random moments: what is left is one tree or the other, whole."""

from __future__ import annotations

import multiprocessing
import random
import time
from pathlib import Path

from rocmswitch.system.disk import Disk
from tests.support.disk import HastyDisk
from tests.support.trees import NAME, assert_law, assert_next_command_works, install, tree_name, trees_in

ROUNDS = 50
LONGEST = 0.05
"""Seconds that a process lives after its first publication: some ten publications."""

FORK = multiprocessing.get_context("fork")


def publish_for_ever(data: Path, contents: tuple[str, ...], ready: Path) -> None:
    disk = Disk()
    trees = trees_in(data, disk)
    while True:
        for content in contents:
            install(trees, disk, content)
            with trees.locked(NAME, wait=0):
                trees.sweep()
            ready.touch()


def test_after_fifty_kills_every_next_command_found_one_of_the_two_trees_whole(tmp_path: Path):
    data, ready = tmp_path / "data", tmp_path / "ready"
    names = {tree_name("odd"), tree_name("even")}
    chance = random.Random(4711)
    outcomes: dict[str, int] = {}
    remains = 0

    for _ in range(ROUNDS):
        ready.unlink(missing_ok=True)
        process = FORK.Process(target=publish_for_ever, args=(data, ("odd", "even"), ready))
        process.start()
        deadline = time.monotonic() + 30
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, LONGEST))
        process.kill()
        process.join()
        current = assert_law(data, names)
        outcomes[current] = outcomes.get(current, 0) + 1
        remains += len(list((data / "prefixes/.trees").iterdir())) - 1

    print(f"{ROUNDS} kills: {outcomes}, {remains} trees left over")
    assert outcomes.keys() == names
    assert sum(outcomes.values()) == ROUNDS
    assert remains > 0, "no kill hit a publication: the test shows nothing"
    assert_next_command_works(data, current)
    assert [path.name for path in (data / "prefixes").iterdir() if path.name.startswith(".")] == [".trees"]


def test_a_killed_removal_leaves_the_tree_or_nothing(tmp_path: Path):
    data = tmp_path / "data"
    outcomes: dict[str, int] = {}

    for number in range(20):
        tree = install(trees_in(data), HastyDisk(), "victim")
        process = FORK.Process(target=_remove, args=(data,))
        process.start()
        time.sleep(0.001 * number)
        process.kill()
        process.join()
        current = assert_law(data, {tree, ""})
        outcomes[current] = outcomes.get(current, 0) + 1

    print(f"20 kills: {outcomes}")
    assert sum(outcomes.values()) == 20
    assert_next_command_works(data, current)


def _remove(data: Path) -> None:
    trees = trees_in(data, Disk())
    with trees.locked(NAME, wait=0):
        trees.remove(NAME)
