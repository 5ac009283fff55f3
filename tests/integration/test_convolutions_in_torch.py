"""The wheel of the convolutions in a real PyTorch, built for processors: what it decides, and what it computes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import uv as uv_package

from tests.support.cputorch import cpu_torch
from tests.support.guesttorch import put_wheel
from tests.support.realtorch import check, told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An environment whose torch is the shared one, except for a folder of its own with links to all in it."""
    shared = next(cpu_torch().glob("lib/python*/site-packages"))
    folder = tmp_path / "environment"
    words = ("--quiet", "venv", "--python", cpu_torch() / "bin/python")
    subprocess.run([uv_package.find_uv_bin(), *words, folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "torch").mkdir()
    for path in (shared / "torch").iterdir():
        if path.name != "__pycache__":  # its own version.py would be compiled into that
            (site / "torch" / path.name).symlink_to(path)
    (site / "others.pth").write_text(f"{shared}\n")
    return folder


def test_the_newest_torch_takes_it_and_computes_what_it_computed(folder: Path, tmp_path: Path) -> None:
    said = told(folder, tmp_path)

    check(said)
    assert said["tensors"] == 132


def test_a_torch_for_processors_imports_nothing_of_the_kernels(folder: Path, tmp_path: Path) -> None:
    put_wheel(next(folder.glob("lib/python*/site-packages")), tmp_path)
    code = (
        "import sys, torch, rocmswitch_convolutions as ours; "
        "print(ours.status(), torch._C._get_cudnn_enabled(), 'rocmswitch_convolutions.kernels' in sys.modules)"
    )

    done = subprocess.run([folder / "bin/python", "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("off: this PyTorch is for processors alone True False\n", "")
