"""Patched libraries, and environments that nobody but their owner has made: what deployments are about.

site = foreign(folder / "my venv")
write(folder / "libMIOpen.so", patched())
line.run("deploy", str(folder / "libMIOpen.so"), "--into", str(folder / "my venv"), "--yes")
"""

from __future__ import annotations

import hashlib
import io
import sys
import venv
import zipfile
from dataclasses import replace
from pathlib import Path

from tests.support.commandline import CommandLine
from tests.support.elflibraries import Library, linked
from tests.support.pytorchwheels import Build, bundled, torch_wheel
from tests.support.torchenvironment import RPATH, Person

MIOPEN = "torch/lib/libMIOpen.so"
"""Below site-packages."""
PYTHON = f"cp{sys.version_info[0]}{sys.version_info[1]}"


def foreign(folder: Path, build: Build = RPATH) -> Path:
    """A virtual environment at *folder* with torch in it, unpacked as pip unpacks it. Gives its site-packages."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    venv.create(folder, symlinks=True, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    put_torch(site, build)
    return site


def user_site(line: CommandLine, build: Build = RPATH) -> Path:
    """torch in the account's own site-packages, for the Python that runs the tests."""
    site = line.home / f".local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    site.mkdir(parents=True)
    put_torch(site, build)
    return site


def ours(line: CommandLine, build: Build = RPATH) -> Path:
    """The environment `demo` of the account, made by rocmswitch. Gives its site-packages."""
    return Person(line.folder, build, home="rocmswitch").site


def put_torch(site: Path, build: Build = RPATH) -> None:
    """torch as its wheel has it, over whatever is there: new files, as pip and uv do it."""
    with zipfile.ZipFile(io.BytesIO(torch_wheel(build, PYTHON).content)) as wheel:
        for name in wheel.namelist():
            (site / name).unlink(missing_ok=True)
        wheel.extractall(site)


def patched(file: str = "libMIOpen.so", build: Build = RPATH, **changes: object) -> bytes:
    """The library that *build* bundles as *file*, built anew by somebody: its function returns something else."""
    return linked(replace(described(file, build), **{"value": 9001, **changes}))  # type: ignore[arg-type]


def described(file: str, build: Build = RPATH) -> Library:
    """The library that *build* bundles as *file*."""
    return next(one for one in bundled(build) if one.file == file)


def original(file: str = "libMIOpen.so", build: Build = RPATH) -> bytes:
    """What the wheel of *build* has as *file*."""
    return linked(described(file, build))


def write(path: Path, content: bytes) -> Path:
    """A new file at *path*, in place of one that is there: never through its other names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return path


def hashes(folder: Path) -> dict[str, str]:
    """What every file below *folder* holds, except what Python keeps for itself; the target of a symlink."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"-> {path.readlink()}"
        elif path.is_file() and "__pycache__" not in path.parts:
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
