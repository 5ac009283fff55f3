"""A Debian whose boot images dracut makes: the system of tests/vm, with it in the place of initramfs-tools.

with dracut_root() as root:
    subprocess.run(["chroot", root, "dracut", "--force", ...])

What dracut's packages bring is installed once and kept beside that system; each test changes a layer of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from filelock import FileLock

from tests.vm import image

# Only what is looked at: an image of all drivers takes a minute. Without it amdgpu would not be inside at all.
_SETTINGS = 'hostonly="no"\ndrivers="amdgpu"\ncompress="gzip"\n'
_ROOT = "root-layered"
_INSTALL = "apt-get install -y --no-install-recommends dracut"


@contextlib.contextmanager
def dracut_root() -> Iterator[Path]:
    """The root of a system whose image is whole. Skips where there can be none, with the reason."""
    image.skip_where_lacking()
    tree = image.base_tree()
    with image.workplace() as folder, _layered(folder, [_installed(tree), tree]) as root:
        yield root


def kernel_of(root: Path) -> str:
    """The release of the one kernel there."""
    (found,) = (one.name for one in (root / "lib/modules").iterdir())
    return found


def in_image(root: Path, path: str, inside: str) -> str:
    """The SHA-256 of *inside*, a path in the boot image *path*, by dracut's own program."""
    done = subprocess.run(["chroot", root, "lsinitrd", "-f", inside, f"/{path}"], capture_output=True, check=False)
    return hashlib.sha256(done.stdout).hexdigest()


def _installed(tree: Path) -> Path:
    """The layer with dracut, made on top of *tree*; a minute and the archive where it is not there yet."""
    recipe = hashlib.sha256(f"{tree.parent.name}\0{_SETTINGS}\0{_INSTALL}".encode()).hexdigest()[:12]
    final = image.CACHE / f"dracut-{recipe}"
    with FileLock(image.CACHE / "dracut.lock"):
        if not final.exists():
            making = image.CACHE / "dracut.new"
            if (making / _ROOT).is_mount():  # of a run that was killed
                subprocess.run(["umount", "--recursive", making / _ROOT], check=True)
            shutil.rmtree(making, ignore_errors=True)
            with _layered(making, [tree]) as root:
                _install(root)
            (making / "upper").rename(final)
            shutil.rmtree(making)
        os.utime(final)
    return final


def _install(root: Path) -> None:
    settings = root / "etc/dracut.conf.d/tests.conf"
    settings.parent.mkdir()
    settings.write_text(_SETTINGS)
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    command = ["chroot", root, "env", "DEBIAN_FRONTEND=noninteractive", *_INSTALL.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Unable to fetch" in done.stderr or "Temporary failure" in done.stderr:
        pytest.skip("dracut is not installed yet, and Debian's archive does not answer from here")
    assert done.returncode == 0, done.stderr
    kernel = kernel_of(root)
    # Its own trigger does so too, with exit status 0 whatever becomes of it.
    subprocess.run(
        ["chroot", root, "dracut", "--force", f"/boot/initrd.img-{kernel}", kernel], capture_output=True, check=True
    )


@contextlib.contextmanager
def _layered(folder: Path, below: Sequence[Path]) -> Iterator[Path]:
    """A mount whose changes go to *folder*/upper."""
    upper, work, root = (folder / name for name in ("upper", "work", _ROOT))
    for one in (upper, work, root):
        one.mkdir(parents=True)
    options = f"lowerdir={':'.join(map(str, below))},upperdir={upper},workdir={work}"
    done = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", options, root], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no overlay can be mounted here: {done.stderr.strip()}")
    try:
        yield root
    finally:
        subprocess.run(["umount", "--recursive", root], check=True)
