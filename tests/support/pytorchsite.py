"""PyTorch's index of wheels, AMD's, and the user's own, on one local server; small wheels with real names.

with PytorchSite(folder) as site:
    site.let(line, "rocm-6.2.4")
    line.run("use", "6.2.4", "--venv", "myproj", "--yes", PIP_INDEX_URL=site.simple)

What there is follows the shipped manifests: an index has every build that one of them takes from there, for
those interpreters among `pythons` that it exists for.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from rocmswitch.store.catalog import shipped_manifests
from tests.support.commandline import CommandLine
from tests.support.ownindex import own_index
from tests.support.pytorchwheels import Build, companion, make, torch_wheel
from tests.support.rocmwheels import CARDS, device_wheels, rocm_source, rocm_wheel, rocm_wheels
from tests.support.served import Served
from tests.support.server import Server
from tests.support.wheelpages import WheelIndex

PYTHONS = ("cp39", "cp310", "cp311", "cp312", "cp313")
HOSTS = ("https://download.pytorch.org/", "https://stable.repo.amd.com/", "https://repo.amd.com/")
"""What this server stands for."""
WITHOUT_HASHES = ("whl/rocm5.", "whl/nightly/rocm5.")
"""Indexes whose pages state no hashes: those of the older wheels."""
WITHOUT_METADATA = (*WITHOUT_HASHES, "whl/rocm6.0", "whl/rocm6.1", "whl/rocm6.2/", "rocm/")
HIP = {
    "5.2": "5.2.21151-afdc89f8",
    "5.4.2": "5.4.22803-474e8620",
    "5.6": "5.6.31061-8c743ae5d",
    "5.7": "5.7.31921-d1770ee1b",
    "6.0": "6.0.32830-d62f6a171",
    "6.1": "6.1.40091-a8dbc0c19",
    "6.2": "6.2.41133-dd7f95766",
    "6.2.4": "6.2.41134-65d174c3e",
    "6.3": "6.3.42131-fa1d09cbd",
    "6.4": "6.4.43482-0f2d60242",
    "7.0": "7.0.51831",
    "7.1": "7.1.25424",
    "7.2": "7.2.53211",
}
"""`torch.version.hip` of the builds for a ROCm, where it is known."""


class PytorchSite(Served):
    """The server. *rocm_as*: AMD publishes `rocm` as source only, which is built where it is installed."""

    def __init__(
        self,
        folder: Path,
        *,
        pythons: tuple[str, ...] = PYTHONS,
        rocm_as: Literal["source", "wheel"] = "source",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.server = Server(folder)
        self.pythons = pythons
        self.rocm_as = rocm_as
        self.own = own_index(folder, "simple", pythons)
        self._indexes: dict[str, WheelIndex] = {}
        self._built: set[tuple[str, str]] = set()

    @property
    def simple(self) -> str:
        """The address of the user's own index."""
        return self.server.url("simple")

    @property
    def cpu(self) -> str:
        """The address of PyTorch's index of builds without a GPU; it has those of all versions served so far."""
        return self.server.url("whl/cpu")

    @property
    def therock(self) -> str:
        """The address of AMD's index of torch and ROCm wheels."""
        url = "https://stable.repo.amd.com/rocm/whl-next/"
        self._publish_all(url)
        return self.address(url)

    def index(self, name: str) -> str:
        """The PyTorch index *name* (`rocm6.2.4`, `nightly/rocm5.2`): with what manifests take there."""
        url = f"{HOSTS[0]}whl/{name}"
        self._publish_all(url)
        return self.address(url)

    def address(self, url: str) -> str:
        """What stands here for *url*."""
        for host in HOSTS:
            if url.startswith(host):
                return self.server.url(url.removeprefix(host))
        return url

    def served(self, name: str) -> WheelIndex:
        """The index at a path of the server (`whl/rocm6.2.4`, `simple`), to look at or to change."""
        return self.own if name == "simple" else self._indexes[name]

    def let(self, line: CommandLine, *names: str) -> None:
        """Let *line* have the shipped manifests *names*, with this site's addresses for the real ones."""
        for name in names:
            line.add_manifest(name, self.manifest(name))

    def manifest(self, name: str, **changes: Any) -> bytes:
        """The shipped manifest *name* with this site's addresses. *changes* are top-level keys."""
        stack = shipped_stack(name)
        content = {**stack, "replaces": name, **self.changes(name), **changes}
        return yaml.safe_dump(content, sort_keys=False).encode()

    def changes(self, name: str) -> dict[str, Any]:
        """What is different in the manifest *name*: its builds, and where wheels are its sources."""
        stack = shipped_stack(name)
        builds = [self._moved(one) for one in stack.get("pytorch", ())]
        sources = stack["rocm"].get("sources", [])
        moved = [{**one, "url": self.address(one["url"])} if one["kind"] == "wheels" else one for one in sources]
        rocm = {**stack["rocm"], "sources": moved} if sources else stack["rocm"]
        return {"pytorch": builds, **({"rocm": rocm} if moved != sources else {})}

    def _moved(self, build: Mapping[str, Any]) -> dict[str, Any]:
        """*build* with our addresses, and with our hashes for the files whose hashes it pins."""
        self._publish(build["index"], build)
        served = self._indexes[_path(build["index"])]
        moved = {**build, "index": self.address(build["index"])}
        if "urls" in build:
            moved["urls"] = {file: self.address(url) for file, url in build["urls"].items()}
        if "hashes" in build:
            moved["hashes"] = {file: served.sha256(file) or known for file, known in build["hashes"].items()}
        return moved

    def _publish_all(self, url: str) -> None:
        """Serve all that manifests take from the index at *url*."""
        for build in (one for stack in shipped() for one in stack.get("pytorch", ()) if one["index"] == url):
            self._publish(url, build)

    def _publish(self, url: str, row: Mapping[str, Any]) -> None:
        """Serve one build of a manifest, with its companions, and the same version for the CPU."""
        if (url, row["torch"]) in self._built:
            return
        self._built.add((url, row["torch"]))
        index, cpu = self._index(_path(url)), self._index("whl/cpu")
        build = build_of(row)
        for python in (one for one in row["python"] if one in self.pythons):
            index.add(torch_wheel(build, python))
            for project, version in row.get("wheels", {}).items():
                if not project.startswith(("rocm", "amd-")):
                    index.add(companion(project, version, build, python))
                if project in ("torchvision", "torchaudio") and not build.rocm:
                    cpu.add(companion(project, _cpu(version), Build(_cpu(row["torch"])), python))
            cpu.add(torch_wheel(Build(_cpu(row["torch"])), python))
            if build.rocm:
                families = {card: next(iter(wheels)) for card, wheels in row.get("card_wheels", {}).items()}
                index.add(*device_wheels(build, row["wheels"]["torchvision"], python, families))
        if build.rocm:
            self._publish_rocm(index, build)
        if "rocm-bootstrap" in row.get("wheels", {}):
            index.add(make("rocm-bootstrap", row["wheels"]["rocm-bootstrap"], files={"rocm_bootstrap.py": ""}))
        for file in row.get("urls", ()):
            index.hide(file.partition("-")[0])
        index.write_pages()
        cpu.write_pages()

    def _publish_rocm(self, index: WheelIndex, build: Build) -> None:
        index.add(*rocm_wheels(build))
        if self.rocm_as == "source":
            index.add_source("rocm", *rocm_source(build))
        else:
            index.add(rocm_wheel(build))

    def _index(self, path: str) -> WheelIndex:
        if path not in self._indexes:
            made = WheelIndex(
                self.folder,
                path,
                hashed=not f"{path}/".startswith(WITHOUT_HASHES),
                described=not f"{path}/".startswith(WITHOUT_METADATA),
            )
            # PyTorch's indexes carry what torch needs besides, in older versions.
            made.add(make("filelock", "3.13.1", files={"filelock/__init__.py": "__version__ = '3.13.1'\n"}))
            self._indexes[path] = made
        return self._indexes[path]


