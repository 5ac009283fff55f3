"""Index and boot images made anew: believed only when they are right, and never at the price of the old ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from rocmswitch.errors import Busy
from rocmswitch.host.system import read_system
from rocmswitch.operations.booting import Renewed, alone, programs_lock, renew
from rocmswitch.system.lock import shared
from tests.support import breaking
from tests.support.disk import HastyDisk
from tests.support.filesystems import mounted_image
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import bad_module, good_module, in_tree, kernel_root, write
from tests.support.recoveryscenes import leave_image, loaded, packed_modules

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may chroot")
IMAGE = f"boot/initrd.img-{KERNEL}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return kernel_root(tmp_path / "a root", programs=True)


def renewed(root: Path, *, index: bool = True, images: bool = True) -> Renewed:
    system = read_system(root)
    kernels = tuple(one.release for one in system.kernels)
    return renew(system, kernels if index else (), kernels if images else (), HastyDisk())


def test_both_are_made_anew_and_looked_at_and_the_old_image_is_kept(root: Path):
    leave_image(root)
    old = (root / IMAGE).read_bytes()

    done = renewed(root)

    assert done.lacks == ()
    assert (loaded(root, KERNEL), packed_modules(root, KERNEL)) == (in_tree(), {good_module()})
    kept = f"rocmswitch/{Path(IMAGE).name}.before"
    assert (root / "boot" / kept).read_bytes() == old
    assert f"put `{kept}` for `{Path(IMAGE).name}` into the line that begins with `initrd`" in done.done[-1]


def test_what_a_killed_tool_has_left_beside_the_image_goes_first(root: Path):
    stale = write(root / f"{IMAGE}.new", b"half")

    renewed(root)

    assert not stale.exists()


def test_a_tool_that_ends_well_and_does_nothing_is_found_out(root: Path):
    leave_image(root)
    write(root / "usr/sbin/update-initramfs", "#!/bin/sh\nexit 0\n").chmod(0o755)

    done = renewed(root)

    assert [one.path for one in done.lacks] == [IMAGE]
    assert "holds another `amdgpu`" in done.lacks[0].what


def test_of_a_damaged_module_it_says_why_nothing_loads_it_and_where_help_is(root: Path):
    breaking.truncate_in_tree(root)

    (lack,) = renewed(root, images=False).lacks

    assert f", as `/{in_tree()}` is damaged" in lack.what
    assert lack.remedy == f"run `sudo rocmswitch recover --root '{root}'`, which says what helps"


def test_of_an_index_it_says_where_it_leads(root: Path):
    write(root / f"usr/lib/modules/{KERNEL}/updates/amdgpu.ko", bad_module())

    assert renewed(root, images=False).done == (
        f"the index of kernel {KERNEL} leads to `/usr/lib/modules/{KERNEL}/updates/amdgpu.ko`",
    )


def test_a_depmod_that_ends_well_and_does_nothing_is_found_out(root: Path):
    breaking.truncate_in_tree(root)
    breaking.renew_index(root)
    write(root / in_tree(), good_module())
    write(root / "usr/sbin/depmod", "#!/bin/sh\necho kmod version 99\n").chmod(0o755)

    done = renewed(root, images=False)

    assert len(done.lacks) == 1
    assert "amdgpu" in done.lacks[0].what


def test_the_depmod_of_busybox_is_never_used(root: Path):
    breaking.truncate_in_tree(root)
    breaking.renew_index(root)
    write(root / in_tree(), good_module())
    (root / "usr/sbin/depmod").unlink()
    (root / "usr/sbin/depmod").symlink_to("/usr/bin/busybox")
    if shutil.which("depmod") is None:
        pytest.skip("this machine has no depmod to fall back on")

    done = renewed(root, images=False)

    assert (done.lacks, loaded(root, KERNEL)) == ((), in_tree())


@pytest.fixture
def bare(root: Path) -> Path:
    """A system without a depmod of its own."""
    if shutil.which("depmod") is None:
        pytest.skip("this machine has no depmod to fall back on")
    (root / "usr/sbin/depmod").unlink()
    return root


def test_another_machines_depmod_goes_by_the_rules_of_the_system_itself(bare: Path):
    write(bare / "etc/depmod.d/own.conf", "search extra updates built-in\n")
    for place in ("updates", "extra"):
        write(bare / f"usr/lib/modules/{KERNEL}/{place}/amdgpu.ko", good_module())

    done = renewed(bare, images=False)

    assert (done.lacks, loaded(bare, KERNEL)) == ((), f"usr/lib/modules/{KERNEL}/extra/amdgpu.ko")


def test_an_index_is_not_written_through_a_link_that_leads_out_of_the_system(bare: Path, tmp_path: Path):
    outside = tmp_path / "outside"
    inside = bare / str(outside).lstrip("/")
    shutil.copytree(bare / "usr/lib/modules", inside / "modules")
    (outside / f"modules/{KERNEL}").mkdir(parents=True)
    (bare / "lib").unlink()
    (bare / "lib").symlink_to(outside)
    write(inside / f"modules/{KERNEL}/updates/amdgpu.ko", good_module())

    done = renewed(bare, images=False)

    assert list((outside / f"modules/{KERNEL}").iterdir()) == []
    assert [one.what for one in done.lacks] != []


def test_where_the_boot_folder_has_no_room_the_old_image_stays_and_the_way_on_is_told(tmp_path: Path):
    root = kernel_root(tmp_path / "a root", programs=True)
    write(root / "etc/modprobe.d/large.conf", f"# {os.urandom(100_000).hex()}\n")
    leave_image(root)
    shutil.move(root / "boot", tmp_path / "kept")
    with mounted_image("ext4", root / "boot", megabytes=8) as boot:
        for one in (tmp_path / "kept").iterdir():
            shutil.copy2(one, boot)
        breaking.fill(boot, leave=10)
        old = (root / IMAGE).read_bytes()

        done = renewed(root)

        assert [one.path for one in done.lacks] == [IMAGE]
        assert "are free" in done.lacks[0].what
        assert "--apply" in done.lacks[0].remedy
        assert (root / IMAGE).read_bytes() == old


def test_a_boot_folder_of_ours_that_is_a_link_is_not_written_through(root: Path, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "boot/rocmswitch").symlink_to(outside)

    with pytest.raises(Exception, match="leads elsewhere by a link"):
        renewed(root)

    assert list(outside.iterdir()) == []


def test_a_module_that_is_not_in_the_image_by_design_is_no_fault(root: Path):
    write(root / "etc/initramfs-tools/modules", "")

    done = renewed(root)

    assert (done.lacks, packed_modules(root, KERNEL)) == ((), set())


def test_a_shadow_that_is_there_is_what_the_index_must_lead_to(root: Path):
    write(root / f"usr/lib/modules/{KERNEL}/updates/amdgpu.ko", bad_module())

    done = renewed(root)

    assert (done.lacks, loaded(root, KERNEL)) == ((), f"usr/lib/modules/{KERNEL}/updates/amdgpu.ko")


IN_PLACE = f"""\
#!/bin/sh
# mkinitcpio -k {KERNEL} -g IMAGE: writes into the file that is there, as the real one does.
set -e
update-initramfs -c -k {KERNEL}
cat /boot/initrd.img-{KERNEL} >"$4"
rm /boot/initrd.img-{KERNEL}
"""
OTHER_IMAGE = f"boot/initramfs-{KERNEL}.img"
BEFORE = f"boot/rocmswitch/{Path(OTHER_IMAGE).name}.before"


@pytest.fixture
def in_place(root: Path) -> Path:
    """A system whose tool for boot images is mkinitcpio."""
    (root / IMAGE).rename(root / OTHER_IMAGE)
    (root / "usr/sbin/mkinitramfs").unlink()
    write(root / "etc/mkinitcpio.d/linux.preset", "")
    write(root / "usr/bin/mkinitcpio", IN_PLACE).chmod(0o755)
    return root


def test_an_image_that_its_tool_writes_into_is_kept_as_it_was(in_place: Path):
    write(in_place / "etc/modprobe.d/new.conf", "# new\n")
    old = (in_place / OTHER_IMAGE).read_bytes()

    done = renewed(in_place, index=False)

    assert (done.lacks, (in_place / BEFORE).read_bytes() == old) == ((), True)
    assert (in_place / OTHER_IMAGE).read_bytes() != old


def test_an_image_that_was_cut_off_does_not_take_the_place_of_the_one_that_was_kept(in_place: Path):
    write(in_place / "etc/modprobe.d/new.conf", "# new\n")
    old = (in_place / OTHER_IMAGE).read_bytes()
    renewed(in_place, index=False)
    write(in_place / OTHER_IMAGE, (in_place / OTHER_IMAGE).read_bytes()[:300])

    done = renewed(in_place, index=False)

    assert (done.lacks, (in_place / BEFORE).read_bytes() == old) == ((), True)


def test_nobody_begins_while_what_a_killed_run_has_started_is_still_at_work(root: Path):
    with shared(programs_lock(root)), pytest.raises(Busy), alone(root, HastyDisk(), 0):
        pass

    with alone(root, HastyDisk(), 0):
        assert renewed(root).lacks == ()
