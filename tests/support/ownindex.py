"""What the user's own index has: what PyTorch leans on, a torch for other cards, and projects that want torch."""

from __future__ import annotations

import ensurepip
from functools import cache
from pathlib import Path

import pytest

from tests.support.pytorchwheels import FakeWheel, make
from tests.support.wheelpages import WheelIndex

MANYLINUX = "manylinux_2_17_x86_64.manylinux2014_x86_64"
NUMPY = {
    "1.24.4": ("cp38", "cp39", "cp310", "cp311"),
    "1.26.4": ("cp39", "cp310", "cp311", "cp312"),
    "2.2.6": ("cp310", "cp311", "cp312", "cp313"),
}
"""The versions, and the Pythons that each exists for."""
PLAIN = {
    "filelock": "3.20.0",
    "typing-extensions": "4.15.0",
    "sympy": "1.13.1",
    "networkx": "3.4.2",
    "jinja2": "3.1.6",
    "fsspec": "2025.10.0",
    "requests": "2.32.5",
    "setuptools": "80.9.0",
    "hello": "1.0",
}
TRAP = "99.0"
"""The version of the torch that must never come in: newer than any, and without a local version."""


def own_index(folder: Path, path: str, pythons: tuple[str, ...]) -> WheelIndex:
    """The index at *path*. The pip in it is a real one."""
    index = WheelIndex(folder, path)
    index.add(*(make(project, version, files=_module(project, version)) for project, version in PLAIN.items()))
    for version, tags in NUMPY.items():
        index.add(*(_compiled("numpy", version, tag) for tag in tags if tag in pythons))
    index.add(*(_compiled("pillow", "11.3.0", tag) for tag in pythons))
    index.add(make("torch", TRAP, files={"torch/__init__.py": f"__version__ = '{TRAP}'\n"}))
    index.add(make("wants-torch", "1.0", files=_module("wants-torch", "1.0"), requires=["torch"]))
    index.add(
        make("wants-newer-torch", "1.0", files=_module("wants-newer-torch", "1.0"), requires=["torch (>=99)"])
    )
    index.add(make("hello", "1.0", files=_module("hello", "1.0")), carried_pip())
    index.write_pages()
    return index


@cache
def carried_pip() -> FakeWheel:
    """The real pip that came with this Python. Skips the test where it came with none."""
    folders = (Path(ensurepip.__file__).parent / "_bundled", Path("/usr/share/python-wheels"))
    files = [file for folder in folders for file in sorted(folder.glob("pip-*.whl"))]
    if not files:
        pytest.skip("no wheel of pip came with this Python: install python3-pip-whl")
    version = files[0].name.split("-")[1]
    return FakeWheel(
        files[0].name, files[0].read_bytes(), f"Metadata-Version: 2.1\nName: pip\nVersion: {version}\n".encode()
    )


def _compiled(project: str, version: str, tag: str) -> FakeWheel:
    return make(project, version, files=_module(project, version), tag=f"{tag}-{tag}-{MANYLINUX}")


def _module(project: str, version: str) -> dict[str, str | bytes]:
    return {f"{project.replace('-', '_')}/__init__.py": f"__version__ = '{version}'\n"}
