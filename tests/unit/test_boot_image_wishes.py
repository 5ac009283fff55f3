"""A boot image that was told to hold amdgpu, and does not: the screen stays dark for longer than it should."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.kernel import CLOSED, BootImage, PackedFile, Setting, System
from rocmswitch.planning.driverstatus import status_lines
from rocmswitch.planning.modules import faults
from rocmswitch.planning.recovery import Wishes, plan_recovery
from tests.support.carriedout import carried_out
from tests.support.systems import K, bookworm, genuine, in_tree, kernel_of

IMAGE = f"boot/initrd.img-{K}"
OTHER_IMAGE = f"boot/initramfs-{K}-fallback.img"
HOLDING = (("amdgpu", PackedFile(in_tree(), genuine().unpacked)),)


def told(text: str = "amdgpu", path: str = "etc/initramfs-tools/modules") -> Setting:
    return Setting(path, 3, text, "image", "amdgpu")


def imaged(*images: BootImage, setting: Setting | None = None, tool: str = "initramfs-tools") -> System:
    kernel = replace(kernel_of(K), images=images)
    return replace(bookworm(), kernels=(kernel,), settings=(setting or told(),), image_tool=tool)


def found(system: System) -> list[tuple[str, str]]:
    return [(one.what, one.evidence) for one in faults(system)]


@pytest.mark.parametrize(
    ("tool", "path", "text"),
    [
        ("initramfs-tools", "etc/initramfs-tools/modules", "amdgpu"),
        ("initramfs-tools", "usr/share/initramfs-tools/modules.d/card", "amdgpu dc=0"),
        ("dracut", "etc/dracut.conf.d/card.conf", 'add_drivers+=" amdgpu "'),
        ("dracut", "etc/dracut.conf", 'force_drivers+=" radeon amdgpu "'),
        ("mkinitcpio", "etc/mkinitcpio.conf", "MODULES=(ext4 amdgpu)"),
    ],
)
def test_an_image_without_what_a_setting_wants_inside_is_made_anew(tool: str, path: str, text: str):
    system = imaged(BootImage(IMAGE, 6_000_000), setting=told(text, path), tool=tool)

    plan = plan_recovery(system, (), Wishes())

    assert found(system) == [
        (f"`/{IMAGE}` lacks the `amdgpu` that is to be inside", f"`/{path}` line 3: `{text}`"),
    ]
    assert (plan.files, plan.images, plan.lacks) == ((), (K,), ())
    assert plan_recovery(carried_out(system, plan), (), Wishes()).is_empty
    assert status_lines(system)[0].endswith("its boot image holds something else")


@pytest.mark.parametrize(
    "system",
    [
        imaged(BootImage(IMAGE, 6_000_000, HOLDING)),
        imaged(BootImage(IMAGE, 6_000_000, HOLDING), BootImage(OTHER_IMAGE, 6_000_000)),
        imaged(BootImage(IMAGE, 6_000_000), tool="dracut"),
        imaged(
            BootImage(IMAGE, 6_000_000), setting=told('omit_drivers+=" amdgpu "', "etc/dracut.conf"), tool="dracut"
        ),
        imaged(BootImage(IMAGE, 6_000_000), setting=Setting("etc/modules", 1, "amdgpu", "load", "amdgpu")),
        imaged(BootImage(IMAGE, 6_000_000), setting=replace(told(), module="amdxcp")),
    ],
    ids=["inside", "in another", "of another tool", "left out", "loaded later", "not in that kernel"],
)
def test_nothing_is_wrong_where_nobody_wants_it_inside_or_it_is(system: System):
    assert found(system) == []


def test_of_an_image_that_could_not_be_opened_nobody_says_what_it_lacks():
    assert [what for what, _ in found(imaged(BootImage(IMAGE, 6_000_000, problem=CLOSED)))] == [
        f"`/{IMAGE}` could not be looked into"
    ]
