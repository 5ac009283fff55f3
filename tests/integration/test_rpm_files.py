"""Whose a file is by rpm's database: made by the real rpm, from packages that the real rpmbuild made."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import Owner
from tests.support.kernelroots import write

K = "6.11.4-301.fc41.x86_64"
MODULE = f"usr/lib/modules/{K}/kernel/drivers/gpu/drm/amd/amdgpu/amdgpu.ko.xz"
SPEC = """\
Name: kernel-modules
Version: 6.11.4
Release: 301.fc41
Epoch: 1
Summary: x
License: GPL-2.0
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}$(dirname /MODULE) %{buildroot}/etc/modprobe.d
echo good >%{buildroot}/MODULE
ln -s amdgpu.ko.xz %{buildroot}/MODULE.link
echo '# theirs' >'%{buildroot}/etc/modprobe.d/a b.conf'
%files
/MODULE
/MODULE.link
%config "/etc/modprobe.d/a b.conf"
%ghost /boot/initramfs.img
"""
NEEDS_RPM = pytest.mark.skipif(
    shutil.which("rpm") is None or shutil.which("rpmbuild") is None, reason="needs rpm and rpmbuild"
)


def run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rpm")
    write(folder / "x.spec", SPEC.replace("MODULE", MODULE.removeprefix("usr/")))
    run("rpmbuild", "-bb", "--define", f"_topdir {folder}", "--define", "_build_id_links none", folder / "x.spec")
    (built,) = (folder / "RPMS").rglob("*.rpm")
    return built


@pytest.fixture(params=["usr/lib/sysimage/rpm", "var/lib/rpm"])
def root(tmp_path: Path, package: Path, request: pytest.FixtureRequest) -> Path:
    """Fedora: merged /usr, packages own `/lib/modules/…`."""
    root = tmp_path / "a root"
    (root / request.param).mkdir(parents=True)
    (root / "usr/lib/modules").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    run("rpm", "--dbpath", root / request.param, "--justdb", "--nodeps", "--ignoreos", "--noscripts", "-i", package)
    write(root / MODULE, "good\n")
    write(root / "etc/modprobe.d/a b.conf", "# mine\n")
    return root


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@NEEDS_RPM
def test_files_belong_to_the_package_that_rpm_names_with_its_hash(root):
    packages = PackageFiles(root)
    owners = packages.owners(
        [MODULE, f"{MODULE}.link", "etc/modprobe.d/a b.conf", "boot/initramfs.img", "etc/alien"]
    )

    name, version = "kernel-modules", "1:6.11.4-301.fc41"
    assert (packages.kind, owners) == (
        "rpm",
        {
            MODULE: Owner(name, version, "sha256", sha256("good\n"), True),
            f"{MODULE}.link": Owner(name, version),
            "etc/modprobe.d/a b.conf": Owner(name, version, "sha256", sha256("# theirs\n"), False),
            "boot/initramfs.img": Owner(name, version),
            "etc/alien": None,
        },
    )


@NEEDS_RPM
def test_the_package_of_a_kernel_and_what_it_lists_are_known_where_the_module_is_gone(root):
    (root / MODULE).unlink()
    packages = PackageFiles(root)

    assert packages.package_of_kernel(K) == ("kernel-modules", "1:6.11.4-301.fc41")
    (stated,) = packages.stated_modules(K, f"usr/lib/modules/{K}")
    assert (stated.name, stated.path, stated.owner.is_intact) == ("amdgpu", MODULE, None)
    assert (packages.version("kernel-modules"), packages.half_configured()) == ("1:6.11.4-301.fc41", ())


@NEEDS_RPM
def test_a_database_that_is_damaged_is_told_once_and_owns_nothing(tmp_path):
    write(tmp_path / "usr/lib/sysimage/rpm/rpmdb.sqlite", b"\0" * 4096 + b"nonsense")
    files = SystemRoot(tmp_path)
    packages = PackageFiles(files)

    assert (packages.owner("etc/x"), packages.owner("etc/y"), packages.package_of_kernel("6.6")) == (
        None,
        None,
        ("", ""),
    )
    assert len([one for one in files.unread if "sysimage/rpm" in one]) == 1


@NEEDS_RPM
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
def test_a_database_on_a_read_only_file_system_is_read_too(root):
    for path in root.rglob("rpmdb.sqlite-*"):
        path.unlink()
    asking = (
        'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && '
        'exec "$0" -c "import sys; from pathlib import Path; '
        "from rocmswitch.host.packagefiles import PackageFiles; "
        'print(PackageFiles(Path(sys.argv[1])).owner(sys.argv[2]))" "$@"'
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", asking, sys.executable, str(root), MODULE],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")

    assert "package='kernel-modules'" in done.stdout, done.stderr