def build_of(row: Mapping[str, Any]) -> Build:
    """A row of a manifest's `pytorch` as what its wheel is made from."""
    wheels = row.get("wheels", {})
    triton = next(((project, version) for project, version in wheels.items() if "triton" in project), ("", ""))
    rocm = row["torch"].partition("+rocm")[2]
    bundled = row.get("bundles_rocm", True)
    hip = HIP.get(rocm, f"{'.'.join(rocm.split('.')[:2])}.0" if bundled else "7.14.60850")
    needed: dict[str, Any] = {} if bundled else {"rocm": rocm, "targets": CARDS}
    return Build(row["torch"], hip, loader=row.get("loader", "rpath"), triton=triton, **needed)


@cache
def shipped() -> tuple[dict[str, Any], ...]:
    """All shipped manifests, as plain values."""
    return tuple(shipped_stack(file.stem) for file in sorted(shipped_manifests().glob("*.yaml")))


@cache
def shipped_stack(name: str) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    stack: dict[str, Any] = yaml.load((shipped_manifests() / f"{name}.yaml").read_bytes(), Loader=loader)
    return stack


def _path(url: str) -> str:
    """`whl/rocm6.2.4`, of an index's address."""
    return urllib.parse.urlsplit(url).path.strip("/")


def _cpu(version: str) -> str:
    """The same version, for the CPU."""
    return f"{version.partition('+')[0]}+cpu"
