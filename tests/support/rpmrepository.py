"""Real signed .rpm files and repositories of them in a folder, made by rpmbuild, rpmsign and createrepo_c.

    repository = RpmRepository(folder, key)
    repository.add(Rpm("hip", "5.2"), Rpm("rocblas", "2.44", requires=("hip >= 5.2",)))
    repository.publish()                                  # repodata/repomd.xml, repomd.xml.asc, primary.xml.gz
    repository.publish(RpmPublication(compression="zst", signed=False))

A package takes 0.1 s the first time, its signature as long. Skips the test where a program is missing.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.debs import Content, Link, put
from tests.support.keys import SigningKey

PAYLOADS = {"gz": "w6.gzdio", "xz": "w1.xzdio", "zst": "w3.zstdio", "bz2": "w3.bzdio", "": "w0.ufdio"}
"""rpm's words for the ways to pack."""


@dataclass(frozen=True)
class Rpm:
    """A binary package to be. Relations are as in a spec file: `hip >= 5.2`, `(a if b)`, `libx.so.1()(64bit)`."""

    name: str
    version: str = "1.0"
    release: str = "1"
    epoch: str = ""
    architecture: str = "x86_64"
    requires: tuple[str, ...] = ()
    requires_pre: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    obsoletes: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    files: Mapping[str, Content] = field(default_factory=dict)
    """By path without a leading slash; text files below bin/ are executable."""
    payload: str = "gz"
    """`gz`, `xz`, `zst`, `bz2`, or empty for none."""
    scan: bool = False
    """Let rpmbuild read sonames out of the files, as it does for a distribution's packages."""
    macros: Mapping[str, str] = field(default_factory=dict)
    """Further macros for rpmbuild: `_build_id_links`, `_source_filedigest_algorithm`."""

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}-{self.release}.{self.architecture}.rpm"

    @property
    def evr(self) -> str:
        return f"{self.epoch + ':' if self.epoch else ''}{self.version}-{self.release}"

    def spec(self, tree: Path) -> str:
        """Of its files, which lie in *tree*, only what the package itself has: no folders."""
        relations = {
            "Requires": self.requires,
            "Requires(pre)": self.requires_pre,
            "Provides": self.provides,
            "Conflicts": self.conflicts,
            "Obsoletes": self.obsoletes,
            "Recommends": self.recommends,
        }
        tags = [f"{tag}: {one}" for tag, many in relations.items() for one in many]
        if self.epoch:
            tags.append(f"Epoch: {self.epoch}")
        if self.architecture == "noarch":
            tags.append("BuildArch: noarch")
        copy = f'mkdir -p %{{buildroot}}; cp -a "{tree}/." %{{buildroot}}/' if self.files else ":"
        listed = [f'"/{path}"' for path in self.files]
        return "\n".join(
            [
                *(f"Name: {self.name}", f"Version: {self.version}", f"Release: {self.release}"),
                *("Summary: As a test needs it", "License: MIT", f"AutoReqProv: {'yes' if self.scan else 'no'}"),
                *(*tags, "%description", "Made for a test.", "%install", copy, "%files", *listed, ""),
            ]
        )


@dataclass(frozen=True)
class RpmPublication:
    """How a repository is published. The defaults: signed, primary and filelists in gzip, no databases."""

    signed: bool = True
    """With repomd.xml.asc."""
    compression: str = "gz"
    """Of the metadata: `gz`, `xz`, `zst`."""
    revision: str = ""
    """Of repomd.xml; empty is the present, in seconds."""
    options: tuple[str, ...] = ()
    """Further ones of createrepo_c."""


DEFAULT = RpmPublication()


