"""AMD's new builds on a small scale, as packages of apt and as a tarball, and a shipped manifest that leads there.

    with TherockSite(folder, key) as site:
        site.let(line, "therock-10.1")
        line.run("install", "therock-10.1", "--source", "tarball", "--yes")

Names, the tree and what leans on what are those of ROCm/TheRock, build_tools/packaging/linux/package.json.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from rocmswitch.host.facts import read_host
from rocmswitch.store.catalog import shipped_manifests
from tests.support.aptrepository import AptRepository
from tests.support.commandline import CommandLine
from tests.support.debs import Content, Deb, Library, Link, Program, put
from tests.support.keys import SigningKey
from tests.support.served import Served
from tests.support.server import Server

CARDS = ("gfx90a", "gfx1100")
"""What there are packages for."""
ANSWER = 42
"""How rocminfo ends."""


class TherockSite(Served):
    """A server with *short* (`10.1`) in the folders that the shipped manifest names."""

    def __init__(self, folder: Path, key: SigningKey, short: str = "10.1") -> None:
        self.folder, self.key, self.short = folder, key, short
        self.server = Server(folder)
        self._sources: list[dict[str, Any]] = shipped(f"therock-{short}")["rocm"]["sources"]
        self.tarball = self._path("tarball")
        self._publish_packages()
        self._publish_tarball()

    def let(self, line: CommandLine, *, knows_key: bool = True) -> None:
        """Let *line* have the shipped manifest with this server for AMD's, and its key, whose fingerprint may not
        be known. Debian's archive is left out: a machine that runs these tests has what is needed.
        """
        name = f"therock-{self.short}"
        stack = shipped(name)
        sources = [one for one in stack["rocm"]["sources"] if "archive" not in one and one["kind"] != "rpm"]
        for source in sources:
            source["url"] = self.server.url(urlsplit(source["url"]).path.lstrip("/"))
            if source["kind"] == "tarball":
                source["digest"] = hashlib.sha256((self.folder / self.tarball).read_bytes()).hexdigest()
            if "key" in source:
                known = {"fingerprint": self.key.fingerprint} if knows_key else {}
                source["key"] = {"url": self.server.url("gpg/packages.gpg"), **known}
        rocm = {**stack["rocm"], "sources": sources}
        del rocm["rpm_sets"]
        changed = {**stack, "rocm": rocm, "replaces": name, "unverified": []}
        line.add_manifest(name, yaml.safe_dump(changed, sort_keys=False).encode())

    def _path(self, kind: str) -> str:
        (source,) = [one for one in self._sources if one["kind"] == kind and "url" in one]
        return urlsplit(source["url"]).path.lstrip("/")

    def _publish_packages(self) -> None:
        (source,) = [one for one in self._sources if one["kind"] == "apt" and "url" in one]
        folder = source["folder"].get(read_host().codename, source["folder"]["default"])
        place = self._path("apt").replace("{folder}", folder)
        repository = AptRepository(self.folder / place, self.key, suite="stable").add(*packages(self.short))
        repository.publish()
        repository.publish_key(self.folder / "gpg/packages.gpg")

    def _publish_tarball(self) -> None:
        path = self.folder / self.tarball
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {**runtime_files(self.short), **{f".kpack/blas_lib_{one}.kpack": f"{one}\n" for one in CARDS}}
        path.write_bytes(packed(self.folder / "unpacked", content))


def packages(short: str) -> tuple[Deb, ...]:
    """The runtime, its headers, and one library for each card."""
    version, root = f"{short}.0-4", f"opt/rocm/core-{short}"

    def deb(name: str, needs: str, files: dict[str, Content]) -> Deb:
        placed = {f"{root}/{path}": content for path, content in files.items()}
        return Deb(f"amdrocm-{name}", version, needs, files=placed)

    metas = [
        Deb(f"amdrocm{kind}{short}-{one}", version, f"amdrocm-blas{short}-{one}, amdrocm-runtime-dev{short}")
        for one in CARDS
        for kind in ("", "-core-sdk")
    ]
    runtime, sysdeps, llvm = (f"amdrocm-{name}{short}" for name in ("runtime", "sysdeps", "llvm"))
    return (
        deb(f"sysdeps{short}", "libc6", {"lib/rocm_sysdeps/README": "stand-in\n"}),
        deb(f"llvm{short}", f"{sysdeps}, libstdc++6", {"lib/llvm/README": "stand-in\n"}),
        deb(f"runtime{short}", f"{sysdeps}, {llvm}", runtime_files(short)),
        deb(f"runtime-dev{short}", runtime, {"include/hip/hip_runtime.h": "/* */\n"}),
        deb(f"llvm-dev{short}", llvm, {"include/llvm/README": "stand-in\n"}),
        *(deb(f"blas{short}-{one}", runtime, {f".kpack/blas_lib_{one}.kpack": f"for {one}\n"}) for one in CARDS),
        *metas,
    )


def runtime_files(short: str) -> dict[str, Content]:
    hip = "libamdhip64.so.7"
    hsa = Library("libhsa-runtime64.so.1", functions=("hsa_init",), rpath="$ORIGIN", value=ANSWER)
    return {
        ".info/version": f"{short}.0\n",
        "lib/libhsa-runtime64.so.1": hsa,
        f"lib/{hip}": Library(hip, needs=("libhsa-runtime64.so.1",), functions=("hipInit",), rpath="$ORIGIN"),
        "lib/libamdhip64.so": Link(hip),
        "bin/rocminfo": Program("libhsa-runtime64.so.1", "hsa_init", "$ORIGIN/../lib"),
        "bin/hipconfig": "#!/bin/sh\necho HIP\n",
    }


def packed(folder: Path, files: dict[str, Content]) -> bytes:
    """A .tar.gz without a top folder, made by way of *folder*."""
    for path, content in files.items():
        put(folder / path, content)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, arcname=str(path.relative_to(folder)), recursive=False)
    return made.getvalue()


def shipped(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((shipped_manifests() / f"{name}.yaml").read_text())
    return read


def wheels_alone(name: str) -> bytes:
    """The shipped manifest *name* as if its ROCm came as wheels and in no other way."""
    stack = shipped(name)
    wheels = [one for one in stack["rocm"]["sources"] if one["kind"] == "wheels"]
    rocm = {key: stack["rocm"][key] for key in ("version", "root", "environment")} | {"sources": wheels}
    return yaml.safe_dump({**stack, "rocm": rocm, "replaces": name, "unverified": []}, sort_keys=False).encode()
