"""A small stack with everything that a stack has: a signed repository, sets, wheels, an index for them.

with AcmeSite(folder, key) as site:
    site.let(line)
    line.run("install", "acme-1.0", "--yes")
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.aptrepository import DEFAULT, AptRepository, Publication
from tests.support.commandline import CommandLine
from tests.support.debs import Deb, Library, Program
from tests.support.keys import SigningKey
from tests.support.served import Served
from tests.support.server import Server
from tests.support.wheels import make_wheel

NAME = "acme-1.0"
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
WHEEL = "demo-1.0-py3-none-any.whl"

_LIB = "usr/lib"
PACKAGES = (
    Deb(
        "acme-core",
        "1.0-1",
        files={f"{_LIB}/libacme.so.1": Library("libacme.so.1"), "usr/share/acme/data": "data\n"},
    ),
    Deb(
        "acme-tools",
        "1.0-1",
        "acme-core (>= 1.0)",
        files={
            "usr/bin/rocminfo": Program("libacme.so.1", "answer", "/usr/lib"),
            "usr/bin/greet": "#!/bin/sh\necho hello\n",
        },
    ),
    Deb("acme-cc", "1.0-1", "acme-core", files={"usr/bin/hipcc": "#!/bin/sh\nexit 0\n"}),
)


class AcmeSite(Served):
    """The server of the stack acme-1.0."""

    def __init__(self, folder: Path, key: SigningKey) -> None:
        self.folder = folder
        self.key = key
        folder.mkdir(parents=True, exist_ok=True)
        self.server = Server(folder)
        self.repository = AptRepository(folder / "apt", key).add(*PACKAGES)
        self.publish()
        self.repository.publish_key(folder / "key.asc")
        wheel = make_wheel(folder / "wheels", "demo")
        self.wheel_hash = wheel.digest.value
        wheel.path.rename(folder / "wheels" / WHEEL)
        page = folder / "simple/demo/index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<a href="../../wheels/{WHEEL}#sha256={self.wheel_hash}">{WHEEL}</a>')

    def publish(self, how: Publication = DEFAULT) -> None:
        self.repository.publish(how)

    def archive(self, package: str) -> str:
        """The path on the server of a package's .deb file."""
        (path,) = self.repository.folder.glob(f"pool/**/{package}_*.deb")
        return str(path.relative_to(self.folder))

    def let(self, line: CommandLine, name: str = NAME, **changes: Any) -> Path:
        """Let *line* have the manifest, under *name*."""
        return line.add_manifest(name, self.manifest(name, **changes))

    def person(self, folder: Path) -> CommandLine:
        """Somebody who has the manifest, and for whose wheels this site is the index."""
        line = CommandLine(folder, {"PIP_INDEX_URL": self.server.url("simple")})
        self.let(line)
        return line

    def manifest(self, name: str = NAME, *, rocm: Mapping[str, Any] | None = None, **changes: Any) -> bytes:
        """*changes* are top-level keys, *rocm* those below it; None takes one away."""
        source = {
            "kind": "apt",
            "url": self.server.url("apt"),
            "suite": self.repository.suite,
            "key": {"url": self.server.url("key.asc"), "fingerprint": self.key.fingerprint},
        }
        stack = {
            "schema": 1,
            "name": name,
            "summary": "A small stack",
            "released": "2026-01-02",
            "rocm": {
                "version": "1.0.0",
                "root": "usr",
                "sources": [source],
                "sets": {"runtime": ["acme-tools"], "compiler": ["acme-cc (>= 1.0)"]},
                **(rocm or {}),
            },
            "wheels": {
                "packages": {"demo": "1.0"},
                "python": [TAG],
                "set": "runtime",
                "hashes": {WHEEL: self.wheel_hash},
            },
            **changes,
        }
        return yaml.safe_dump(
            {key: value for key, value in stack.items() if value is not None}, sort_keys=False
        ).encode()
