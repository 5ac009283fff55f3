"""Environments of every Python that this machine has: made, protected, and a second time from links."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rocmswitch.errors import NotFound
from rocmswitch.planning.wheels import Interpreter
from rocmswitch.store.interpreters import find_interpreter
from rocmswitch.store.protection import Protection
from rocmswitch.store.receipts import receipt_path
from rocmswitch.store.virtualenv import Uv, Wheel
from tests.integration.test_protection import cached
from tests.support.disk import HastyDisk
from tests.support.pytorchwheels import FakeWheel, make

VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.14")


@pytest.fixture(params=VERSIONS)
def python(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Interpreter:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    try:
        return find_interpreter(request.param, (), Uv(tmp_path / "uv", HastyDisk()))
    except NotFound as error:
        return pytest.skip(str(error))


def pip_of(python: Interpreter, folder: Path) -> Wheel:
    """The pip that this Python comes with."""
    library = subprocess.run(
        [python.executable, "-Ic", "import os; print(os.path.dirname(os.__file__))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    found = sorted(Path(library).glob("ensurepip/_bundled/pip-*.whl"))
    if not found:
        pytest.skip("this Python has no pip to bundle")
    return cached(folder, FakeWheel(found[-1].name, found[-1].read_bytes(), b""))


def test_it_is_made_protected_and_made_again(python: Interpreter, tmp_path: Path) -> None:
    archives, uv = tmp_path / "archives", Uv(tmp_path / "uv", HastyDisk())
    torch = make("torch", "1.0+rocm6.2", files={"torch/__init__.py": "x = 1\n"}, tag=str(python.tags[0]))
    wheels = (cached(archives, torch), pip_of(python, archives))
    index = tmp_path / "index"
    index.mkdir()
    newer = make("torch", "99.0", files={"torch/__init__.py": ""})
    wanting = make("wants", "1.0", files={"wants.py": ""}, requires=["torch>=2"])
    for one in (newer, wanting):
        (index / one.filename).write_bytes(one.content)
    said = []

    for name in ("one", "two"):
        folder = tmp_path / f"venvs/.trees/{name}-0123456789ab"
        folder.mkdir(parents=True)
        uv.make_environment(folder, Path(python.executable), wheels, Protection((("torch", "1.0+rocm6.2"),)))
        entries = uv.list_environment(folder, wheels)
        receipt_path(folder).parent.mkdir()
        receipt_path(folder).write_text("as if it were published")
        (folder.parents[1] / name).symlink_to(f".trees/{folder.name}")
        words = ["-m", "pip", "install", "--no-index", "--find-links", index, "wants"]
        environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        done = subprocess.run([folder / "bin/python", *words], env=environment, capture_output=True, check=False)
        imported = subprocess.run(
            [folder / "bin/python", "-c", "import torch; print(torch.x)"], capture_output=True, check=False
        )
        said.append((done.returncode, imported.stdout, len(entries)))

    assert said == [(1, b"1\n", said[0][2])] * 2
