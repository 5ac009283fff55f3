"""Environments whose owners go on installing, with the real pip and the real uv: what fits the stack stays."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import uv as uv_package

from rocmswitch.model.package import Digest
from rocmswitch.store.protection import Protection, published
from rocmswitch.store.virtualenv import Uv, Wheel
from rocmswitch.system.disk import Disk
from tests.support.pytorchwheels import FakeWheel, make

TORCH = "2.7.1+rocm6.2.4"
PROTECTION = Protection((("torch", TORCH), ("torchvision", "0.22.1+rocm6.2.4")), b'{"schema": 1}\n', ("numpy<2",))
SITE = f"lib/python{sysconfig.get_python_version()}/site-packages"
UV = uv_package.find_uv_bin()

PIP, MODULE = ("bin/pip", "install"), ("bin/python", "-m", "pip", "install")
"""As typed by whoever has not entered the environment."""
ENTERED = (("pip", "install"), ("python", "-m", "pip", "install"), ("uv", "pip", "install"))


@dataclass(frozen=True)
class Demo:
    """An environment in a tree, its published name, and an index of a kind."""

    link: Path
    index: Path

    def install(self, command: tuple[str, ...], *words: str) -> subprocess.CompletedProcess[str]:
        """Run *command*, from inside where it is no path, with what the index offers."""
        entered = "/" not in command[0]
        first = command[0] if entered else str(self.link / command[0])
        return subprocess.run(
            [first, *command[1:], "--no-index", "--find-links", self.index, *words],
            env=self.entered() if entered else self.outside(),
            cwd=self.index.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    def outside(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        return {**kept, "PATH": "/usr/bin:/bin", "UV_CACHE_DIR": str(self.index.parent / "own-uv")}

    def entered(self) -> dict[str, str]:
        """As activation leaves it."""
        path = f"{self.link}/bin:{Path(UV).parent}:/usr/bin:/bin"
        constraints = (self.link / "constraints.txt").as_uri()
        return {**self.outside(), "PATH": path, "VIRTUAL_ENV": str(self.link), "UV_CONSTRAINT": constraints}

    def installed(self) -> dict[str, str]:
        code = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
        said = subprocess.run([self.link / "bin/python", "-Ic", code], capture_output=True, text=True, check=True)
        return dict(one.split("==") for one in said.stdout.replace("_", "-").split())

    def torch(self) -> dict[str, str]:
        """Every file of torch by hash."""
        found = [*(self.link / SITE).glob("torch/**/*"), *(self.link / SITE).glob("torch-*/**/*")]
        return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in found if one.is_file()}


def pip_wheel(folder: Path) -> Wheel:
    """The real pip that Python comes with."""
    for found in Path(sys.base_prefix).glob("lib/python*/ensurepip/_bundled/pip-*.whl"):
        return cached(folder, FakeWheel(found.name, found.read_bytes(), b""))
    return pytest.skip("this Python has no pip to bundle: install python3-venv")


def cached(folder: Path, wheel: FakeWheel) -> Wheel:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / wheel.sha256
    path.write_bytes(wheel.content)
    return Wheel(wheel.filename, path, Digest.sha256(wheel.sha256))


def offer(folder: Path, *wheels: FakeWheel) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in wheels:
        (folder / wheel.filename).write_bytes(wheel.content)
    return folder


def module(name: str) -> Mapping[str, str]:
    return {f"{name}/__init__.py": ""}


@pytest.fixture(params=("data", "my $HOME's 100% data"))
def demo(tmp_path: Path, request: pytest.FixtureRequest) -> Demo:
    folder = tmp_path / request.param / "venvs/.trees/demo-0123456789ab"
    folder.mkdir(parents=True)
    archives = tmp_path / "cache/sha256"
    wheels = (pip_wheel(archives), cached(archives, make("torch", TORCH, files=module("torch"))))
    Uv(tmp_path / "cache/uv", Disk()).make_environment(folder, Path(sys.executable), wheels, PROTECTION)
    link = folder.parents[1] / "demo"
    link.symlink_to(f".trees/{folder.name}")
    index = offer(
        tmp_path / "index",
        make("torch", "99.0", files=module("torch")),
        make("wants-torch", "1.0", files=module("wants_torch"), requires=["torch"]),
        make("wants-newer-torch", "1.0", files=module("wants_newer_torch"), requires=["torch>=99"]),
        make("numpy", "1.26.4", files=module("numpy")),
        make("numpy", "2.1.0", files=module("numpy")),
    )
    return Demo(link, index)


@pytest.mark.parametrize("command", (PIP, MODULE, *ENTERED), ids=" ".join)
def test_what_wants_torch_gets_ours_and_what_wants_another_is_refused(demo: Demo, command: tuple[str, ...]) -> None:
    before = demo.torch()

    kept = demo.install(command, "wants-torch")
    refused = demo.install(command, "wants-newer-torch")
    forced = demo.install(command, "--upgrade", "torch>=99")

    assert (kept.returncode, demo.installed()["torch"]) == (0, TORCH), kept.stderr
    assert (refused.returncode != 0, forced.returncode != 0) == (True, True)
    assert "wants-newer-torch" not in demo.installed()
    assert demo.torch() == before != {}


@pytest.mark.parametrize("command", (PIP, ENTERED[-1]), ids=" ".join)
def test_what_the_stack_cannot_live_with_is_not_chosen(demo: Demo, command: tuple[str, ...]) -> None:
    done = demo.install(command, "numpy")

    assert (done.returncode, demo.installed()["numpy"]) == (0, "1.26.4"), done.stderr


def test_an_own_constraint_on_the_command_line_holds_besides(demo: Demo) -> None:
    own = demo.index.parent / "own.txt"
    own.write_text("numpy<1\n")

    neither = demo.install(PIP, "numpy", "--constraint", str(own))
    newer = demo.install(PIP, "wants-newer-torch", "--constraint", str(own))

    assert (neither.returncode, newer.returncode) == (1, 1)
    assert "numpy" not in demo.installed()


def test_the_files_that_protect_name_the_link_that_outlives_the_tree(demo: Demo) -> None:
    constraints, configuration = (demo.link / "constraints.txt").read_text(), (demo.link / "pip.conf").read_text()

    assert constraints.splitlines()[1:] == [f"torch=={TORCH}", "torchvision==0.22.1+rocm6.2.4", "numpy<2"]
    assert configuration == f"[global]\nconstraint = {demo.link.as_uri()}/constraints.txt\n"
    assert (demo.link / "rocmswitch.lock").read_bytes() == PROTECTION.lock
    assert [str(one) for one in demo.link.rglob(".*.new")] == []


@pytest.mark.parametrize(
    ("tree", "name"),
    [("venvs/.trees/a-b-0123456789ab", "venvs/a-b"), ("venvs/.trees/odd", "venvs/.trees/odd"), ("v", "v")],
)
def test_the_published_name_of_a_tree(tree: str, name: str) -> None:
    assert published(Path("/x", tree)) == Path("/x", name)
