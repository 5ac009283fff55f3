"""A real PyTorch for processors alone, in an environment that all tests of this machine share and never change.

Taken from where this machine's pip looks for wheels, or from PyTorch's own index. 750 MB, made once and kept beside
the images of virtual machines.
"""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import uv
from filelock import FileLock
from packaging.version import Version

from rocmswitch.host.pip import read_indexes

_WHEEL = re.compile(r"torch-([0-9.]+\+cpu)-cp(3)([0-9]+)-")
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rocmswitch-tests/torch"
"""Of the account that runs the tests; while one runs, its home is another."""
_BESIDE = ("numpy", "expecttest", "setuptools")
"""What torch's own tests and compiler need."""


@cache
def cpu_torch() -> Path:
    """The environment. Skips the test where no such PyTorch can be had."""
    version, python = _found()
    folder = KEPT / f"{version or 'newest'}-{python}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / "whole").exists():
            _make(folder, version, python)
            (folder / "whole").touch()
    return folder


def _found() -> tuple[str, str]:
    """The newest build in a folder that pip is told of, and its Python; no version where there is none."""
    folders = [Path(one) for one in read_indexes(os.environ).find_links if Path(one).is_dir()]
    matches = [_WHEEL.match(path.name) for folder in folders for path in folder.iterdir()]
    found = sorted((Version(one[1]), f"{one[2]}.{one[3]}") for one in matches if one)
    return (str(found[-1][0]), found[-1][1]) if found else ("", "3.11")


def _make(folder: Path, version: str, python: str) -> None:
    links = [word for one in read_indexes(os.environ).find_links for word in ("--find-links", one)]
    torch = [f"torch=={version}"] if version else ["torch", "--torch-backend", "cpu"]
    _uv("venv", "--quiet", "--clear", "--python", python, folder)
    _uv("pip", "install", "--quiet", "--python", folder / "bin/python", *links, *torch, *_BESIDE)


def _uv(*words: str | Path) -> None:
    done = subprocess.run([uv.find_uv_bin(), *words], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no PyTorch for processors alone can be had here: {done.stderr.strip()[-300:]}")
