"""A server with Pythons as uv downloads them, made from the one that runs the tests.

with PythonSite(folder) as site:
    site.offer("3.11.9")
    environment = site.environment     # uv then takes Pythons from here
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import sysconfig
import tarfile
from pathlib import Path

from tests.support.served import Served
from tests.support.server import Server

GITHUB = "https://github.com/astral-sh/python-build-standalone/releases/download"
"""What UV_PYTHON_INSTALL_MIRROR stands for."""
_LEFT_OUT = {
    "test",
    "tests",
    "site-packages",
    "dist-packages",
    "__pycache__",
    "idlelib",
    "tkinter",
    "ensurepip",
    "lib2to3",
}
VERSION = sysconfig.get_python_version()


class PythonSite(Served):
    """Downloads, and the list that uv reads instead of its own."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder / "pythons")
        self._folder = folder
        self._list: dict[str, object] = {}

    def __enter__(self) -> PythonSite:
        (self._folder / "pythons").mkdir(parents=True, exist_ok=True)
        return super().__enter__()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "UV_PYTHON_INSTALL_MIRROR": self.server.url().rstrip("/"),
            "UV_PYTHON_DOWNLOADS_JSON_URL": str(self._folder / "list.json"),
        }

    def offer(self, version: str = f"{VERSION}.99", *, sha256: str = "") -> str:
        """Let *version* be had. Gives what uv calls it."""
        major, minor, patch = version.split(".")
        archive = self._folder / "pythons/20260102" / f"cpython-{version}.tar.gz"
        if not archive.exists():
            archive.parent.mkdir(exist_ok=True)
            pack_python(archive)
        key = f"cpython-{version}-linux-{os.uname().machine}-gnu"
        self._list[key] = {
            "name": "cpython",
            "arch": {"family": os.uname().machine, "variant": None},
            "os": "linux",
            "libc": "gnu",
            "major": int(major),
            "minor": int(minor),
            "patch": int(patch),
            "prerelease": "",
            "url": f"{GITHUB}/20260102/{archive.name}",
            "sha256": sha256 or hashlib.sha256(archive.read_bytes()).hexdigest(),
            "variant": None,
            "build": "20260102",
        }
        (self._folder / "list.json").write_text(json.dumps(self._list))
        return key


def pack_python(archive: Path) -> None:
    """A `python/` folder with an interpreter that runs, and of its library what is not huge."""
    base, library = Path(sys.base_prefix), Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix}))
    name = f"python{VERSION}"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(shutil.which(f"{base}/bin/{name}") or sys.executable, f"python/bin/{name}", filter=_plain)
        link = tarfile.TarInfo("python/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, name
        tar.addfile(link)
        tar.add(library, f"python/lib/{name}", filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = member.name.rpartition("/")[2]
    left_out = name in _LEFT_OUT or name.startswith("config-") or name.endswith(".a")
    outside = member.issym() and member.linkname.startswith("/")  # sitecustomize.py of Debian's; uv refuses such
    return None if left_out or outside or not (member.isreg() or member.isdir() or member.issym()) else member
