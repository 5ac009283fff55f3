"""What a recovery leaves alone, what it cannot do, and what it says of both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.finding import NOTE, WARNING
from rocmswitch.model.kernel import AMDGPU, CLOSED, BootImage, ModuleFile, Original, Owner, PackedFile, System
from rocmswitch.model.recovery import Fault, Lack, RecoveryPlan, SetAside
from rocmswitch.planning.modules import faults
from rocmswitch.planning.recovery import Wishes, plan_recovery
from tests.support.recoveryplans import NO_WISHES, OFF, PACKAGE_NAME, PATH, mended, packaged_dkms, plan_of, rows
from tests.support.systems import (
    OTHER,
    VERSION,
    K,
    bookworm,
    bootline,
    contents,
    dkms,
    genuine,
    kernel_of,
    module_at,
    packaged,
    setting,
    shadow,
    snapshot,
    system_of,
    truncated,
)


@pytest.mark.parametrize(
    ("database", "root", "line"),
    [
        ("dpkg", "/", f"apt-get install --reinstall {PACKAGE_NAME}={VERSION}"),
        ("rpm", "/", f"dnf reinstall {PACKAGE_NAME}-{VERSION}"),
        ("pacman", "/mnt/a b", f"chroot '/mnt/a b' pacman -S {PACKAGE_NAME}"),
    ],
)
def test_without_any_source_the_package_is_named_and_the_image_stays(database: str, root: str, line: str):
    broken = system_of(kernel_of(K, packaged(truncated())), package_database=database, root=root)

    plan = plan_of(broken)

    where = "" if root == "/" else " --root '/mnt/a b'"
    assert plan.lacks[0] == Lack(
        f"`/{PATH}` cannot be brought back: there is no copy of it here",
        f"run `{line}`; or run `sudo rocmswitch recover{where} --apply --package FILE` with that package from"
        " elsewhere",
        PATH,
    )
    assert plan.is_empty


def test_an_image_with_a_better_copy_is_not_made_anew_of_a_module_that_stays_bad():
    broken = system_of(kernel_of(K, packaged(contents("garbled"))))
    better = BootImage(f"boot/initrd.img-{K}", 30_000_000, ((AMDGPU, PackedFile(PATH, genuine().unpacked)),))
    broken = replace(broken, kernels=(replace(broken.kernels[0], images=(better,)),))

    plan = plan_of(broken)

    assert (plan.images, [one.path for one in plan.lacks]) == ((), [PATH, better.path])


@pytest.mark.parametrize(
    ("there", "is_told"),
    [
        ((), True),
        ((PackedFile("etc/modprobe.d/a.conf", "other"),), True),
        ((PackedFile("etc/modprobe.d/a.conf", "same"),), False),
        ((PackedFile("etc/modprobe.d/a.conf", ""),), False),
        (None, False),
    ],
)
def test_settings_of_an_image_are_compared_with_what_is_known_of_the_systems(
    there: tuple[PackedFile, ...] | None, is_told: bool
):
    kernel = kernel_of(K)
    inside = BootImage(
        f"boot/initrd.img-{K}",
        30_000_000,
        ((AMDGPU, PackedFile(PATH, genuine().unpacked)),),
        (PackedFile("etc/modprobe.d/a.conf", "same"),),
    )

    found = rows(replace(bookworm(setting_files=there), kernels=(replace(kernel, images=(inside,)),)))

    assert found == (["image-settings"] if is_told else [])


@pytest.mark.parametrize(("problem", "severity"), [(CLOSED, NOTE), ("it is packed in a way unknown here", WARNING)])
def test_an_image_that_others_may_not_open_is_no_fault_of_the_image(problem: str, severity: str):
    kernel = replace(kernel_of(K), images=(BootImage(f"boot/initrd.img-{K}", 30_000_000, problem=problem),))

    found = faults(replace(bookworm(), kernels=(kernel,)))

    assert [(one.id.partition(":")[0], one.severity) for one in found] == [("unreadable-image", severity)]


def test_ubuntus_extra_package_is_the_one_to_reinstall():
    extra = f"linux-modules-extra-{K}"
    kernel = kernel_of(K)
    owner = replace(kernel.stated[0].owner, package=extra)
    gone = replace(kernel, modules=(), stated=(replace(kernel.stated[0], owner=owner),))

    plan = plan_of(system_of(gone))

    assert f"`apt-get install --reinstall {extra}={VERSION}`" in plan.lacks[0].remedy


def own_kernel(*modules: ModuleFile) -> System:
    """Of nobody: built and installed by hand."""
    unowned = tuple(replace(one, owner=None) for one in modules)
    return system_of(replace(kernel_of(K, *unowned), package="", package_version="", stated=()))


def test_of_a_kernel_of_nobody_nothing_is_judged_but_what_is_plain_to_see():
    assert (faults(own_kernel(packaged())), rows(own_kernel(packaged(truncated())))) == ((), ["damaged", "aliases"])


def test_a_shadow_before_a_module_of_nobody_goes_only_when_that_is_wanted():
    broken = own_kernel(module_at(shadow(), contents("patched")), packaged())

    left, wanted = plan_of(broken), plan_of(broken, wishes=Wishes(in_tree=True))

    assert (left.files, [one.path for one in wanted.files]) == ((), [shadow()])
    assert left.lacks == (
        Lack(
            f"`/{shadow()}` stays: no package vouches for the module in `kernel/`",
            "run `sudo rocmswitch recover --apply --in-tree`",
            shadow(),
        ),
    )


def test_a_shadow_that_a_package_vouches_for_stays_and_goes_only_when_that_is_wanted():
    sound = packaged_dkms(changed=())

    kept, wanted = plan_recovery(sound, (), NO_WISHES), plan_of(sound, wishes=Wishes(in_tree=True))

    assert (kept.is_empty, kept.notes) == (True, (f"`/{shadow()}` is kept: amdgpu/1.0 of DKMS vouches for it",))
    assert wanted == mended(sound, SetAside(shadow(), "the kernel's own module is wanted", K), *OFF)


def test_a_module_that_dkms_has_moved_away_is_missed_only_where_nothing_loads_instead():
    built = module_at(shadow(), contents("clean"))
    kept = Original(K, AMDGPU, "var/lib/dkms/amdgpu/original_module/amdgpu.ko", genuine())
    sound = system_of(kernel_of(K, built), dkms=(dkms(built),), originals=(kept,))

    assert plan_recovery(sound, (), NO_WISHES).is_empty
    assert [(one.id, one.severity) for one in faults(sound)] == [(f"missing:{PATH}", "note")]


def test_modules_without_a_kernel_are_told_and_left_alone():
    left = system_of(replace(kernel_of(K, packaged(truncated())), vmlinuz=""))

    plan = plan_recovery(left, (snapshot(genuine()),), NO_WISHES)

    assert plan == RecoveryPlan(
        "/",
        (
            Fault(
                f"leftover:{K}",
                f"`/usr/lib/modules/{K}` is of a kernel that cannot be booted any more",
                f"`/boot` has no kernel {K}",
                "note",
                K,
                f"usr/lib/modules/{K}",
            ),
        ),
        notes=(f"`/usr/lib/modules/{K}` is left alone: `/boot` has no kernel {K}",),
    )


def test_what_a_boot_loader_reads_elsewhere_and_nobody_could_look_at_is_told():
    boot = replace(bookworm().boot, unmounted=("boot", "boot/efi"))

    plan = plan_recovery(bookworm(boot=boot), (), NO_WISHES)

    assert plan.notes == (
        "`/boot` is not mounted: no kernel and no boot image there was looked at",
        "`/boot/efi` is not mounted: what the boot loader reads there was not looked at",
    )


@pytest.mark.parametrize("path", [shadow(place="extra"), shadow(suffix=".ko.xz")])
def test_dkms_goes_on_building_what_is_kept_where_a_strangers_copy_goes(path: str):
    kept, stranger = module_at(shadow(), contents("built")), module_at(path, contents("alien"))
    broken = system_of(kernel_of(K, kept, stranger, packaged()), dkms=(dkms(kept),))

    plan = plan_of(broken)

    assert [(type(one), one.path) for one in plan.files] == [(SetAside, path)]


def test_the_boot_command_line_is_told_in_words():
    grub = bootline('GRUB_CMDLINE_LINUX="quiet module_blacklist=amdgpu"')

    plan = plan_recovery(bookworm(settings=(grub,)), (), NO_WISHES)

    assert (plan.is_empty, plan.notes) == (
        True,
        (
            "`/etc/default/grub` keeps `amdgpu` from being loaded at every boot: take it out of"
            " `/etc/default/grub`, then run `update-grub`",
        ),
    )


def test_settings_stay_without_consent_and_it_is_said():
    broken = bookworm(settings=(setting("options amdgpu vm_size=abc"),))

    plan = plan_recovery(broken, (), Wishes(disable=frozenset()))

    assert plan == RecoveryPlan(
        "/",
        faults(broken),
        lacks=(
            Lack(
                "`/etc/modprobe.d/amdgpu.conf` is not changed: `amdgpu` is not loaded with `vm_size=abc`, which is"
                " no int",
                "run `sudo rocmswitch recover --apply` and consent to it, or take the line out of"
                " `/etc/modprobe.d/amdgpu.conf`",
                "etc/modprobe.d/amdgpu.conf",
            ),
        ),
        notes=("`/etc/modprobe.d/amdgpu.conf` is left as it is: nobody has consented to disable it",),
    )


def test_a_system_that_is_well_may_be_read_only():
    assert plan_recovery(bookworm(is_read_only=True), (), NO_WISHES) == RecoveryPlan("/", ())


def test_a_weak_link_is_as_good_as_the_packages_module_that_it_leads_to():
    """Red Hat's kernels of one ABI share modules by links, which no package owns."""
    found = contents("kmod", OTHER)
    theirs = module_at(shadow(OTHER, place="extra"), found, Owner("kmod-amdgpu", "1", "sha256", found.sha256, True))
    link = replace(module_at(shadow(place="weak-updates"), found), target=theirs.path)
    sound = system_of(kernel_of(OTHER, theirs, packaged(kernel=OTHER)), kernel_of(K, link, packaged()))

    assert plan_recovery(sound, (), NO_WISHES).is_empty


def test_a_boot_image_that_is_cut_is_made_anew_and_one_that_is_not_understood_is_told():
    cut = BootImage(f"boot/initrd.img-{K}", 7, problem="it ends too early", is_damaged=True)
    odd = replace(cut, problem="nothing here opens `lz4`", is_damaged=False)
    of_cut, of_odd = (
        replace(bookworm(), kernels=(replace(bookworm().kernels[0], images=(one,)),)) for one in (cut, odd)
    )

    assert (plan_of(of_cut), rows(of_cut)) == (mended(of_cut, index=()), ["damaged-image"])
    assert (plan_of(of_odd).is_empty, [one.severity for one in faults(of_odd)]) == (True, ["warning"])