@dataclass
class RpmRepository:
    """One repository in *folder*; *key* signs its repomd.xml, and with *sign_packages* each package too."""

    folder: Path
    key: SigningKey
    sign_packages: bool = False

    @property
    def repodata(self) -> Path:
        return self.folder / "repodata"

    @property
    def repomd(self) -> Path:
        return self.repodata / "repomd.xml"

    def add(self, *rpms: Rpm) -> RpmRepository:
        """Make the .rpm files; `publish` lists them."""
        for rpm in rpms:
            build_rpm(rpm, self.folder / "Packages", self.key if self.sign_packages else None)
        return self

    def remove(self, rpm: Rpm) -> None:
        (self.folder / "Packages" / rpm.filename).unlink()

    def publish(self, how: RpmPublication = DEFAULT) -> RpmRepository:
        """Write the index of what is there now, in place of the one before."""
        program = need("createrepo_c", "createrepo-c")
        shutil.rmtree(self.repodata, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        kind = {"gz": "gz", "xz": "xz", "zst": "zstd"}[how.compression]
        command = [program, "--quiet", "--no-database", "--general-compress-type", kind]
        if kind == "zstd":
            # createrepo_c of Debian 12 packs with zstd only where it is told so for each file: not at all.
            command[-1] = "gz"
        if how.revision:
            command += ["--revision", how.revision, "--set-timestamp-to-revision"]
        run(*command, *how.options, self.folder)
        if how.compression == "zst":
            repack_primary(self.repodata)
        self.sign(how.signed)
        return self

    def sign(self, signed: bool = True) -> None:
        """Sign repomd.xml as it is now, or take its signature away."""
        signature = self.repodata / "repomd.xml.asc"
        signature.unlink(missing_ok=True)
        if signed:
            signature.write_bytes(self.key.sign_detached(self.repomd.read_bytes()))

    def publish_key(self, path: Path, *, armored: bool = True) -> Path:
        """Put the public key where a manifest's key URL points."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.key.public(armored=armored))
        return path


_built: dict[str, bytes] = {}
"""Packages made in this process, unsigned or signed."""


def build_rpm(rpm: Rpm, folder: Path, key: SigningKey | None = None) -> Path:
    """Make *rpm* in *folder*, signed where a *key* is given, and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / rpm.filename
    name = f"{rpm!r} {key.fingerprint if key else ''}"
    if name not in _built:
        if repr(rpm) not in _built:
            _pack(rpm, path)
            _built[repr(rpm)] = path.read_bytes()
        path.write_bytes(_built[repr(rpm)])
        if key is not None:
            sign_rpm(path, key)
        _built[name] = path.read_bytes()
    path.write_bytes(_built[name])
    return path


def build_source_rpm(rpm: Rpm, folder: Path) -> Path:
    """Make what *rpm* is built from in *folder*, unsigned, and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / f"{rpm.name}.spec"
    spec.write_text(rpm.spec(folder))
    macros = {"_topdir": str(folder / "top"), "_srcrpmdir": str(folder), "_dbpath": str(folder / "db")}
    run(need("rpmbuild", "rpm"), "--quiet", "--nodeps", *_defines(macros), "-bs", spec)
    (path,) = folder.glob("*.src.rpm")
    return path


def sign_rpm(path: Path, key: SigningKey) -> Path:
    """Add the header's signature, in place."""
    macros = {
        "__gpg": need("gpg", "gnupg"),
        "_gpg_name": key.fingerprint,
        "_gpg_path": str(key.folder.home),
        "_gpg_digest_algo": "sha256",
        "_gpg_sign_cmd_extra_args": "--batch --no-tty --pinentry-mode loopback",
    }
    run(need("rpmsign", "rpm"), *_defines(macros), "--addsign", path)
    return path


def need(program: str, package: str) -> str:
    """The path of *program*; skips the test where it is missing."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"no {program} here: install {package}")
    return found


def run(*command: str | Path) -> bytes:
    """What *command* prints; it succeeds."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout.decode()}{done.stderr.decode(errors='replace')}"
    return done.stdout


def repack_primary(repodata: Path, change: tuple[bytes, bytes] = (b"", b"")) -> None:
    """primary.xml in zstd instead of gzip, listed so in repomd.xml; with *change*, the second for the first."""
    import gzip
    import hashlib
    import re

    import zstandard

    (packed,) = repodata.glob("*primary.xml.gz")
    content = gzip.decompress(packed.read_bytes())
    content = content.replace(*change) if change[0] else content
    packed.unlink()
    other = zstandard.ZstdCompressor().compress(content)
    digest = hashlib.sha256(other).hexdigest()
    (repodata / f"{digest}-primary.xml.zst").write_bytes(other)
    repomd = (repodata / "repomd.xml").read_text()
    before, start, rest = repomd.partition('<data type="primary">')
    body, end, after = rest.partition("</data>")
    body = re.sub(r"(<checksum [^>]*>)[^<]*", rf"\g<1>{digest}", body)
    body = re.sub(r"(<open-checksum [^>]*>)[^<]*", rf"\g<1>{hashlib.sha256(content).hexdigest()}", body)
    body = re.sub(r"<open-size>\d+", f"<open-size>{len(content)}", body)
    body = re.sub(r'href="[^"]*"', f'href="repodata/{digest}-primary.xml.zst"', body)
    body = re.sub(r"<size>\d+", f"<size>{len(other)}", body)
    (repodata / "repomd.xml").write_text(before + start + body + end + after)


def _pack(rpm: Rpm, target: Path) -> None:
    program = need("rpmbuild", "rpm")
    with tempfile.TemporaryDirectory(prefix="rs-rpm-") as scratch:
        tree, made = Path(scratch) / "tree", Path(scratch) / "made"
        tree.mkdir()
        # A link to a folder comes before what lies in the folder.
        for path, content in sorted(rpm.files.items(), key=lambda one: isinstance(one[1], Link)):
            put(tree / path, content)
        spec = Path(scratch) / "one.spec"
        spec.write_text(rpm.spec(tree))
        macros = {
            "_topdir": f"{scratch}/top",
            "_rpmdir": str(made),
            "_dbpath": f"{scratch}/db",
            "_rpmfilename": rpm.filename,
            "_build_id_links": "none",
            "__os_install_post": "%{nil}",
            "debug_package": "%{nil}",
            "_binary_payload": PAYLOADS[rpm.payload],
            **rpm.macros,
        }
        target_words = [] if rpm.architecture == "noarch" else ["--target", f"{rpm.architecture}-linux"]
        run(program, "--quiet", "--nodeps", *_defines(macros), *target_words, "-bb", spec)
        (made / rpm.filename).replace(target)


def _defines(macros: Mapping[str, str]) -> list[str]:
    return [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
