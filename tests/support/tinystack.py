"""A small signed stack on a local server: two libraries, a compiler, plugins, and one wheel."""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import yaml

from rocmswitch.store.layout import Layout
from tests.support.aptrepository import AptRepository, Publication
from tests.support.debs import Deb, Library, Link, make_library
from tests.support.keys import SigningKey
from tests.support.served import Served
from tests.support.server import Server
from tests.support.wheels import make_wheel

TINY, OTHER = "tiny-1.0", "other-1.0"
ROOT = "opt/tiny"


def tiny_debs(filling: int = 0) -> tuple[Deb, ...]:
    """Two libraries, one of which needs the other, and a compiler. *filling* bytes make packages larger."""
    stuffing = {f"{ROOT}/share/filling": _noise(filling)} if filling else {}
    return (
        Deb("hsa", "5.2-1", files={f"{ROOT}/lib/libhsa.so.1": Library("libhsa.so.1"), **stuffing}),
        Deb(
            "hip",
            "5.2-1",
            depends="hsa (>= 5)",
            files={
                f"{ROOT}/lib/libhip.so.5": Library("libhip.so.5", needs=("libhsa.so.1",), functions=("hip",)),
                f"{ROOT}/lib/libhip.so": Link("libhip.so.5"),
            },
        ),
        Deb("hipcc", "5.2-1", depends="hip", files={f"{ROOT}/bin/hipcc": "#!/bin/sh\nexit 0\n"}),
    )


def many_files(count: int) -> Deb:
    """A package whose unpacking and relocation is worth interrupting: *count* texts and *count* plugins."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "plugin.so"
        make_library(Library("plugin.so", needs=("libhsa.so.1",)), made)
        plugin = made.read_bytes()
    texts = {f"{ROOT}/share/{number}": f"text {number}\n" for number in range(count)}
    plugins = {f"{ROOT}/plugins/{number}/plugin.so": plugin for number in range(count)}
    return Deb("plugins", "5.2-1", depends="hsa", files={**texts, **plugins})


class TinyServer(Served):
    """One server with a repository, and a package index with one wheel.

    *filling* bytes make a package larger, *plugins* come with the set `libraries`, and *modules* into the wheel.
    """

    def __init__(
        self, folder: Path, key: SigningKey, *, filling: int = 0, plugins: int = 1, modules: int = 1
    ) -> None:
        self.key = key
        self.server = Server(folder)
        self.folder = folder
        self.repository = AptRepository(folder / "apt", key).add(*tiny_debs(filling), many_files(plugins)).publish()
        self.repository.publish_key(folder / "key.asc")
        self.wheel = make_wheel(folder / "wheels", "hello", files=_modules(modules))
        self.wheel.path.rename(folder / "wheels" / self.wheel.filename)
        page = folder / "simple/hello/index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<!DOCTYPE html><a href="/wheels/{self.wheel.filename}">{self.wheel.filename}</a>')

    @property
    def index(self) -> str:
        return self.server.url("simple")

    def manifest(self, name: str = TINY) -> bytes:
        version = name.rpartition("-")[2]
        stack = {
            "schema": 1,
            "name": name,
            "summary": "A stack for tests",
            "rocm": {
                "version": version,
                "root": ROOT,
                "sources": [
                    {
                        "kind": "apt",
                        "url": self.server.url("apt"),
                        "suite": "stable",
                        "key": {"fingerprint": self.key.fingerprint, "url": self.server.url("key.asc")},
                    }
                ],
                "sets": {"runtime": ["hip"], "compiler": ["hipcc"], "libraries": ["plugins"]},
                "environment": {"ROCM_PATH": f"{{prefix}}/{ROOT}"},
            },
            "wheels": {
                "packages": {"hello": "1.0"},
                "python": [f"cp{sys.version_info.major}{sys.version_info.minor}"],
                "hashes": {self.wheel.filename: self.wheel.digest.value},
            },
        }
        return yaml.safe_dump(stack, sort_keys=False).encode()

    def furnish(self, layout: Layout, *names: str) -> None:
        """Let *layout* have the manifests, as a user's own."""
        layout.manifests.mkdir(parents=True, exist_ok=True)
        for name in names or (TINY,):
            (layout.manifests / f"{name}.yaml").write_bytes(self.manifest(name))

    def archive(self, package: str) -> Path:
        (path,) = self.folder.glob(f"apt/pool/**/{package}_*.deb")
        return path

    def archives(self) -> list[str]:
        """The path on the server of each package."""
        folder = self.server.folder
        return [str(path.relative_to(folder)) for path in sorted(folder.glob("apt/pool/**/*.deb"))]

    @contextlib.contextmanager
    def newer_hip(self) -> Iterator[None]:
        """In this block there is another hip."""
        files = {f"{ROOT}/lib/libhip.so.5": Library("libhip.so.5", needs=("libhsa.so.1",), value=43)}
        stanzas = list(self.repository.stanzas["main"])
        self.repository.add(Deb("hip", "5.2-2", depends="hsa (>= 5)", files=files)).publish()
        try:
            yield
        finally:
            self.repository.stanzas["main"] = stanzas
            self.repository.publish(Publication(date=datetime.now(timezone.utc)))


def _modules(count: int) -> dict[str, str]:
    body = "".join(f"def f{number}(x):\n    return [x + {number} for _ in range(9)]\n" for number in range(20))
    return {"hello/__init__.py": "words = 'hello'\n", **{f"hello/m{number}.py": body for number in range(1, count)}}


def _noise(size: int) -> bytes:
    """Bytes that no compression makes smaller, always the same."""
    return random.Random(size).randbytes(size)
