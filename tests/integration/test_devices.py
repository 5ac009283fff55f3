"""What stands between a program and a card: buses, device files, rights, containers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.host.devices import (
    device_files,
    is_anothers,
    is_contained,
    plugged_cards,
    user_name,
    writable_by_others,
)
from rocmswitch.model.gpu import Gpu
from rocmswitch.model.symptoms import DeviceFile

CARD = Gpu(1, "gfx1010", render_minor=128)
NOBODY = 65534


def plug_in(root: Path, address: str, vendor: str, kind: str) -> None:
    folder = root / "sys/bus/pci/devices" / address
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(f"{vendor}\n")
    (folder / "class").write_text(f"{kind}\n")


def test_amds_cards_are_found_on_the_bus_and_its_other_devices_are_not(tmp_path: Path):
    plug_in(tmp_path, "0000:08:00.0", "0x1002", "0x030000")
    plug_in(tmp_path, "0000:09:00.0", "0x1002", "0x120000")
    plug_in(tmp_path, "0000:08:00.1", "0x1002", "0x040300")
    plug_in(tmp_path, "0000:01:00.0", "0x10de", "0x030000")

    assert plugged_cards(tmp_path) == ("0000:08:00.0", "0000:09:00.0")


@pytest.mark.parametrize(
    ("driver", "told"), [("vfio-pci", False), ("pci-stub", False), ("radeon", False), ("amdgpu", True)]
)
def test_a_card_of_a_virtual_machine_or_too_old_for_rocm_is_no_card_to_miss(
    tmp_path: Path, driver: str, told: bool
):
    plug_in(tmp_path, "0000:08:00.0", "0x1002", "0x030000")
    (tmp_path / "sys/bus/pci/devices/0000:08:00.0/driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")

    assert plugged_cards(tmp_path) == (("0000:08:00.0",) if told else ())


def test_a_machine_without_a_bus_has_no_cards(tmp_path: Path):
    assert plugged_cards(tmp_path) == ()


def test_device_files_that_are_not_there_are_told(tmp_path: Path):
    assert device_files((CARD, CARD), tmp_path) == (
        DeviceFile("/dev/kfd", there=False, usable=False),
        DeviceFile("/dev/dri/renderD128", there=False, usable=False),
    )


def test_device_files_that_may_be_opened_are_told_with_their_group(tmp_path: Path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kfd").touch()

    (kfd,) = device_files((), tmp_path)

    assert (kfd.there, kfd.usable) == (True, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_device_file_that_may_not_be_opened_is_told(tmp_path: Path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kfd").touch(0o000)

    (kfd,) = device_files((), tmp_path)

    assert (kfd.there, kfd.usable) == (True, False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to a group without a name")
def test_a_group_without_a_name_is_told_by_its_number(tmp_path: Path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kfd").touch()
    (tmp_path / "dev/kfd").chmod(0o660)
    os.chown(tmp_path / "dev/kfd", 0, 54321)

    (kfd,) = device_files((), tmp_path)

    assert kfd.group == "54321"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another group")
@pytest.mark.parametrize(("group", "mode"), [(0, 0o660), (NOBODY, 0o600), (NOBODY, 0o640)])
def test_a_group_that_may_not_use_a_device_file_is_no_way_to_it(tmp_path: Path, group: int, mode: int):
    """As without AMD's udev rules, where /dev/kfd is root's: nobody should be told to join root's group."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kfd").touch()
    os.chown(tmp_path / "dev/kfd", 0, group)
    (tmp_path / "dev/kfd").chmod(mode)

    (kfd,) = device_files((), tmp_path)

    assert kfd.group == ""


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv"])
def test_a_container_is_known_by_its_mark(tmp_path: Path, mark: str):
    (tmp_path / mark).parent.mkdir(exist_ok=True)
    (tmp_path / mark).touch()

    assert (is_contained(tmp_path), is_contained(tmp_path / "else")) == (True, False)


@pytest.mark.parametrize(("mode", "expected"), [(0o755, False), (0o700, False), (0o757, True), (0o777, True)])
def test_a_folder_that_all_may_change_is_told(tmp_path: Path, mode: int, expected: bool):
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(mode)

    assert writable_by_others(tmp_path / "data") is expected


def test_a_folder_that_is_not_there_is_nobodys(tmp_path: Path):
    assert not writable_by_others(tmp_path / "nothing")
    assert not is_anothers(tmp_path / "nothing")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
@pytest.mark.parametrize(
    ("owner", "group", "mode", "expected"), [(NOBODY, 0, 0o700, (True, False)), (0, NOBODY, 0o775, (False, True))]
)
def test_a_folder_of_another_user_or_of_a_shared_group_is_told(
    tmp_path: Path, owner: int, group: int, mode: int, expected: tuple[bool, bool]
):
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, owner, group)
    folder.chmod(mode)

    assert (is_anothers(folder), writable_by_others(folder)) == expected


def test_the_user_has_a_name_or_none():
    assert "\n" not in user_name()
