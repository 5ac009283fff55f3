"""Whose a file of a mounted system is, by dpkg's own files, held against dpkg where it is here."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import Contents, Owner

K = "6.1.0-50-amd64"
MODULE = f"usr/lib/modules/{K}/kernel/drivers/gpu/drm/amd/amdgpu/amdgpu.ko"
STATUS = "Package: {}\nStatus: install ok {}\nArchitecture: amd64\nVersion: {}\n"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Debian 12: /lib is a link, packages own `/lib/modules/…`."""
    root = tmp_path / "root"
    (root / "usr/lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "var/lib/dpkg/info").mkdir(parents=True)
    (root / "var/lib/dpkg/updates").mkdir()
    (root / MODULE).parent.mkdir(parents=True)
    (root / MODULE).write_bytes(b"good")
    install(root, f"linux-image-{K}", {MODULE.removeprefix("usr/"): b"good"})
    return root


def install(root: Path, package: str, files: dict[str, bytes], *, state: str = "installed", conffiles: str = ""):
    info = root / "var/lib/dpkg/info"
    (info / f"{package}.list").write_text("/.\n" + "".join(f"/{path}\n" for path in files))
    (info / f"{package}.md5sums").write_text(
        "".join(f"{md5(content)}  {path}\n" for path, content in files.items())
    )
    with (root / "var/lib/dpkg/status").open("a") as status:
        status.write(STATUS.format(package.partition(":")[0], state, "1.2-3") + conffiles + "\n")


def test_a_file_belongs_to_the_package_that_lists_it_in_the_other_spelling_of_a_merged_usr(root):
    assert PackageFiles(root).owner(MODULE) == Owner(f"linux-image-{K}", "1.2-3", "md5", md5(b"good"), True)


def test_a_file_belongs_to_the_package_that_lists_it_as_it_is(root):
    path = f"usr/lib/modules/{K}/kernel/x.ko.xz"
    (root / path).write_bytes(b"x")
    install(root, f"linux-modules-{K}", {path: b"x"})

    assert PackageFiles(root).owner(path) == Owner(f"linux-modules-{K}", "1.2-3", "md5", md5(b"x"), True)


def test_where_usr_is_not_merged_the_same_name_below_usr_is_nobodys(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "var/lib/dpkg/info").mkdir(parents=True)
    install(tmp_path, "linux-image-x", {"lib/modules/x/a.ko": b"good"})
    packages = PackageFiles(tmp_path)

    assert [bool(packages.owner(path)) for path in ("lib/modules/x/a.ko", "usr/lib/modules/x/a.ko")] == [
        True,
        False,
    ]


def test_a_changed_file_and_one_that_is_gone_are_not_what_their_package_brought(root):
    other = MODULE.replace("amdgpu.ko", "other.ko")
    install(root, "other", {other: b"x"})
    (root / MODULE).write_bytes(b"patched")
    alien = "usr/lib/modules/alien.ko"
    (root / alien).touch()
    packages = PackageFiles(root)

    assert packages.verify([MODULE, other, alien]) == (MODULE, other)
    assert packages.owner(alien) is None


def test_what_is_known_of_a_file_is_not_read_again(root):
    known = Contents(size=4, md5=md5(b"other"), sha256="", unpacked="")

    owner = PackageFiles(root).owners([MODULE], {MODULE: known})[MODULE]

    assert owner is not None and owner.is_intact is False


def test_the_hash_of_a_conffile_stands_in_the_status(root):
    path = "etc/modprobe.d/amdgpu.conf"
    (root / path).parent.mkdir(parents=True)
    (root / path).write_bytes(b"mine")
    install(root, "amdgpu-dkms", {path: b""}, conffiles=f"Conffiles:\n /{path} {md5(b'theirs')} obsolete\n")
    (root / "var/lib/dpkg/info/amdgpu-dkms.md5sums").unlink()

    assert PackageFiles(root).owner(path) == Owner("amdgpu-dkms", "1.2-3", "md5", md5(b"theirs"), False)


def test_what_is_diverted_belongs_to_the_package_that_diverts_and_the_other_lies_aside(root):
    own, aside = MODULE.removeprefix("usr/"), f"{MODULE.removeprefix('usr/')}.distrib"
    (root / f"{MODULE}.distrib").write_bytes(b"good")
    (root / MODULE).write_bytes(b"mine")
    install(root, "diverter", {own: b"mine"})
    (root / "var/lib/dpkg/diversions").write_text(f"/{own}\n/{aside}\ndiverter\n")
    packages = PackageFiles(root)

    assert packages.owner(MODULE) == Owner("diverter", "1.2-3", "md5", md5(b"mine"), True)
    assert packages.owner(f"{MODULE}.distrib") == Owner(f"linux-image-{K}", "1.2-3", "md5", md5(b"good"), True)


def test_what_a_person_has_diverted_belongs_to_nobody_where_it_was(root):
    own = MODULE.removeprefix("usr/")
    (root / "var/lib/dpkg/diversions").write_text(f"/{own}\n/{own}.distrib\n:\n")
    (root / f"{MODULE}.distrib").write_bytes(b"good")
    packages = PackageFiles(root)

    assert packages.owner(MODULE) is None
    assert (owner := packages.owner(f"{MODULE}.distrib")) is not None and owner.is_intact


def test_a_package_of_another_architecture_has_its_own_version(root):
    install(root, "libdrm2:i386", {"usr/lib/i386/libdrm.so.2": b""})
    with (root / "var/lib/dpkg/status").open("a") as status:
        status.write("Package: libdrm2\nStatus: install ok installed\nArchitecture: i386\nVersion: 9\n\n")

    assert PackageFiles(root).owner("usr/lib/i386/libdrm.so.2") == Owner(
        "libdrm2", "9", "md5", md5(b""), is_intact=False
    )


def test_the_package_of_a_kernel_is_found_where_its_module_is_gone(root):
    (root / MODULE).unlink()
    packages = PackageFiles(root)

    assert packages.package_of_kernel(K, MODULE) == (f"linux-image-{K}", "1.2-3")
    assert packages.package_of_kernel(K) == (f"linux-image-{K}", "1.2-3")
    assert packages.package_of_kernel("6.6.6") == ("", "")


def test_ubuntus_package_of_amdgpu_is_named_where_it_is_not_installed(root):
    install(root, "linux-image-6.8.0-50-generic", {"boot/vmlinuz-6.8.0-50-generic": b""})
    install(root, "linux-modules-6.8.0-50-generic", {"lib/modules/6.8.0-50-generic/kernel/fs/ext4.ko.zst": b""})

    told = PackageFiles(root).package_of_kernel("6.8.0-50-generic")

    assert told == ("linux-modules-extra-6.8.0-50-generic", "1.2-3")


def test_a_state_that_dpkg_wrote_before_the_power_went_counts_more_than_the_status(root):
    update = STATUS.format(f"linux-image-{K}", "half-configured", "1.3-1")
    (root / "var/lib/dpkg/updates/0001").write_text(update)
    (root / "var/lib/dpkg/updates/tmp.i").write_text("nonsense")
    packages = PackageFiles(root)

    assert (packages.half_configured(), packages.version(f"linux-image-{K}")) == ((f"linux-image-{K}",), "1.3-1")


def test_a_status_of_nothing_but_zeros_is_told_and_lists_still_tell_owners(root):
    (root / "var/lib/dpkg/status").write_bytes(bytes(2 * 1024 * 1024))
    files = SystemRoot(root)
    packages = PackageFiles(files)

    assert packages.owner(MODULE) == Owner(f"linux-image-{K}", "", "md5", md5(b"good"), is_intact=True)
    assert [one for one in files.unread if "status" in one] == list(files.unread) != []


def test_a_fifo_in_the_place_of_a_module_is_not_what_its_package_brought(root):
    (root / MODULE).unlink()
    os.mkfifo(root / MODULE)

    assert PackageFiles(root).verify([MODULE]) == (MODULE,)


def test_a_root_without_a_database_owns_nothing(tmp_path):
    packages = PackageFiles(tmp_path)

    assert (packages.kind, packages.owner("x"), packages.half_configured(), packages.files_below("x")) == (
        "",
        None,
        (),
        {},
    )


def test_all_that_packages_brought_below_a_folder_is_told_also_what_is_gone(root):
    files = {"usr/src/amdgpu-1/a.c": b"a", "usr/src/amdgpu-1/sub/b.c": b"b", "usr/src/amdgpu-10/c.c": b"c"}
    install(root, "amdgpu-dkms", {"usr/src/amdgpu-1": b"", **files})
    (root / "usr/src/amdgpu-1").mkdir(parents=True)
    (root / "usr/src/amdgpu-1/a.c").write_bytes(b"a")

    found = PackageFiles(root).files_below("usr/src/amdgpu-1")

    assert {path: one.is_intact for path, one in found.items()} == {
        "usr/src/amdgpu-1/a.c": True,
        "usr/src/amdgpu-1/sub/b.c": False,
    }


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="needs dpkg to ask it the same")
@pytest.mark.parametrize(
    "state", ["installed", "config-files", "unpacked", "half-configured", "half-installed", "triggers-pending"]
)
def test_broken_packages_are_those_that_dpkg_complains_of(root, state):
    more = "Triggers-Pending: x\n" if state == "triggers-pending" else ""
    install(root, "patient", {}, state=state, conffiles=f"Description: x\n{more}Maintainer: x\n")
    audit = subprocess.run(
        ["dpkg", f"--admindir={root}/var/lib/dpkg", "--audit"], capture_output=True, text=True, check=False
    )

    assert "error" not in audit.stderr
    assert (" patient" in audit.stdout) == ("patient" in PackageFiles(root).half_configured()), audit


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="needs dpkg-query to ask it the same")
def test_owners_on_this_machine_are_those_that_dpkg_names():
    paths = sorted(str(path) for path in Path("/usr/lib/dpkg/methods").rglob("*") if path.is_file())
    if not paths:
        pytest.skip("this machine is none of dpkg's")
    told = subprocess.run(["dpkg-query", "-S", *paths], capture_output=True, text=True, check=True).stdout
    expected = {path: package for package, path in (line.split(": ") for line in told.splitlines())}

    found = PackageFiles(Path("/")).owners(path.lstrip("/") for path in paths)

    assert {f"/{path}": one.package for path, one in found.items() if one} == expected
