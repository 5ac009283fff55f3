"""Two environments that uv has made, which share every file with its cache, and libraries to deploy into the first.

shared = SharedEnvironments.made(tmp_path)
before = shared.files()
shared.line.succeed("deploy", *shared.patched, "--into", str(shared.first), "--yes")
assert shared.files() == before
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.support.commandline import CommandLine
from tests.support.disk import remove_folder
from tests.support.patched import PYTHON, original, patched
from tests.support.pytorchwheels import torch_wheel
from tests.support.torchenvironment import RPATH

LIBRARIES = ("libMIOpen.so", "librocblas.so")
LARGE = 5 * 1024 * 1024
"""Bytes that one library has, so that it is written in several pieces."""
UNCHANGING = 946_684_800
"""2000-01-01: the time of every file there was."""
Found = dict[str, tuple[str | int, ...]]
"""What there is at each path below the account's folder."""


@dataclass(frozen=True)
class SharedEnvironments:
    """A person's account with all that is needed below its folder."""

    line: CommandLine

    @classmethod
    def made(cls, folder: Path) -> SharedEnvironments:
        """The real uv makes both; it asks no server."""
        shared = cls(CommandLine(folder))
        shared.line.home.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as scratch:
            torch = torch_wheel(RPATH, PYTHON)
            wheel = Path(scratch) / torch.filename
            wheel.write_bytes(torch.content)
            for environment in (shared.first, shared.second):
                shared._uv("venv", "--quiet", "--python", sys.executable, str(environment))
                target = ("--python", str(environment / "bin/python"), "--no-deps", "--link-mode", "hardlink")
                shared._uv("pip", "install", "--quiet", *target, str(wheel))
        for path in shared.targets:
            assert path.stat().st_nlink > 2, f"{path} is not shared with the cache"
        (folder / "patched").mkdir()
        for name in LIBRARIES:
            (folder / "patched" / name).write_bytes(patched(name))
        os.truncate(shared.patched[0], LARGE)
        shared.targets[1].chmod(0o755)
        with contextlib.suppress(OSError):  # a file system without extended attributes
            os.setxattr(shared.targets[0], "user.comment", b"from the wheel\0")
        for path in folder.rglob("*"):
            os.utime(path, (UNCHANGING, UNCHANGING), follow_symlinks=False)
        return shared

    @property
    def first(self) -> Path:
        return self.line.folder / "first env"

    @property
    def second(self) -> Path:
        return self.line.folder / "second"

    @property
    def cache(self) -> Path:
        return self.line.folder / "uv's cache"

    @property
    def lib(self) -> Path:
        return next(self.first.glob("lib/python*/site-packages")) / "torch/lib"

    @property
    def targets(self) -> tuple[Path, ...]:
        """What is in the way in the first environment."""
        return tuple(self.lib / name for name in LIBRARIES)

    @property
    def patched(self) -> tuple[str, ...]:
        """What is to be there instead."""
        return tuple(str(self.line.folder / "patched" / name) for name in LIBRARIES)

    def patched_bytes(self) -> list[bytes]:
        return [Path(path).read_bytes() for path in self.patched]

    def copy_by_hand(self) -> None:
        """Put a patched library over the wheel's own, and keep that beside it, as people do."""
        target = self.targets[0]
        shutil.copy2(target, target.with_name(f"{target.name}.original"))
        target.unlink()
        target.write_bytes(patched(target.name))
        os.utime(target, (UNCHANGING, UNCHANGING))
        assert target.with_name(f"{target.name}.original").read_bytes() == original(target.name)

    def files(self) -> Found:
        """What there is outside rocmswitch's own folder: kind and mode, what it holds, its owner, and its time.

        Of folders no time: files come and go in them.
        """
        own = self.line.folder / "rocmswitch"
        found = {}
        for folder, folders, names in os.walk(self.line.folder):
            folders[:] = sorted(name for name in folders if Path(folder, name) != own)
            for path in (Path(folder, name) for name in [*folders, *names]):
                found[str(path.relative_to(self.line.folder))] = seen(path)
        return found

    def copy_to(self, folder: Path) -> None:
        """The whole account at another place, links among its files kept."""
        subprocess.run(["cp", "-a", str(self.line.folder), str(folder)], check=True)

    def restore_from(self, kept: Path) -> None:
        """The account as it was when it was copied to *kept*."""
        remove_folder(self.line.folder)
        subprocess.run(["cp", "-a", str(kept), str(self.line.folder)], check=True)

    def _uv(self, *words: str) -> None:
        command = [str(Path(sys.executable).with_name("uv")), "--offline", "--cache-dir", str(self.cache), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.line.variables())
        assert done.returncode == 0, done.stderr


def seen(path: Path) -> tuple[str | int, ...]:
    """What a file, a link or a folder is."""
    status = path.lstat()
    start = (stat.filemode(status.st_mode), status.st_uid, status.st_gid)
    if stat.S_ISDIR(status.st_mode):
        return start
    if stat.S_ISLNK(status.st_mode):
        return (*start, str(path.readlink()))
    attributes = [f"{name}={_attribute(path, name)}" for name in sorted(os.listxattr(path))]
    return (*start, hashlib.sha256(path.read_bytes()).hexdigest(), status.st_mtime_ns, *attributes)


def without_time(found: Found, paths: Iterable[Path], folder: Path) -> Found:
    """The same, but of *paths* below *folder* not when they were written."""
    chosen = {str(path.relative_to(folder)) for path in paths}
    return {path: (*one[:4], *one[5:]) if path in chosen else one for path, one in found.items()}


def _attribute(path: Path, name: str) -> str:
    return base64.b64encode(os.getxattr(path, name)).decode()
