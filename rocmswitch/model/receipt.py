"""What was installed, from what, checked by what, and what was changed afterwards.

A tree keeps two files in its `.rocmswitch` folder: `receipt.json`, small, read by every command that looks,
and `files.json`, one entry per path, whose hash the receipt states. The receipt is written last: a tree
without one is not a tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rocmswitch.model.activation import Activation
from rocmswitch.model.convolutionwords import CONVOLUTIONS

RECEIPT_SCHEMA = 1


@dataclass(frozen=True)
class InstalledPackage:
    """A package as it was unpacked. `place` is `rocm` or `base`."""

    name: str
    version: str
    filename: str
    size: int
    sha256: str
    verification: str
    place: str = "rocm"
    installed_size: int = 0
    """Bytes on disk, as the package states it."""
    url: str = ""
    """Where it came from: `repair` asks there again."""
    host_has: bool = False
    """Of `base`: the machine had it too, and it was carried because the C library was."""


@dataclass(frozen=True)
class SourceRecord:
    """The signed index that was used. `date` is the Release file's own, as ISO 8601 in UTC."""

    url: str
    suite: str
    date: str
    fingerprint: str
    sha256: str
    """Of the Packages file that was read, uncompressed."""
    expired: bool = False
    """Valid-Until had passed and the user said `--allow-expired`."""
    kind: str = "apt"
    """`apt`, `rpm` or `tarball`; of a tarball only `url` is known."""


@dataclass(frozen=True)
class LeftOut:
    """Files of one package that were not written, because they are for other cards than the tree. Bytes."""

    package: str
    library: str
    """Whose they are, for people: `rocBLAS`."""
    gpu: str
    """The target that they are for: `gfx90a`; several parted by blanks."""
    count: int
    size: int


@dataclass(frozen=True)
class Receipt:
    """All that is known about one tree except its list of files. `kind` is `prefix` or `venv`."""

    kind: str
    name: str
    stack: str
    version: str
    tree: str
    """The folder's own name: NAME-<12 hex of its plan>."""
    created: str
    """ISO 8601, UTC."""
    sets: tuple[str, ...] = ()
    root: str = ""
    """The ROCm tree inside: `usr`, or `opt/rocm-6.2.4`."""
    packages: tuple[InstalledPackage, ...] = ()
    host: tuple[str, ...] = ()
    """Members of the closure that were left to the host: `libc6 2.36-9`; no version where no index has it."""
    relied_on: tuple[str, ...] = ()
    """Names of those of `host` that an unpacked package needs itself; empty where nobody wrote it down."""
    sources: tuple[SourceRecord, ...] = ()
    activation: Activation = Activation()
    manifest_sha256: str = ""
    files_sha256: str = ""
    size: int = 0
    """Bytes of all regular files."""
    python: str = ""
    """A venv's interpreter."""
    prefix: str = ""
    """The prefix that a venv is bound to; empty where its wheels bring their ROCm along."""
    prefix_scope: str = ""
    """Whose that prefix is, `user` or `system`: there may be one of each. Empty where nobody wrote it down."""
    torch: str = ""
    """A venv's PyTorch, with its local version: `2.7.1+rocm6.2.4`."""
    index: str = ""
    """The package index that the ROCm wheels came from."""
    unlike: str = ""
    """An earlier tree of otherwise the same content, which the name of this one had to differ from."""
    pins: tuple[str, ...] = ()
    """Requirements that must stay true in a venv: `torch==2.7.1+rocm6.2.4`, `numpy<2`."""
    profile: str = ""
    """The named profile of the card's variables that the user chose."""
    loader: str = ""
    """The path in a prefix of the loader that its programs start by, where it carries its own C library; of an
    environment the absolute path of the one that its Python starts by. Empty where that is the machine's."""
    libraries: tuple[str, ...] = ()
    """With a prefix's loader: the folders of the tree that hold libraries, the C library's own first."""
    linked: str = ""
    """The folder of somebody else's ROCm that a prefix stands for: none of its files is ours."""
    convolutions: str = ""
    """What the user has said of them, `fallback` or `vendor`; empty where the manifest decided."""
    gpus: tuple[str, ...] = ()
    """The cards that the user chose for a prefix, `gfx1010`; empty for all."""
    left_out: tuple[LeftOut, ...] = ()
    """What the packages hold and those cards do not need."""
    notes: tuple[str, ...] = ()
    schema: int = RECEIPT_SCHEMA

    def is_bound_to(self, prefix: str, scope: str) -> bool:
        """Whether a venv needs the *prefix* of *scope*, not the one of that name in another."""
        return self.prefix == prefix and self.prefix_scope in ("", scope)

    @property
    def cards(self) -> frozenset[str]:
        """The cards that the wheels of a venv are for, as AMD's name them; empty where they are for all."""
        return frozenset(word for pin in self.pins for word in re.findall(r"-device-(gfx\w+)==", pin))

    @property
    def has_fallback(self) -> bool:
        """Whether a venv was made with the wheel that takes the place of MIOpen's convolutions."""
        return any(package.name == CONVOLUTIONS for package in self.packages)
