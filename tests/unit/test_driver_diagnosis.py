"""What is said of a system's driver: one sentence a kernel, and doctor's rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.finding import Finding, Remedy
from rocmswitch.model.kernel import AMDGPU, BootImage, DkmsModule, Kernel, ModuleFile, PackedFile, Running, System
from rocmswitch.planning.diagnosis_driver import diagnose_driver
from rocmswitch.planning.driverstatus import status_lines
from rocmswitch.planning.driversupport import is_far, release_of
from tests.support.systems import (
    CRAT,
    OTHER,
    K,
    bookworm,
    bootline,
    contents,
    dkms,
    empty,
    genuine,
    in_tree,
    kernel_of,
    module_at,
    packaged,
    setting,
    settled,
    shadow,
    system_of,
    truncated,
)

NAME = f"kernel {K}"


def with_modules(*files: ModuleFile, **changes: object) -> System:
    return system_of(kernel_of(K, *files), **changes)  # type: ignore[arg-type]


def without_amdgpu(release: str) -> Kernel:
    """Of a package that brings none, as for a cloud."""
    return settled(replace(kernel_of(release), modules=(), package="", stated=()))


PATCHED = module_at(shadow(), contents("patched"))
CLEAN = module_at(shadow(), contents("clean"))


@pytest.mark.parametrize(
    ("system", "line"),
    [
        (bookworm(), "would load its own amdgpu"),
        (with_modules(PATCHED, packaged()), "would load a changed amdgpu that no package owns"),
        (
            with_modules(packaged(contents("patched"))),
            f"would load an amdgpu that was changed since linux-image-{K} brought it",
        ),
        (
            with_modules(CLEAN, packaged(), dkms=(dkms(CLEAN),)),
            "would load the amdgpu of amdgpu/1.0 of DKMS in place of its own",
        ),
        (
            with_modules(CLEAN, packaged(), dkms=(dkms(CLEAN, changed=(CRAT,), is_automatic=False),)),
            "would load an amdgpu that DKMS built from a changed source",
        ),
        (
            with_modules(CLEAN, packaged(), dkms=(dkms(CLEAN, owner=""),)),
            "would load an amdgpu that DKMS built from a source that no package vouches for",
        ),
        (
            with_modules(packaged(empty())),
            f"cannot load amdgpu: `/{in_tree()}` is empty, and nothing loads it by itself",
        ),
        (
            with_modules(packaged(truncated())),
            f"cannot load amdgpu: `/{in_tree()}` is damaged, and nothing loads it by itself",
        ),
        (
            with_modules(packaged(contents("foreign", "5.10.0-1-amd64"))),
            f"cannot load amdgpu: `/{in_tree()}` is for kernel 5.10.0-1-amd64",
        ),
        (
            system_of(settled(replace(kernel_of(K), modules=()))),
            f"would load no amdgpu: it has lost the one that linux-image-{K} brought",
        ),
        (system_of(without_amdgpu(K)), "would load no amdgpu: its packages bring none"),
        (
            system_of(replace(kernel_of(K), vmlinuz="")),
            "cannot be booted any more: only its modules are left",
        ),
    ],
)
def test_each_kernel_has_one_sentence(system: System, line: str):
    assert status_lines(system) == (f"{NAME} {line}",)


def test_what_the_boot_image_holds_is_in_the_same_sentence():
    image = BootImage(f"boot/initrd.img-{K}", 1, ((AMDGPU, PackedFile(in_tree(), contents("old").unpacked)),))
    system = replace(bookworm(), kernels=(replace(bookworm().kernels[0], images=(image,)),))

    assert status_lines(system) == (f"{NAME} would load its own amdgpu, and its boot image holds something else",)


def test_settings_and_what_is_loaded_now_follow_the_kernels():
    system = bookworm(
        settings=(setting("options amdgpu vm_size=abc"),), running=Running(K, "quiet", (AMDGPU, "amdxcp"))
    )

    assert status_lines(system)[1:] == (
        "`amdgpu` is not loaded with `vm_size=abc`, which is no int",
        f"running is {NAME}, which has loaded amdgpu, amdxcp",
    )


def test_of_a_system_that_is_well_doctor_says_nothing():
    assert diagnose_driver(bookworm(), "6.2.4") == ()


def test_a_kernel_whose_next_boot_loses_the_gpu_comes_first():
    found = diagnose_driver(with_modules(packaged(truncated()), root="/mnt"))

    assert found[0] == Finding(
        f"driver-lost:{K}",
        "fault",
        f"the next boot of {NAME} loses the GPU",
        f"/mnt/usr/lib/modules/{K}",
        f"`/{in_tree()}` is damaged",
        Remedy("run `sudo rocmswitch recover --root /mnt`"),
    )
    assert [one.row for one in found] == ["driver-lost", "driver-damaged", "driver-aliases"]


def test_a_value_that_keeps_the_module_from_loading_loses_the_gpu():
    found = diagnose_driver(bookworm(settings=(setting("options amdgpu vm_size=abc"),)))

    assert [(one.row, one.severity) for one in found] == [("driver-lost", "fault"), ("driver-bad-option", "fault")]


def test_a_kernel_for_a_cloud_is_told_only_beside_others_that_have_amdgpu():
    alone = diagnose_driver(system_of(without_amdgpu(OTHER)))
    beside = diagnose_driver(system_of(without_amdgpu(OTHER), kernel_of(K)))

    assert (alone, [(one.id, one.severity) for one in beside]) == ((), [(f"driver-none:{OTHER}", "warning")])


def test_no_remedy_is_automatic():
    line = bootline("module_blacklist=amdgpu")
    system = with_modules(
        PATCHED, packaged(empty()), settings=(line,), dkms=(DkmsModule("amdgpu", "0", is_leftover=True),)
    )

    found = diagnose_driver(system, "5.2.3")

    assert found
    assert [one.id for one in found if one.remedy and one.remedy.automatic] == []


def driver(version: str) -> System:
    built = module_at(shadow(), contents("clean", version=version))
    return with_modules(built, packaged(), dkms=(dkms(built),))


def test_a_stack_far_from_the_driver_is_warned_of():
    found = diagnose_driver(driver("6.14.14"), "5.2.3") + diagnose_driver(driver("6.14.14"), "5.7.1")

    assert [(one.id, one.what) for one in found] == [
        (f"driver-far:{K}", f"ROCm 5.7.1 is far from the driver of {NAME}, which is of ROCm 7.0")
    ]


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("6.16.13", ("7.2.4", "7.1.1", "7.0.2", "6.4.4", "6.3.3")),
        ("6.14.14", ("7.0.2", "6.4.4", "6.3.3", "6.2.4")),
        ("6.8.5", ("6.0.2", "6.1.2", "6.2.4", "6.3.3", "6.4.0", "7.0.2")),
        ("6.7.0", ("5.7.1", "6.0.2", "6.1.2", "6.2.4", "6.3.3", "6.4.0")),
        ("6.2.4", ("5.5.1", "5.6.1", "5.7.1", "6.0.2", "6.1.2")),
    ],
)
def test_what_amds_table_has_is_not_far(version: str, supported: tuple[str, ...]):
    assert [one for one in supported if is_far(version, one) is not False] == []


@pytest.mark.parametrize(("version", "rocm"), [("6.16.13", "6.2.4"), ("6.2.4", "6.2.4"), ("5.18.13", "5.7.1")])
def test_what_amds_table_lacks_is_far(version: str, rocm: str):
    assert is_far(version, rocm) is True


@pytest.mark.parametrize(
    ("version", "rocm"), [("", "6.2.4"), ("6.8.50", "6.2.4"), ("6.8.5", "10.0.0"), ("6.8.5", "")]
)
def test_what_nobody_knows_is_not_guessed(version: str, rocm: str):
    assert is_far(version, rocm) is None


def test_a_driver_is_known_by_the_version_of_its_module():
    assert [release_of(one) for one in ("6.8.5", "5.18.2.22.40", "6.1.0-50-amd64", "")] == ["6.2", "5.3", "", ""]


def test_the_kernels_own_module_is_of_no_release_of_rocm():
    own = with_modules(packaged(replace(genuine(), version="6.14.14")))

    assert diagnose_driver(own, "5.7.1") == ()
