"""Facts about a machine that take a disk of some size, a snapshot, or an odd file to see."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.host.accounts import Group, group, unmapped_group, user_name
from rocmswitch.host.loaderpaths import read_loader_folders
from rocmswitch.host.packagesources import read_sources
from rocmswitch.host.secureboot import read_secure_boot
from rocmswitch.host.system import read_system
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.machine import MachineSymptoms
from rocmswitch.model.snapshot import BY_USER
from rocmswitch.operations import snapshot
from rocmswitch.operations.inspecting import inspect_machine, snapshot_state, spaces
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.disk import Disk
from tests.support import sickroots
from tests.support.filesystems import small_disk
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import bad_module, in_tree, write


def room(layout: Layout, temporary: Path) -> list[tuple[str, bool, int]]:
    found = spaces(Installed((layout,)), layout, {"TMPDIR": str(temporary)}, None)
    return [(one.folder, one.free < one.needed, one.needed) for one in found]


def test_a_full_disk_is_told_once_for_all_that_lies_on_it(tmp_path: Path):
    with small_disk(tmp_path / "small", 8 << 20) as small:
        layout = Layout.under(small / "rocmswitch")

        assert room(layout, small) == [(str(layout.data), True, 2_480_000_000 + 256 * 1024**2)]


def test_each_disk_is_told_by_what_it_is_for(tmp_path: Path):
    with small_disk(tmp_path / "small", 8 << 20) as small:
        layout = Layout.under(tmp_path / "rocmswitch")

        assert room(layout, small)[1:] == [(str(small), True, 256 * 1024**2)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sickroots.healthy(tmp_path / "machine")


@pytest.fixture
def taken(root: Path) -> Path:
    """The same with a snapshot."""
    if os.geteuid() != 0:
        pytest.skip("snapshots are root's alone")
    snapshots = Snapshots(Layout.driver(root), Disk(), root)
    snapshot.take(read_system(root), snapshots, BY_USER, Disk())
    return root


def state(root: Path) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    found = snapshot_state(read_system(root), root, Disk())
    return (found.lacking, found.other) if found else None


def test_a_machine_without_a_snapshot_has_none_to_be_out_of_date(root: Path):
    assert state(root) is None


def test_a_snapshot_of_what_is_there_is_up_to_date(taken: Path):
    assert state(taken) == ((), ())


def test_a_snapshot_lacks_the_kernel_that_came_after_it(taken: Path):
    sickroots.add_newer_kernel(taken)

    assert state(taken) == ((sickroots.NEWER,), ())


def test_a_snapshot_has_another_module_than_a_package_has_brought_since(taken: Path):
    sickroots.upgraded(taken)

    assert state(taken) == ((), (KERNEL,))


def test_what_is_broken_now_is_nothing_to_keep(taken: Path):
    write(taken / in_tree(), bad_module())

    assert state(taken) == ((), ())


def test_a_damaged_snapshot_is_passed_over(taken: Path):
    (Layout.driver(taken).snapshots / "1/MANIFEST.sha256").unlink(missing_ok=True)
    for one in (Layout.driver(taken).snapshots / "1").iterdir():
        if one.is_file():
            one.write_bytes(b"x")

    assert state(taken) is None


HOSTILE = (
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/x.list",
    "etc/ld.so.conf",
    "etc/group",
    "proc/cmdline",
    "var/log/kern.log",
    "var/lib/dkms/amdgpu/1/build/make.log",
    "etc/yum.repos.d/x.repo",
    sickroots.SECURE_BOOT,
)


@pytest.mark.parametrize("odd", ["fifo", "folder", "loop", "outside", "bytes", "unreadable name"])
def test_odd_files_in_a_root_say_nothing_and_hang_nobody(tmp_path: Path, odd: str):
    for name in HOSTILE:
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if odd == "fifo":
            os.mkfifo(path)
        elif odd == "folder":
            path.mkdir()
        elif odd == "loop":
            path.symlink_to(path.name)
        elif odd == "outside":
            path.symlink_to("/../" * 9 + "etc/hostname")
        elif odd == "bytes":
            path.write_bytes(os.urandom(4096))
        else:
            Path(os.fsdecode(os.fsencode(path.parent) + b"/\xff.list")).write_text("deb x y z\n")

    found = inspect_machine(tmp_path / "root", ())

    assert isinstance(found, MachineSymptoms)
    assert (found.loader, found.builds, found.log.lines) == ((), (), ())


def test_files_that_include_one_another_end(tmp_path: Path):
    write(tmp_path / "etc/ld.so.conf", "include ld.so.conf\ninclude /etc/*.conf\n/opt/rocm/lib\n")

    found = read_loader_folders(SystemRoot(tmp_path))

    assert {one.where for one in found} == {"/etc/ld.so.conf:3"}


@pytest.mark.parametrize("path", ["/etc/ld.so.conf.d/a.conf", "/etc/ld.so.conf.d/b.conf"])
def test_an_included_file_is_told_with_its_line(tmp_path: Path, path: str):
    write(tmp_path / "etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
    write(tmp_path / path.lstrip("/"), "# x\n\n/my rocm/lib # mine\n/my/lib\n")
    write(tmp_path / "my rocm/lib/libamdhip64.so.6", "")
    write(tmp_path / "my/lib/libother.so", "")

    found = read_loader_folders(SystemRoot(tmp_path))

    assert [(one.where, one.folder, one.is_alone) for one in found] == [(f"{path}:3", "/my rocm/lib", False)]


def test_a_distributions_own_rocm_is_no_foreign_one(tmp_path: Path):
    write(tmp_path / "etc/ld.so.conf", "/usr/lib/x86_64-linux-gnu\n/usr/local/lib\n")
    write(tmp_path / "usr/lib/x86_64-linux-gnu/libamdhip64.so.5", "")

    assert read_loader_folders(SystemRoot(tmp_path)) == ()


def test_groups_and_users_are_those_of_the_machine(tmp_path: Path):
    write(tmp_path / "etc/group", "render:x:992:ada,bob\nbroken\n:::\n")
    write(tmp_path / "etc/passwd", f"somebody:x:{os.getuid()}:0::/:/bin/sh\n")
    write(tmp_path / "proc/sys/kernel/overflowgid", "4711\n")

    assert group(992, tmp_path) == Group(992, "render", ("ada", "bob"))
    assert group(993, tmp_path) == Group(993)
    assert (user_name(tmp_path), unmapped_group(tmp_path), unmapped_group(tmp_path / "x")) == (
        "somebody",
        4711,
        65534,
    )


def test_a_repository_without_its_key_is_told(tmp_path: Path):
    text = "[rocm]\nbaseurl=https://repo.radeon.com/rocm/el9/6.4/main\ngpgkey=file:///etc/pki/a file:///etc/pki/b\n"
    write(tmp_path / "etc/yum.repos.d/rocm.repo", text)
    write(tmp_path / "etc/pki/a", "key")

    (found,) = read_sources(SystemRoot(tmp_path))

    assert (found.key, found.has_key, found.where) == ("/etc/pki/b", False, "/etc/yum.repos.d/rocm.repo:2")


@pytest.mark.parametrize(("content", "is_on"), [(b"\6\0\0\0\1", True), (b"\6\0\0\0\0", False), (b"", None)])
def test_the_firmwares_own_variable_says_whether_secure_boot_is_on(
    tmp_path: Path, content: bytes, is_on: bool | None
):
    write(tmp_path / sickroots.SECURE_BOOT, content)

    assert read_secure_boot(SystemRoot(tmp_path)).is_on is is_on
