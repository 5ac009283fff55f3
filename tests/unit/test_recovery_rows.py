"""Each way in which amdgpu gets broken, and the whole plan that brings it back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.kernel import (
    AMDGPU,
    Boot,
    Contents,
    FirmwareFile,
    Original,
    PackedFile,
    System,
)
from rocmswitch.model.recovery import (
    Candidate,
    Disable,
    Lack,
    Rebuild,
    SetAside,
)
from rocmswitch.planning.recovery import Wishes
from tests.support.carriedout import carried_out
from tests.support.recoveryplans import (
    OFF,
    PACKAGE_NAME,
    PATH,
    STATED,
    mended,
    packaged_dkms,
    plan_of,
    restored,
    rows,
)
from tests.support.systems import (
    CRAT,
    OTHER,
    K,
    bookworm,
    contents,
    dkms,
    empty,
    genuine,
    image_of,
    in_tree,
    kernel_of,
    module_at,
    original,
    package,
    packaged,
    setting,
    shadow,
    snapshot,
    system_of,
    truncated,
)


@pytest.mark.parametrize(
    ("bytes_", "row", "evidence"),
    [
        (truncated(), "damaged", f"its 27 bytes are no whole module; md5 {truncated().md5[:12]}"),
        (empty(), "empty", f"it has no byte; md5 {empty().md5[:12]}"),
        (contents("garbled"), "changed", f"md5 {contents('garbled').md5[:12]}"),
        (
            contents("foreign", "5.10.0-1-amd64"),
            "foreign",
            f"its vermagic is of kernel 5.10.0-1-amd64; md5 {contents('foreign', '5.10.0-1-amd64').md5[:12]}",
        ),
    ],
    ids=["1-truncated", "2-empty", "3-garbled", "4-foreign"],
)
def test_rows_1_to_4_a_module_that_is_not_the_packages_comes_back_from_the_snapshot(
    bytes_: Contents, row: str, evidence: str
):
    broken = system_of(kernel_of(K, packaged(bytes_)))
    kept = snapshot(genuine())

    plan = plan_of(broken, kept)

    assert plan == mended(broken, restored(kept))
    assert (plan.faults[0].id, plan.faults[0].evidence) == (
        f"{row}:{PATH}",
        f"{evidence}, the package {PACKAGE_NAME} states {STATED}",
    )
    assert plan_of(carried_out(broken, plan), kept).is_empty


def patched_dkms(root: str = "/") -> System:
    """A source of nobody, its kfd_crat.c patched, built and installed with a companion."""
    built = (module_at(shadow(), contents("patched")), module_at(shadow(name="amdttm"), contents("patched ttm")))
    return system_of(kernel_of(K, *built, packaged()), root=root, dkms=(dkms(*built, owner=""),))


@pytest.mark.parametrize("root", ["/", "/mnt"], ids=["5-running", "6-outside"])
def test_rows_5_and_6_what_dkms_built_of_a_source_of_nobody_goes_with_its_companions(root: str):
    broken = patched_dkms(root)

    plan = plan_of(broken)

    why = "DKMS built it from amdgpu/1.0, a source that no package vouches for"
    assert plan == mended(
        broken,
        SetAside(shadow(), why, K),
        SetAside(shadow(name="amdttm"), f"it goes with `/{shadow()}`", K),
        *OFF,
    )
    assert plan_of(carried_out(broken, plan)).is_empty


def test_row_7_settings_are_disabled_with_consent_and_the_image_made_anew():
    bad = setting("options amdgpu vm_size=abc", "etc/modprobe.d/bad.conf")
    loads = setting("options amdgpu mtype_local=1", "etc/modprobe.d/mtype.conf")
    copies = tuple(PackedFile(one.path, f"hash of {one.path}") for one in (bad, loads))
    broken = bookworm(settings=(bad, loads), setting_files=copies)

    plan = plan_of(broken)

    assert plan == mended(
        broken,
        Disable(bad.path, "`amdgpu` is not loaded with `vm_size=abc`, which is no int", (bad.text,)),
        Disable(loads.path, "`amdgpu` is loaded with `mtype_local=1`, which somebody has set", (loads.text,)),
        index=(),
    )
    assert rows(broken) == ["bad-option", "option"]
    assert plan_of(carried_out(broken, plan)).is_empty


def test_row_8_every_kernel_is_treated_the_one_that_never_booted_too():
    broken = system_of(
        kernel_of(OTHER, packaged(empty(), OTHER)), kernel_of(K, packaged()), root="/mnt", running=None
    )
    kept = snapshot(genuine(OTHER), in_tree(OTHER))

    plan = plan_of(broken, kept)

    assert (plan.index, plan.images, [one.path for one in plan.files]) == ((OTHER,), (OTHER,), [in_tree(OTHER)])


def test_row_9_without_a_snapshot_the_package_is_opened():
    broken = system_of(kernel_of(K, packaged(truncated())))
    deb = package()

    plan = plan_of(broken, deb)

    assert plan == mended(
        broken, restored(deb, "the file came from that package, and counts only with the hash that this states")
    )
    assert plan_of(carried_out(broken, plan), deb).is_empty


def test_row_10_a_damaged_snapshot_is_passed_over_with_its_reason():
    broken = system_of(kernel_of(K, packaged(truncated())))
    damaged = snapshot(genuine(), refused="its manifest does not hold")
    older = snapshot(contents("patched"), number=2)
    aside = original(genuine())

    plan = plan_of(broken, aside, older, damaged)

    passed = (
        f"snapshot 2: it has md5 {contents('patched').md5[:12]}, the package {PACKAGE_NAME} states {STATED}",
        "snapshot 1: its manifest does not hold",
    )
    reason = f"{aside.where} has the md5 that the package {PACKAGE_NAME} states"
    assert plan == mended(broken, restored(aside, reason, *passed))


def test_row_11_the_compressed_module_comes_back_under_its_name_and_its_twin_goes():
    twin = module_at(in_tree(), contents("unpacked by hand"))
    mine = packaged(truncated(), suffix=".ko.xz")
    broken = system_of(kernel_of(K, twin, mine, suffix=".ko.xz"))
    kept = snapshot(genuine(), mine.path)

    plan = plan_of(broken, kept)

    why = f"no package owns it, `/{mine.path}` is what {PACKAGE_NAME} brings"
    assert plan == mended(broken, restored(kept, path=mine.path), SetAside(twin.path, why, K))
    assert plan_of(carried_out(broken, plan), kept).is_empty


def test_row_12_a_full_boot_lets_the_image_stay_and_says_what_is_needed():
    broken = system_of(kernel_of(K, packaged(truncated())), boot=Boot(free=3_000_000))

    plan = plan_of(broken, snapshot(genuine()))

    assert (plan.index, plan.images) == ((K,), ())
    assert plan.lacks == (
        Lack(
            f"the boot image of kernel {K} stays as it is: making it anew needs 33 MB, and 3 MB are free",
            "free 30 MB in `/boot` (an old kernel's files, by the package manager), then run"
            " `sudo rocmswitch recover --apply`",
            f"boot/initrd.img-{K}",
        ),
    )


@pytest.mark.parametrize(
    ("name", "is_offered"), [(f"initrd.img-{OTHER}.before", True), (f"initrd.img-{K}.before", False)]
)
def test_a_full_boot_is_told_of_boot_images_from_before_that_can_go(name: str, is_offered: bool):
    broken = system_of(kernel_of(K, packaged(truncated())), boot=Boot(free=3_000_000, before=(name,)))

    (lack,) = plan_of(broken, snapshot(genuine())).lacks

    assert ("boot images from before, by `sudo rocmswitch backup prune driver`)" in lack.remedy) is is_offered


@pytest.mark.parametrize(
    ("closed", "row", "remedy"),
    [
        (
            {"boot": Boot(is_separate=True, is_mounted=False)},
            "boot-not-mounted:boot",
            "run `mount DEVICE '/mnt/my root/boot'` (`/etc/fstab` names the device), then"
            " `sudo rocmswitch recover --root '/mnt/my root' --apply`",
        ),
        (
            {"is_read_only": True},
            "read-only:/",
            "run `mount -o remount,rw '/mnt/my root'`, then"
            " `sudo rocmswitch recover --root '/mnt/my root' --apply`",
        ),
        (
            {"runs_here": False, "architecture": "aarch64"},
            "architecture:/",
            "start a rescue system of that kind, and run it there",
        ),
    ],
    ids=["not-mounted", "read-only", "architecture"],
)
def test_row_12_what_no_recovery_passes_is_a_fault_with_the_line_that_helps(
    closed: dict[str, object], row: str, remedy: str
):
    broken = replace(system_of(kernel_of(K, packaged(truncated())), root="/mnt/my root"), **closed)  # type: ignore[arg-type]

    plan = plan_of(broken, snapshot(genuine()))

    assert (plan.faults[0].id, plan.lacks[0].remedy) == (row, remedy)


def test_row_13_after_a_cut_before_the_index_the_rest_is_found_by_reading():
    whole = bookworm()
    kernel = replace(whole.kernels[0], listed=((AMDGPU, shadow()),), has_aliases=False)
    old = image_of(kernel_of(K, packaged(contents("patched"))), whole)
    cut = replace(whole, kernels=(replace(kernel, images=(old,)),))

    plan = plan_of(cut)

    assert plan == mended(cut)
    assert rows(cut) == ["index", "aliases", "image"]
    assert plan_of(carried_out(cut, plan)).is_empty


def test_row_14_a_packaged_source_that_was_patched_is_not_trusted():
    broken = packaged_dkms()

    plan = plan_of(broken)

    why = f"DKMS built it from amdgpu/1.0, whose `/{CRAT}` is not what amdgpu-dkms brought"
    assert plan == mended(broken, SetAside(shadow(), why, K), *OFF)
    assert rows(broken) == ["shadow", "dkms-source"]
    assert plan_of(carried_out(broken, plan)).is_empty


def test_row_14_with_rebuild_the_source_is_made_whole_and_built_again():
    broken = packaged_dkms()
    source = Candidate("package", "", "", CRAT, "amdgpu-dkms_1.0_all.deb", "/media/amdgpu-dkms_1.0_all.deb", None)

    plan = plan_of(broken, source, wishes=Wishes(rebuild=True))

    why = f"DKMS built it from amdgpu/1.0, whose `/{CRAT}` is not what amdgpu-dkms brought"
    rebuilt = Rebuild("amdgpu", "1.0", (K,), ((CRAT, source),))
    assert plan == mended(broken, SetAside(shadow(), why, K), rebuild=(rebuilt,))
    assert plan_of(carried_out(broken, plan), source, wishes=Wishes(rebuild=True)).is_empty


def test_row_15_an_original_that_dkms_moved_away_comes_back_with_the_packages_hash():
    aside = original(genuine())
    kept = Original(K, AMDGPU, aside.file.lstrip("/"), genuine())
    wrong = module_at(shadow(), contents("patched"))
    broken = system_of(kernel_of(K, wrong), originals=(kept,))

    plan = plan_of(broken, aside)

    reason = f"{aside.where} has the md5 that the package {PACKAGE_NAME} states"
    why = f"no package owns it, and DKMS did not build it (md5 {wrong.contents.md5[:12]})"
    assert plan == mended(broken, restored(aside, reason), SetAside(shadow(), why, K))
    assert plan_of(carried_out(broken, plan), aside).is_empty


def test_row_15_an_original_that_an_old_dkms_put_into_updates_goes_back_to_its_place():
    broken = system_of(kernel_of(K, module_at(shadow(), genuine())))

    plan = plan_of(broken)

    found = Candidate("original", K, AMDGPU, "", f"/{shadow()}", f"/{shadow()}", genuine())
    reason = f"/{shadow()} has the md5 that the package {PACKAGE_NAME} states"
    moved = f"it is the module of {PACKAGE_NAME}, moved here from `kernel/`"
    assert plan == mended(broken, restored(found, reason), SetAside(shadow(), moved, K))
    assert plan_of(carried_out(broken, plan)).is_empty


def test_row_16_a_build_that_breaks_the_installation_is_switched_off_before_it_is_completed():
    old, new = kernel_of(OTHER, packaged(kernel=OTHER)), kernel_of(K)
    built = module_at(shadow(OTHER), contents("clean", OTHER))
    module = dkms(built)
    broken = system_of(old, new, dkms=(module,), half_configured=(f"linux-headers-{K}", PACKAGE_NAME))
    broken = replace(broken, kernels=(broken.kernels[0], replace(broken.kernels[1], images=())))

    plan = plan_of(broken)

    assert plan == mended(broken, *OFF, index=(), configure=broken.half_configured)
    assert rows(broken) == ["no-image", "half-configured", "half-configured"]
    assert plan_of(carried_out(broken, plan)).is_empty


def test_row_17_firmware_of_nobody_is_set_aside_and_goes_out_of_the_image():
    file = FirmwareFile("usr/lib/firmware/updates/amdgpu/navi10_sos.bin", "ab" * 32)
    broken = bookworm(firmware=(file,))

    plan = plan_of(broken)

    why = "no package owns it, and it hides the firmware of linux-firmware"
    assert plan == mended(broken, SetAside(file.path, why), index=())
    assert plan_of(carried_out(broken, plan)).is_empty


def test_row_17_an_image_that_still_holds_it_is_found_after_a_cut():
    file = FirmwareFile("usr/lib/firmware/updates/amdgpu/navi10_sos.bin", "ab" * 32)
    with_it = bookworm(firmware=(file,))

    plan = plan_of(replace(with_it, firmware=()))

    assert (plan.images, plan.files) == ((K,), ())


def test_row_18_a_shadow_by_hand_goes_on_a_root_that_never_saw_us():
    wrong = module_at(shadow(place="updates"), contents("patched"))
    broken = system_of(kernel_of(K, wrong, packaged()), root="/mnt")

    plan = plan_of(broken)

    why = f"no package owns it, and DKMS did not build it (md5 {wrong.contents.md5[:12]})"
    assert plan == mended(broken, SetAside(wrong.path, why, K))
