"""`backup prune driver`: what snapshots and recoveries have left is let go of, and nothing that is still needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rocmswitch.store.layout import Layout
from tests.support.breaking import truncate_in_tree
from tests.support.drivercommand import Driver
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import bad_module, good_module, in_tree, write

PRUNE = ("backup", "prune", "driver")


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    return Driver.of(tmp_path)


def prune(driver: Driver, *words: str) -> list[str]:
    """What of the copies goes, by a plan that is carried out at once."""
    told = json.loads(driver.succeed(*PRUNE, "--yes", "--json", *words).out)
    return [f"{one['kind']} {one['name']}" for one in told["copies"] if not one["kept"]]


def snapshots(driver: Driver) -> list[str]:
    return sorted(path.name for path in Layout.driver(driver.root).snapshots.iterdir())


def before(driver: Driver) -> list[str]:
    return sorted(path.name for path in (driver.root / "boot/rocmswitch").glob("*.before"))


def set_three_times(driver: Driver) -> None:
    for value in (8, 9, 10):
        driver.succeed("driver", "set", f"amdgpu.vm_size={value}", "--yes")


def test_old_snapshots_and_the_boot_image_from_before_go_and_the_newest_way_back_works(driver: Driver):
    set_three_times(driver)
    there = (snapshots(driver), before(driver))

    outcome = driver.succeed(*PRUNE, "--all", "--yes")

    assert there == (["1", "2", "3"], [f"initrd.img-{KERNEL}.before"])
    assert (snapshots(driver), before(driver)) == (["3"], [])
    assert "keeps snapshot 3 (before set, " in outcome.err and " of it in /boot" in outcome.err
    driver.succeed("undo", "driver", "--yes")
    assert driver.conf is not None and "vm_size=9" in driver.conf


def test_only_a_plan_is_shown_with_its_bytes_where_nobody_agrees(driver: Driver):
    set_three_times(driver)

    outcomes = [driver.run(*PRUNE, "--dry-run"), driver.run(*PRUNE)]

    assert [one.code for one in outcomes] == [0, 5]
    assert all("lets go of snapshot 2 (before set, " in one.err and "frees " in one.err for one in outcomes)
    assert (snapshots(driver), before(driver)) == (["1", "2", "3"], [f"initrd.img-{KERNEL}.before"])


def test_a_damaged_module_still_comes_back_after_all_that_may_go_is_gone(driver: Driver):
    driver.succeed("driver", "snapshot")
    write(driver.root / in_tree(), bad_module())
    driver.succeed("driver", "snapshot")
    truncate_in_tree(driver.root)
    driver.succeed("driver", "snapshot")

    gone = prune(driver, "--all")
    recovered = driver.succeed("recover", "--apply", "--yes")

    assert "snapshot 1" not in gone
    assert "from snapshot 1" in recovered.err
    assert (driver.root / in_tree()).read_bytes() == good_module()


def test_who_looks_at_the_driver_is_told_what_lies_by_and_how_it_goes(driver: Driver):
    nothing = driver.succeed("driver", "status").err
    driver.succeed("driver", "snapshot")

    shown = driver.succeed("driver", "status").err
    kept = json.loads(driver.succeed("driver", "status", "--json").out)["kept"]

    assert "kept for the way back" not in nothing
    assert "(1 snapshot); `rocmswitch backup prune driver --root" in shown
    assert kept["snapshots"] == 1 and min(kept["size"], kept["boot"]) > 0


def test_a_link_in_the_place_of_a_folder_of_ours_is_not_followed(driver: Driver, tmp_path: Path):
    set_three_times(driver)
    elsewhere = tmp_path / "elsewhere"
    (driver.root / "boot/rocmswitch").rename(elsewhere)
    (driver.root / "boot/rocmswitch").symlink_to(elsewhere)
    quarantine = Layout.driver(driver.root).quarantine
    write(quarantine / "2/manifest", "")
    (quarantine / "1").symlink_to(elsewhere)

    gone = prune(driver, "--all")

    assert gone == ["snapshot 2", "snapshot 1"]
    assert (elsewhere / f"initrd.img-{KERNEL}.before").exists()


def test_nothing_goes_while_a_journal_cannot_be_read(driver: Driver):
    set_three_times(driver)
    write(Layout.driver(driver.root).open_journal, "no journal")

    outcome = driver.run(*PRUNE, "--all", "--yes")

    assert (outcome.code, snapshots(driver)) == (4, ["1", "2", "3"]), outcome


def test_what_a_killed_run_had_begun_to_let_go_of_goes_with_the_next(driver: Driver):
    set_three_times(driver)
    layout = Layout.driver(driver.root)
    for folder in (layout.snapshots / ".7.new", layout.quarantine / ".7.new"):
        write(folder / "files/rest", "rest")
    for number in (1, 2):
        write(layout.quarantine / f"{number}/manifest", f"{'0' * 64}  etc/gone.conf\ncut o")

    gone = prune(driver, "--all")

    assert "quarantine 1" in gone
    assert (snapshots(driver), [path.name for path in layout.quarantine.iterdir()]) == (["3"], ["2"])


def test_numbers_let_go_of_what_these_changes_have_saved_and_of_no_copy(driver: Driver):
    set_three_times(driver)

    driver.succeed("backup", "prune", "driver:1", "--yes")

    assert snapshots(driver) == ["1", "2", "3"]
