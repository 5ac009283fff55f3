"""apt and dpkg-deb doing by hand what `rocmswitch install` does: private lists, one suite, no root needed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class Apt:
    """apt with everything it writes below *folder*, and an empty system: nothing is installed there."""

    folder: Path
    mirror: str
    suites: tuple[str, ...]
    proxy: str = ""
    late: bool = False
    """The mirror's index may be older than its signers allow, as sid's on a mirror that has stopped."""

    def prepare(self) -> None:
        """As on a machine that has never heard of the archive."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("state/lists/partial", "cache/archives/partial", "debs", "tree"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "status").touch()
        options = f"signed-by={KEYRING}{' check-valid-until=no' if self.late else ''}"
        lines = [f"deb [{options}] {self.mirror} {suite} main\n" for suite in self.suites]
        (self.folder / "sources.list").write_text("".join(lines))

    def update(self) -> None:
        run([*self._command(), "update"], os.environ)

    def download(self, packages: Sequence[str]) -> None:
        """*packages* as NAME=VERSION."""
        run([*self._command(), "download", *packages], os.environ, folder=self.folder / "debs")

    def unpack(self) -> None:
        """One by one, then synced: the tree that is to be had without anything of ours."""
        for deb in sorted((self.folder / "debs").glob("*.deb")):
            run(["dpkg-deb", "-x", deb, self.folder / "tree"], os.environ)
        run(["sync", "-f", self.folder / "tree"], os.environ)

    def remove_tree(self) -> None:
        shutil.rmtree(self.folder / "tree")
        (self.folder / "tree").mkdir()

    def read_all(self) -> None:
        """Decompress every archive into nothing: the work that nobody can leave out."""
        for deb in sorted((self.folder / "debs").glob("*.deb")):
            run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" >/dev/null', "sh", deb], os.environ)

    def simulate(self, roots: Sequence[str]) -> None:
        run([*self._command(), "-s", "--no-install-recommends", "install", *roots], os.environ)

    def _command(self) -> list[str]:
        options = {
            "Dir::State": self.folder / "state",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferencesparts": "-",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "root",
            **({"Acquire::http::Proxy": self.proxy} if self.proxy else {}),
        }
        return ["apt-get", "-q", *(f"-o{name}={value}" for name, value in options.items())]
