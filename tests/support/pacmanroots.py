"""Small whole systems of pacman: the real pacman has installed the package that owns their kernel module.

root, package = pacman_root(tmp_path)
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import in_tree, kernel_root, write

NAME, VERSION = "linux", "6.1.176-1"


def pacman_root(folder: Path) -> tuple[Path, Path]:
    """A sound system that can be chrooted into, and the package that owns its amdgpu."""
    if shutil.which("pacman") is None:
        pytest.skip("there is no `pacman` here: install pacman-package-manager")
    root = kernel_root(folder / "root", programs=True)
    shutil.rmtree(root / "var/lib/dpkg")
    write(root / "etc/os-release", 'ID=arch\nPRETTY_NAME="Arch Linux"\n')
    package = _built(folder, (root / in_tree()).read_bytes())
    (root / "var/lib/pacman").mkdir(parents=True)
    folders = {"root": root, "dbpath": root / "var/lib/pacman", "cachedir": folder, "hookdir": folder}
    folders |= {"gpgdir": folder, "config": Path("/dev/null"), "logfile": Path("/dev/null")}
    options = ("--noconfirm", "--noscriptlet", *(f"--{name}={path}" for name, path in folders.items()))
    _run("pacman", *options, "--overwrite", "*", "-U", package)
    return root, package


def _built(folder: Path, module: bytes) -> Path:
    """As makepkg, which will not run as root, makes it."""
    path = in_tree(KERNEL)
    stated = f"sha256digest={hashlib.sha256(module).hexdigest()}"
    listed = f"#mtree\n/set type=file uid=0 gid=0 mode=644\n./{path} time=1.0 size={len(module)} {stated}\n"
    about = (
        f"pkgname = {NAME}\npkgbase = {NAME}\npkgver = {VERSION}\npkgdesc = x\nsize = {len(module)}\narch = any\n"
    )
    members = {".PKGINFO": about.encode(), ".MTREE": gzip.compress(listed.encode()), path: module}
    package = folder / f"{NAME}-{VERSION}-any.pkg.tar.gz"
    with tarfile.open(package, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return package


def _run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
