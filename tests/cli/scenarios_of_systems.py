"""A folder that is no system is given to what looks at one, with the way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.commandline import Outcome
from tests.support.kernelroots import kernel_root
from tests.support.scenes import Scene, scenario


def mounted_there(scene: Scene, hint: str) -> Outcome:
    """As if the root of the system had been mounted where it was looked for."""
    kernel_root(scene.folder / "mnt")
    return scene.again()


def its_subvolume_mounted(scene: Scene, hint: str) -> Outcome:
    (name, folder) = re.findall(r"subvol=(\S+) DEVICE ([^`]+)", hint)[0]
    assert (scene.folder / "mnt" / name).is_dir() and folder == str(scene.folder / "mnt"), hint
    return mounted_there(scene, hint)


@scenario("host/rootfacts", "mount it there and run the same command again", 3, follow=mounted_there)
def nothing_is_mounted_there(scene: Scene) -> Outcome:
    (scene.folder / "mnt").mkdir()
    return scene.fail("driver", "status", "--root", str(scene.folder / "mnt"))


def with_its_root(scene: Scene, hint: str) -> Outcome:
    return scene.again("--root", str(kernel_root(scene.folder / "mnt")))


@scenario(
    "host/rootfacts",
    "run the same command with `--root` and the folder where the system is mounted",
    3,
    follow=with_its_root,
)
def a_machine_without_modules_is_asked_for_its_own(scene: Scene) -> Outcome:
    if Path("/lib/modules").exists():
        pytest.skip("this machine has modules of its own")
    return scene.fail("driver", "status")


@scenario(
    "host/rootfacts",
    "unmount it, run `mount -o subvol={} DEVICE {}`, and the same command again",
    3,
    follow=its_subvolume_mounted,
)
def the_top_of_a_btrfs_is_mounted_there(scene: Scene) -> Outcome:
    kernel_root(scene.folder / "mnt/@rootfs")
    return scene.fail("driver", "status", "--root", str(scene.folder / "mnt"))
