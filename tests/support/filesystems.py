"""Small real file systems, mounted by root: in an image, whose files can share blocks or not, or in memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

MAKERS = {
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-m", "reflink=1"),
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "vfat": ("mkfs.vfat",),
}


@contextlib.contextmanager
def mounted_image(kind: str, folder: Path, megabytes: int = 320) -> Iterator[Path]:
    """*folder*, made, with a fresh file system of *kind* in it; skips where this machine cannot have one."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    program, *options = MAKERS[kind]
    if shutil.which(program) is None:
        pytest.skip(f"there is no `{program}` here")
    image = folder.with_name(f"{folder.name}.image")
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    folder.mkdir()
    for command in ([program, *options, str(image)], ["mount", "-o", "loop", str(image), str(folder)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no {kind} can be mounted here: {done.stderr.strip() or done.stdout.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        image.unlink()


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """*folder*, with a file system of *size* bytes in memory; skips where none can be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode:
        pytest.skip("only root, and not in every container, may mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on the file system of *folder*: by a file in it, which is given."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 512):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return filler
