"""What a manifest pins: the typed model of a stack. The reference page is docs/manifest.md.

Parsed with msgspec, so that a mistake is reported with the path of the key that made it. This module is
imported only where a manifest is read: receipts hold what the commands at a prompt need.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A frozen value; an unknown key is a mistake, never ignored."""


class Key(Struct, frozen=True):
    """Who may sign an index. Any one valid signature by a key with one of these fingerprints will do."""

    fingerprint: str | tuple[str, ...]
    """Primary key fingerprints, 40 upper-case hex digits. Trust comes from these alone, never from the file."""
    url: str | tuple[str, ...] = ()
    """Where the key itself can be fetched."""
    keyring: str = ""
    """A file that a machine may have already: `/usr/share/keyrings/debian-archive-keyring.gpg`."""

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return (self.fingerprint,) if isinstance(self.fingerprint, str) else self.fingerprint

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.url,) if isinstance(self.url, str) else self.url


class Source(Struct, frozen=True):
    """A repository. `url` and `archive` exclude each other: an archive's mirror is chosen on the machine."""

    kind: Literal["apt", "rpm", "tarball", "wheels"]
    url: str = ""
    archive: str = ""
    """A distribution's archive by name (`debian`): its mirror is the host's own, or the archive's main one."""
    suite: str | dict[str, str] = ""
    """The same everywhere, or by the host's code name with a `default`."""
    components: tuple[str, ...] = ("main",)
    key: Key | None = None
    priority: int = 500
    """Higher wins, as with apt's pins; between equals the newer version wins."""
    digest: str = ""
    """Of a tarball: its SHA-256."""
    packages: tuple[str, ...] = ()
    """Only these names are taken from here; empty means all."""


class Sets(Struct, frozen=True):
    """Package roots. runtime is in all, developer has all. A version range may follow a name."""

    runtime: tuple[str, ...]
    compiler: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    developer: tuple[str, ...] = ()


class Rocm(Struct, frozen=True):
    """The prefix: which versions, from where, which packages."""

    version: str
    root: str
    """The tree inside the packages: `opt/rocm-6.2.4` (three parts, always), or `usr`."""
    hip: str = ""
    rocblas: str = ""
    miopen: str = ""
    sources: tuple[Source, ...] = ()
    sets: Sets | None = None
    host: dict[str, tuple[str, ...]] = {}
    """Base packages, and what shows that a machine has them: a soname, perhaps with a symbol version
    (`libstdc++.so.6(GLIBCXX_3.4.30)`), or a path below /usr (`bin/perl`, `include/c++/*/vector`). All of a
    package's proofs must hold; none means that nothing here needs it to run. A package that is proven, and what
    only it needs, is left to the host; one that is not is carried into the tree's `base` folder."""
    host_only: tuple[str, ...] = ()
    """Members of `host` that cannot be carried: the C library's family and the headers that belong to it."""
    environment: dict[str, str] = {}
    """What the tree itself needs. `{prefix}` stands for its place."""


class Glibc(Struct, frozen=True):
    """Which C library wheels need, `2.28`; `max` is the last that loads them unchanged."""

    min: str = ""
    max: str = ""


class Pytorch(Struct, frozen=True):
    """One PyTorch build with its companions, from one index."""

    torch: str
    index: str
    python: tuple[str, ...]
    wheels: dict[str, str] = {}
    constraints: tuple[str, ...] = ()
    bundles_rocm: bool = True
    loader: Literal["rpath", "runpath"] = "rpath"
    glibc: Glibc = Glibc()
    hashes: dict[str, str] = {}
    """File name to SHA-256; what is not here is recorded on first use."""
    urls: dict[str, str] = {}
    """File name to URL, for a wheel that its index no longer lists."""


class Wheels(Struct, frozen=True):
    """What `use` puts into a virtual environment of a stack without PyTorch wheels of its own."""

    packages: dict[str, str]
    python: tuple[str, ...]
    hashes: dict[str, str]
    """File name to SHA-256, for every Python named."""
    set: Literal["runtime", "compiler", "libraries", "developer"] = "runtime"
    """The set of the prefix that these wheels load."""


class Gpu(Struct, frozen=True):
    """What is known of one GPU target with this stack."""

    support: Literal["official", "community", "partial", "reported", "none", "unknown"]
    environment: dict[str, str] = {}
    profiles: dict[str, dict[str, str]] = {}
    convolutions: Literal["vendor", "fallback"] = "vendor"
    known_bad: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class Stack(Struct, frozen=True):
    """One manifest."""

    schema: Literal[1]
    name: str
    summary: str
    rocm: Rocm
    released: str = ""
    pytorch: tuple[Pytorch, ...] = ()
    wheels: Wheels | None = None
    gpus: dict[str, Gpu] = {}
    unverified: tuple[str, ...] = ()
    """Keys whose values were not read in a source: shown as such."""


SET_NAMES = ("runtime", "compiler", "libraries", "developer")
