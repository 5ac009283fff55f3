"""AMD's servers and Debian's archive on one local server, and the shipped manifests made to trust its keys.

with AmdSite(folder, keys) as site:
    site.let(line, "rocm-5.2.3")
    line.run("install", "rocm-5.2.3", "--mirror", site.mirror, "--yes")
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rocmswitch.host.facts import read_host
from rocmswitch.store.catalog import shipped_manifests
from tests.support.amdrepository import AmdRelease, amd_driver_repository, amd_release
from tests.support.aptrepository import DEFAULT, AptRepository, Publication
from tests.support.commandline import CommandLine
from tests.support.debs import Deb, Library
from tests.support.keys import KeyFolder, SigningKey
from tests.support.served import Served
from tests.support.server import Server

DRIVERS = {"5.2.0": "22.20", "5.2.3": "22.20.3", "6.2.4": "6.2.4"}
"""The amdgpu repository that goes with a release."""

DEBIAN = "http://ftp.debian.org"


@dataclass(frozen=True)
class SiteKeys:
    """Who signs: AMD with a key of 2016 bound by SHA-1, Debian with a subkey, and somebody else."""

    amd: SigningKey
    debian: SigningKey
    foreign: SigningKey

    @classmethod
    def made_in(cls, keys: KeyFolder) -> SiteKeys:
        return cls(keys.old(), keys.with_subkey(), keys.modern("Somebody Else"))


class AmdSite(Served):
    """A server with *releases*, their amdgpu repositories, and the few packages of bookworm that they lean on."""

    def __init__(self, folder: Path, keys: SiteKeys, releases: Iterable[str] = ("5.2.3",)) -> None:
        self.keys = keys
        self.folder = folder
        self.server = Server(folder)
        self.releases: dict[str, AmdRelease] = {}
        self._names = tuple(releases)
        self.heal()

    def heal(self) -> None:
        """Honest files from now on, whatever was published meanwhile, and a server that serves them."""
        self.server.behave()
        for name in self._names:
            self.releases[name] = amd_release(self.folder, self.keys.amd, name, suite=_suite(name, 0))
            major, minor, patch = map(int, name.split("."))
            build = f"{major}{minor:02}{patch:02}"
            amd_driver_repository(self.folder, self.keys.amd, DRIVERS[name], suite=_suite(name, 1), build=build)
        debian = AptRepository(self.folder / "debian", self.keys.debian, suite="bookworm").add(*_bookworm())
        debian.publish(Publication(compressions=("xz",), by_hash=True))
        debian.publish_key(self.folder / "keys/archive.asc")

    @property
    def mirror(self) -> str:
        return self.server.url().rstrip("/")

    def repository(self, release: str = "5.2.3") -> AptRepository:
        return self.releases[release].repository

    def publish(self, how: Publication = DEFAULT, release: str = "5.2.3", key: SigningKey | None = None) -> None:
        """Publish *release* again, otherwise; by another *key* where one is given."""
        repository = self.repository(release)
        signer, repository.key = repository.key, key or repository.key
        repository.publish(how)
        repository.key = signer

    def dists(self, path: str, release: str = "5.2.3") -> str:
        """The path on the server of a file below dists/SUITE."""
        return str((self.repository(release).dists / path).relative_to(self.folder))

    def archive(self, package: str, release: str = "5.2.3") -> str:
        """The path on the server of a package's .deb file."""
        (path,) = self.repository(release).folder.glob(f"pool/**/{package}_*.deb")
        return str(path.relative_to(self.folder))

    def let(self, line: CommandLine, *names: str) -> None:
        """Let *line* have the shipped manifests *names*, with the keys of this site for the real ones."""
        for name in names or [f"rocm-{release}" for release in self.releases]:
            line.add_manifest(name, self.manifest(name))

    def manifest(self, name: str, **changes: Any) -> bytes:
        """The shipped manifest, signed by whom this site is signed by. *changes* are top-level keys."""
        stack = yaml.safe_load((shipped_manifests() / f"{name}.yaml").read_text())
        for source in stack["rocm"]["sources"]:
            if "archive" in source:
                # As an address, for --mirror moves an archive only where a stack has nothing else.
                del source["archive"]
                source["url"] = f"{DEBIAN}/debian"
                source["key"] = {"url": f"{DEBIAN}/keys/archive.asc", "fingerprint": self.keys.debian.fingerprint}
            else:
                source["key"]["fingerprint"] = self.keys.amd.fingerprint
        return yaml.safe_dump({**stack, "replaces": name, **changes}, sort_keys=False).encode()


def _suite(release: str, position: int) -> str:
    """What the shipped manifest reads on this machine: by its code name, else the default."""
    stack = yaml.safe_load((shipped_manifests() / f"rocm-{release}.yaml").read_text())
    suite = stack["rocm"]["sources"][position]["suite"]
    return suite if isinstance(suite, str) else suite.get(read_host().codename, suite["default"])


def _bookworm() -> tuple[Deb, ...]:
    """libtinfo5 is real. The others stand for what a machine may lack, and for what belongs to no manifest."""
    lib = "usr/lib/x86_64-linux-gnu"
    names = "file libelf1 libgcc-s1 libstdc++6 perl python3 zlib1g cmake libfile-which-perl liburi-encode-perl"
    return (
        Deb("libtinfo5", "6.4-4", "libc6 (>= 2.33)", files={f"{lib}/libtinfo.so.5": Library("libtinfo.so.5")}),
        Deb("libc6", "2.36-9+deb12u10", files={"usr/share/doc/libc6/README": "stand-in\n"}),
        *(Deb(name, "12.0-1", files={f"usr/share/doc/{name}/README": "stand-in\n"}) for name in names.split()),
    )
