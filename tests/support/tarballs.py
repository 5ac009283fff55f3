"""A flat tree in one archive, as AMD's new builds come, on a server of its own; and stacks that are made of it.

with TarballSite(folder) as site:
    site.pack("rock.tar.gz")
    line = site.person(folder)
    site.let(line)                                    # rock-1.0, by its hash
    line.run("install", "rock-1.0", "--yes")
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.commandline import CommandLine
from tests.support.debs import Content, Library, Link, Program, put
from tests.support.served import Served
from tests.support.server import Server

NAME = "rock-1.0"
ROOT = "opt/rock"
ARCHIVE = "rock-dist-linux-1.0.tar.gz"
TREE: Mapping[str, Content] = {
    "bin/rocminfo": Program("librock.so.1", "answer", "$ORIGIN/../lib"),
    "bin/hipcc": "#!/bin/sh\nexit 0\n",
    "lib/librock.so.1": Library("librock.so.1"),
    "lib/librock.so": Link("librock.so.1"),
    "lib/librocblas.so.1": Library(
        "librocblas.so.1", needs=("librock.so.1",), functions=("blas",), rpath="$ORIGIN"
    ),
    "share/rock/data": "data\n",
    ".info/version": "1.0\n",
}


class TarballSite(Served):
    """A server below *folder*; *secure* makes it one with a certificate, which `person` trusts."""

    def __init__(self, folder: Path, *, secure: bool = False) -> None:
        self.folder = folder / "files"
        self.folder.mkdir(parents=True)
        self.tree = folder / "tree"
        for path, content in TREE.items():
            put(self.tree / path, content)
        self.certificate = _certificate(folder / "certificate.pem") if secure else None
        self.server = Server(self.folder, certificate=self.certificate)

    @property
    def url(self) -> str:
        return self.server.url(ARCHIVE)

    def pack(self, name: str = ARCHIVE, *options: str) -> str:
        """The tree as tar itself packs it, with *options* of tar. Gives its SHA-256."""
        path = self.folder / name
        words = ["tar", "--create", "--auto-compress", "--file", path, "--directory", self.tree, *options, "."]
        subprocess.run(words, check=True)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def person(self, folder: Path) -> CommandLine:
        trusted = {"SSL_CERT_FILE": str(self.certificate)} if self.certificate else {}
        return CommandLine(folder, trusted)

    def let(self, line: CommandLine, *, digest: str = "", name: str = NAME, **rocm: Any) -> Path:
        """Let *line* have the manifest of the stack, with the hash *digest* of the archive, or none."""
        return line.add_manifest(name, self.manifest(digest=digest, name=name, **rocm))

    def source(self, digest: str = "") -> dict[str, Any]:
        stated = {"digest": digest} if digest else {}
        return {"kind": "tarball", "url": self.url, "root": ROOT, **stated}

    def manifest(self, *, digest: str = "", name: str = NAME, **rocm: Any) -> bytes:
        stack = {
            "schema": 1,
            "name": name,
            "summary": "A tree in one archive",
            "rocm": {
                "version": "1.0",
                "root": "opt/other",
                "sources": [self.source(digest)],
                "environment": {"ROCM_PATH": "{root}", "HIP_PLATFORM": "amd"},
                **rocm,
            },
        }
        return yaml.safe_dump(stack, sort_keys=False).encode()


def _certificate(path: Path) -> Path:
    """One for this machine, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here: install openssl")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        path,
        "-out",
        path,
        "-days",
        "2",
    ]
    subprocess.run([*command, *subject], check=True, capture_output=True)
    return path
