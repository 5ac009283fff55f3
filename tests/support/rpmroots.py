"""Small whole systems of rpm: the real rpm's database owns their kernel module, from a package that it has built.

root, package = rpm_root(tmp_path)
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import add_program, in_tree, kernel_root, write

NAME, VERSION = "kernel-modules-core", "6.1.176-1"
CONFIGURATION = Path("/usr/lib/rpm")
SPEC = """\
Name: {name}
Version: {version}
Release: {release}
Summary: x
License: GPL-2.0
BuildArch: noarch
%description
x
%install
install -D -m 644 {source} %{{buildroot}}/{path}
%files
/{path}
"""


def rpm_root(folder: Path) -> tuple[Path, Path]:
    """A sound system that can be chrooted into, and the package that owns its amdgpu."""
    for program in ("rpm", "rpmbuild", "rpm2cpio"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no `{program}` here: install rpm")
    root = kernel_root(folder / "root", programs=True)
    shutil.rmtree(root / "var/lib/dpkg")
    write(root / "etc/os-release", 'ID=fedora\nVERSION_ID="41"\nPRETTY_NAME="Fedora Linux 41"\n')
    add_program(root, "rpm")
    shutil.copytree(CONFIGURATION, root / "usr/lib/rpm", symlinks=True, dirs_exist_ok=True)
    # Debian's rpm keeps its database in a home, unlike those of the systems that have one.
    write(root / "etc/rpm/macros", "%_dbpath /var/lib/rpm\n")
    package = _built(folder, root / in_tree())
    database = root / "var/lib/rpm"
    database.mkdir(parents=True)
    _run("rpm", "--dbpath", database, "--justdb", "--nodeps", "--ignoreos", "--noscripts", "-i", package)
    return root, package


def _built(folder: Path, module: Path) -> Path:
    version, _, release = VERSION.partition("-")
    path = in_tree(KERNEL).removeprefix("usr/")
    spec = SPEC.format(name=NAME, version=version, release=release, source=module, path=path)
    # Else it strips what is to stay byte for byte, as kernel packages have it done before.
    write(folder / "x.spec", f"%global __os_install_post %nil\n{spec}")
    _run("rpmbuild", "-bb", "--define", f"_topdir {folder}/rpm", folder / "x.spec")
    (built,) = (folder / "rpm/RPMS").rglob("*.rpm")
    return built


def _run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
