"""Packages as an index states them, and the artifacts that carry them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.keys import Keys

_HEX_LENGTH = {"sha256": 64, "sha512": 128}

SIGNED = "signed"
PINNED = "pinned"
FIRST_USE = "first-use"
VERIFICATION_CLASSES = (FIRST_USE, PINNED, SIGNED)
"""By what an artifact was checked, from the weakest to the strongest."""

C_LIBRARIES = ("libc6", "glibc")
"""The packages of the C library and its loader, by the names of Debian and of Red Hat."""


@dataclass(frozen=True)
class Digest:
    """The hash a file must have, as a signed index, a manifest or a lock states it.

    Only SHA-256 and SHA-512 can be written down: an index that offers nothing stronger than MD5 or SHA-1
    is refused when it is read, not when it is used.
    """

    algorithm: str
    value: str

    def __post_init__(self) -> None:
        length = _HEX_LENGTH.get(self.algorithm)
        if length is None:
            raise VerificationFailed(f"`{self.algorithm}` is not a hash that can be trusted")
        if not re.fullmatch(rf"[0-9a-f]{{{length}}}", self.value):
            raise VerificationFailed(f"`{self.value[:80]}` is not a {self.algorithm} hash")

    @classmethod
    def sha256(cls, value: str) -> Digest:
        return cls("sha256", value.lower())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


@dataclass(frozen=True)
class Relation:
    """One name with, perhaps, a bound on its version: `libc6 (>= 2.34)`.

    `operator` is one of `<<`, `<=`, `=`, `>=`, `>>`, or empty where any version will do
    (Debian Policy 7.1). In rpm's index the name may be a whole `(a with b)`: what one package is to provide.
    """

    name: str
    operator: str = ""
    version: str = ""
    absent: bool = False
    """Satisfied where nothing that is chosen is this: the condition of rpm's `(a if b)`."""

    def __str__(self) -> str:
        text = f"{self.name} ({self.operator} {self.version})" if self.operator else self.name
        return f"no {text}" if self.absent else text


Dependency = tuple[Relation, ...]
"""Alternatives, the preferred one first: any of them satisfies the dependency."""


@dataclass(frozen=True)
class Package:
    """One binary package of an index. Sizes are bytes."""

    name: str
    version: str
    architecture: str
    filename: str
    size: int
    digest: Digest
    installed_size: int
    source: str
    """Which source of the manifest offers it: the position there, `0`, `1`, …"""
    depends: tuple[Dependency, ...] = ()
    """Pre-Depends and Depends."""
    provides: tuple[Relation, ...] = ()
    conflicts: tuple[Relation, ...] = ()
    breaks: tuple[Relation, ...] = ()
    obsoletes: tuple[Relation, ...] = ()
    """Of rpm: packages by their own names that it takes the place of, and so cannot lie beside."""

    def __str__(self) -> str:
        """Without a version for what the host has and no index names."""
        return f"{self.name} {self.version}".rstrip()


@dataclass(frozen=True)
class Artifact:
    """A file to be fetched: where from, and what makes it the right one. `urls` are mirrors, the best first."""

    name: str
    version: str
    filename: str
    urls: tuple[str, ...]
    size: int
    digest: Digest
    verification: str
    signers: tuple[Keys, ...] = ()
    """By one of which it has to be signed itself, where nobody signed the index with its hash."""
    architecture: str = ""
    """What the index says of it, in Debian's words: with signers, they have to say the same."""


@dataclass(frozen=True)
class Unhashed:
    """A file whose hash nobody states: what the first download brings is what it has to be from then on."""

    name: str
    version: str
    filename: str
    url: str
    size: int


def address_as_digest(url: str) -> Digest:
    """What stands for the hash of a file until it is here: that of its address."""
    return Digest.sha256(hashlib.sha256(url.encode()).hexdigest())
