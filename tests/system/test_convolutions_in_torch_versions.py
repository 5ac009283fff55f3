"""The wheel of the convolutions in real PyTorches from 1.13 on, as if each were built for ROCm on an RX 5700 XT.

Each is 2 to 7 GB, fetched from the usual index, so they are tried where TEST_TORCH=all asks for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import uv as uv_package

from rocmswitch.errors import NotFound
from rocmswitch.store.interpreters import find_interpreter
from rocmswitch.store.virtualenv import Uv
from tests.support.disk import HastyDisk
from tests.support.realtorch import check, told

VERSIONS = (
    ("1.13.1", "3.10"),
    ("2.0.1", "3.10"),
    ("2.1.2", "3.10"),
    ("2.4.1", "3.12"),
    ("2.5.1", "3.12"),
    ("2.9.1", "3.13"),
)


@pytest.mark.network
@pytest.mark.skipif(os.environ.get("TEST_TORCH") != "all", reason="20 GB; TEST_TORCH=all tries them")
@pytest.mark.parametrize(("version", "python"), VERSIONS)
def test_each_torch_takes_it_and_computes_what_it_computed(version: str, python: str, tmp_path: Path) -> None:
    try:
        interpreter = find_interpreter(python, (), Uv(tmp_path / "uv", HastyDisk()))
    except NotFound as error:
        pytest.skip(str(error))
    folder = tmp_path / "environment"
    install(
        folder, interpreter.executable, f"torch=={version}", "numpy<2" if version < "2.3" else "numpy", "setuptools"
    )
    try:
        said = told(folder, tmp_path)
    finally:
        shutil.rmtree(folder)

    check(said)
    assert said["tensors"] >= 120


def install(folder: Path, python: str, *packages: str) -> None:
    run = [uv_package.find_uv_bin(), "--quiet"]
    subprocess.run([*run, "venv", "--python", python, folder], check=True)
    into = ("--python", folder / "bin/python", "--cache-dir", folder / "cache")
    subprocess.run([*run, "pip", "install", *into, *packages], check=True)
