"""Small real file systems in an image, mounted by root: one whose files can share blocks, or a poor one."""

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
