"""Real signed repositories in a folder, for a plain HTTP server to serve.

    repository = AptRepository(folder, key, suite="jammy")
    repository.add(Deb("hip", "5.2"), Deb("rocblas", "2.44", depends="hip (>= 5.2)"))
    repository.publish()                                   # InRelease, Packages, Packages.gz
    repository.publish(Publication(compressions=("xz",), by_hash=True, detached=True, inline=False))

`add_stanza` puts a package into the index without making a file. `amd_release` makes AMD's layout.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import zstandard

from tests.support.debs import Deb, build_deb
from tests.support.keys import SigningKey

COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "gz": lambda data: gzip.compress(data, mtime=0),
    "xz": lzma.compress,
    "zst": lambda data: zstandard.ZstdCompressor().compress(data),
}
HASHES = {"MD5Sum": "md5", "SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512"}


@dataclass(frozen=True)
class Publication:
    """How a repository is published. The defaults are AMD's: InRelease, Packages and Packages.gz, no by-hash."""

    date: datetime | None = None
    """Release's Date; None is an hour ago."""
    valid_until: datetime | None = None
    compressions: tuple[str, ...] = ("", "gz")
    """Which forms of Packages exist: `` (plain), `gz`, `xz`, `zst`."""
    checksums: tuple[str, ...] = ("MD5Sum", "SHA1", "SHA256")
    by_hash: bool = False
    inline: bool = True
    detached: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    """Further fields of Release; an empty value leaves out one that it would have."""
    sign_options: tuple[str, ...] = ()
    signed_at: datetime | None = None


DEFAULT = Publication()


@dataclass
class AptRepository:
    """One repository with one suite, in *folder*; *key* signs it."""

    folder: Path
    key: SigningKey
    suite: str = "stable"
    architecture: str = "amd64"
    stanzas: dict[str, list[str]] = field(default_factory=lambda: {"main": []})
    """By component."""

    @property
    def dists(self) -> Path:
        return self.folder / "dists" / self.suite

    def add(self, *debs: Deb, component: str = "main") -> AptRepository:
        """Make the .deb files, and list them."""
        for deb in debs:
            pool = Path("pool") / component / deb.name[0] / deb.name
            path = build_deb(deb, self.folder / pool)
            content = path.read_bytes()
            installed = sum(len(str(one)) for one in deb.files.values()) // 1024 + 1
            self.add_stanza(
                f"{deb.control()}Installed-Size: {installed}\nFilename: {pool / deb.filename}\n"
                f"Size: {len(content)}\nMD5sum: {hashlib.md5(content).hexdigest()}\n"
                f"SHA256: {hashlib.sha256(content).hexdigest()}\n",
                component=component,
            )
        return self

    def add_stanza(self, text: str, *, component: str = "main") -> AptRepository:
        """List a package by its stanza alone."""
        self.stanzas.setdefault(component, []).append(text.strip("\n") + "\n")
        return self

    def packages_text(self, component: str = "main") -> bytes:
        return "\n".join(self.stanzas[component]).encode()

    def publish(self, how: Publication = DEFAULT) -> AptRepository:
        """Write the index as it is now, in place of what was there."""
        self.dists.mkdir(parents=True, exist_ok=True)
        files = self._write_packages(how)
        release = self.release_text(files, how)
        self.sign(release, how)
        return self

    def release_text(self, files: Mapping[str, bytes], how: Publication) -> bytes:
        """The Release file that lists *files* (paths below dists/SUITE)."""
        present = how.date or datetime.now(timezone.utc) - timedelta(hours=1)
        fields = {
            "Origin": "Test archive",
            "Label": "Test archive",
            "Suite": self.suite,
            "Codename": self.suite,
            "Date": _stamp(present),
            "Valid-Until": _stamp(how.valid_until) if how.valid_until else "",
            "Acquire-By-Hash": "yes" if how.by_hash else "",
            "Architectures": self.architecture,
            "Components": " ".join(self.stanzas),
            "Description": "Made for a test",
        }
        text = "".join(f"{name}: {value}\n" for name, value in {**fields, **how.fields}.items() if value)
        for section in how.checksums:
            text += f"{section}:\n"
            for path, content in files.items():
                text += f" {hashlib.new(HASHES[section], content).hexdigest()} {len(content):>16} {path}\n"
        return text.encode()

    def sign(self, release: bytes, how: Publication = DEFAULT) -> None:
        """Sign *release* and put it in place; what an earlier publication left is removed."""
        for name in ("InRelease", "Release", "Release.gpg"):
            (self.dists / name).unlink(missing_ok=True)
        if how.inline:
            signed = self.key.sign_inline(release, at=how.signed_at, options=how.sign_options)
            (self.dists / "InRelease").write_bytes(signed)
        if how.detached:
            (self.dists / "Release").write_bytes(release)
            signature = self.key.sign_detached(release, at=how.signed_at, options=how.sign_options)
            (self.dists / "Release.gpg").write_bytes(signature)

    def publish_key(self, path: Path, *, armored: bool = True) -> Path:
        """Put the public key where a manifest's key URL points."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.key.public(armored=armored))
        return path

    def _write_packages(self, how: Publication) -> dict[str, bytes]:
        listed: dict[str, bytes] = {}
        for component in self.stanzas:
            folder = f"{component}/binary-{self.architecture}"
            content = self.packages_text(component)
            present = {
                f"{folder}/Packages{'.' + compression if compression else ''}": COMPRESS[compression](content)
                for compression in how.compressions
            }
            self._write_files(present, how, folder)
            # The plain file is always listed, as Debian does; whether it exists is another matter.
            listed |= {f"{folder}/Packages": content, **present}
        return listed

    def _write_files(self, files: Mapping[str, bytes], how: Publication, folder: str) -> None:
        (self.dists / folder).mkdir(parents=True, exist_ok=True)
        for old in (self.dists / folder).glob("Packages*"):
            old.unlink()
        for name, content in files.items():
            if how.by_hash:
                named = (self.dists / name).parent / "by-hash" / "SHA256" / hashlib.sha256(content).hexdigest()
                named.parent.mkdir(parents=True, exist_ok=True)
                named.write_bytes(content)
            (self.dists / name).write_bytes(content)


def _stamp(when: datetime) -> str:
    """`Sat, 11 Jul 2026 10:16:37 UTC`, as archives write it."""
    return format_datetime(when.astimezone(timezone.utc)).replace("+0000", "UTC")
