"""The wheel: what it carries, and that it works away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CHECKOUT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in a fresh virtual environment whose only source is the wheel, with its dependencies."""
    venv = tmp_path_factory.mktemp("elsewhere") / "venv"
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, venv], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", venv / "bin/python", wheel], check=True)
    return venv / "bin/rocmswitch"


def run(program: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "HOME": str(folder), "NO_COLOR": "1"}
    command = [str(program), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_carries_every_manifest_lock_hook_and_the_rescue_script(wheel: Path):
    wanted = {f"rocmswitch/manifests/{path.name}" for path in (CHECKOUT / "manifests").iterdir()}
    wanted |= {
        f"rocmswitch/{path.relative_to(CHECKOUT / 'rocmswitch')}"
        for path in (CHECKOUT / "rocmswitch/shell").iterdir()
        if path.suffix in (".sh", ".bash", ".zsh", ".fish")
    }
    wanted.add("rocmswitch/recover.sh")

    carried = set(zipfile.ZipFile(wheel).namelist())

    assert any(name.endswith(".yaml") for name in wanted) and any(name.endswith(".lock") for name in wanted)
    assert wanted - carried == set()


def test_the_rescue_script_in_the_wheel_is_the_one_of_the_checkout(wheel: Path):
    packed = zipfile.ZipFile(wheel).read("rocmswitch/recover.sh")

    assert packed == (CHECKOUT / "scripts/recover.sh").read_bytes()


@pytest.mark.network("pypi")
def test_an_installed_wheel_lists_the_stacks_it_carries(installed: Path, tmp_path: Path):
    done = run(installed, "list", "--available", folder=tmp_path)

    shipped = {path.stem for path in (CHECKOUT / "manifests").glob("*.yaml")}
    assert (done.returncode, done.stderr) == (0, "")
    assert {name for name in shipped if name not in done.stdout} == set()


@pytest.mark.network("pypi")
def test_an_installed_wheel_shows_a_stack(installed: Path, tmp_path: Path):
    done = run(installed, "show", "debian-5.2.3", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert "debian-5.2.3" in done.stdout and "5.2.3" in done.stdout


@pytest.mark.network("pypi")
def test_an_installed_wheel_names_the_way_to_a_stack_that_is_not_there_yet(installed: Path, tmp_path: Path):
    done = run(installed, "env", "debian-5.2.3", "--shell", "sh", folder=tmp_path)

    assert (done.returncode, done.stdout) == (3, "")
    assert "rocmswitch install debian-5.2.3" in done.stderr
