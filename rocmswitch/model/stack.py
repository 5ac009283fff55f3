"""What a manifest pins: the typed model of a stack. The reference page is docs/manifest.md.

Parsed with msgspec, so that a mistake is reported with the path of the key that made it. Each struct checks
its own values when it is built. This module is imported only where a manifest is read: receipts hold what the
commands at a prompt need.
"""

from __future__ import annotations

from typing import Literal

from rocmswitch.model.grammar import (
    DATE,
    GLIBC,
    GPU,
    NAME,
    PACKAGE,
    URL,
    VERSION,
    WHEEL,
    WORD,
    WrongValue,
    check_environment,
    check_requirements,
    check_wheels,
    each,
    is_name,
    is_plain_path,
    is_proof,
)
from rocmswitch.model.source import Sets, Source
from rocmswitch.model.strict import Struct

ROOT = "{root}"
"""Stands for the place of the ROCm tree, whichever kind of source it came from."""

CARD = "{gpu}"
"""Stands for the card's target in names of wheels and extras."""


class Rocm(Struct, frozen=True):
    """The prefix: which versions, from where, which packages."""

    version: str
    root: str
    """The tree inside the packages: `opt/rocm-6.2.4` (three parts, always), or `usr`; of wheels their folder in
    site-packages, `_rocm_sdk_core`."""
    hip: str = ""
    rocblas: str = ""
    miopen: str = ""
    sources: tuple[Source, ...] = ()
    sets: Sets | None = None
    """The roots, by the names that apt's packages have."""
    rpm_sets: Sets | None = None
    """The roots by the names that rpm's packages have."""
    host: dict[str, tuple[str, ...]] = {}
    """Base packages, and what shows that a machine has them: a soname, perhaps with a symbol version
    (`libstdc++.so.6(GLIBCXX_3.4.30)`), or a path below /usr (`bin/perl`, `include/c++/*/vector`), perhaps with a
    bound for the newest version of it (`include/c++/*/vector (<< 16)`). All of a package's proofs must hold; none
    means that nothing here needs it to run. A package that is proven, and what only it needs, is left to the host;
    one that is not is carried into the tree's `base` folder."""
    host_only: tuple[str, ...] = ()
    """Members of `host` that cannot be carried, because no source has them: the C library, of AMD's stacks."""
    environment: dict[str, str] = {}
    """What the tree itself needs. `{prefix}` stands for its place: of wheels, for site-packages; `{root}` for that
    of the ROCm tree in it."""

    def __post_init__(self) -> None:
        each(self.version, VERSION, ("version",), "a version")
        for key in ("hip", "rocblas", "miopen"):
            each(getattr(self, key) or (), VERSION, (key,), "a version")
        if not is_plain_path(self.root):
            raise WrongValue(("root",), f"`{self.root}` is not a relative path without `.` and `..`")
        for key, kind, there in (("sets", "apt", self.sets), ("rpm_sets", "rpm", self.rpm_sets)):
            if (kind in self.kinds) != (there is not None):
                raise WrongValue((key,), f"a source of kind `{kind}` and `{key}` need each other")
        self._check_host()
        check_environment(self.environment, ("environment",))

    def _check_host(self) -> None:
        for package, proofs in self.host.items():
            if not PACKAGE.fullmatch(package):
                raise WrongValue(("host", package), f"`{package}` is not the name of a package")
            for index, proof in enumerate(proofs):
                if not is_proof(proof):
                    raise WrongValue(
                        ("host", package, index), f"`{proof}` is neither a soname nor a path below /usr"
                    )
        for index, package in enumerate(self.host_only):
            if package not in self.host:
                raise WrongValue(("host_only", index), f"`{package}` is not in `host`")

    @property
    def roots(self) -> Sets | None:
        """The package roots of a stack whose sources are of one kind, by the names that it has."""
        return self.sets or self.rpm_sets

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its sources, each once, in their order."""
        return tuple(dict.fromkeys(one.kind for one in self.sources))

    @property
    def comes_as_wheels(self) -> bool:
        """Whether the tree lies inside each environment, and there is no prefix."""
        return self.kinds == ("wheels",)

    @property
    def has_prefix_alone(self) -> bool:
        """Whether there is a prefix and nothing else that brings the tree."""
        return bool(self.kinds) and "wheels" not in self.kinds

    def environment_in(self, site_packages: str) -> dict[str, str]:
        """`environment` for a tree that came as wheels, where `{prefix}` stands for the environment's place.

        *site_packages* is relative to that: `lib/python3.11/site-packages`.
        """
        root = next((one.root for one in self.sources if one.kind == "wheels" and one.root), self.root)
        return {
            name: value.replace("{prefix}", f"{{prefix}}/{site_packages}")
            for name, value in self.environment_at(root).items()
        }

    def environment_at(self, root: str) -> dict[str, str]:
        """`environment` for a tree whose ROCm lies at *root*, relative to its place."""
        return {name: value.replace(ROOT, f"{{prefix}}/{root}") for name, value in self.environment.items()}


class Glibc(Struct, frozen=True):
    """Which C library wheels need, `2.28`; `max` is the last that loads them unchanged."""

    min: str = ""
    max: str = ""

    def __post_init__(self) -> None:
        for key in ("min", "max"):
            each(getattr(self, key) or (), GLIBC, (key,), "a version of glibc like `2.28`")


class Pytorch(Struct, frozen=True):
    """One PyTorch build with its companions, from one index."""

    torch: str
    index: str
    python: tuple[str, ...]
    """Tags of the interpreters that it exists for: `cp310`."""
    extras: tuple[str, ...] = ()
    """Of torch: `device-{gpu}`, where `{gpu}` stands for the card's target."""
    wheels: dict[str, str] = {}
    """Companions by name, in which `{gpu}` may stand too, and their exact versions."""
    card_wheels: dict[str, dict[str, str]] = {}
    """The same for single cards besides: kernels that a family of them shares."""
    constraints: tuple[str, ...] = ()
    """Requirements that everything else in the environment has to meet: `numpy<2`."""
    bundles_rocm: bool = True
    loader: Literal["rpath", "runpath"] = "rpath"
    """`runpath`: LD_LIBRARY_PATH can shadow the libraries that the wheel bundles."""
    glibc: Glibc = Glibc()
    without: tuple[str, ...] = ()
    """Cards that it has no code for, though newer builds of the stack have."""
    hashes: dict[str, str] = {}
    """File name to SHA-256; what is not here is recorded on first use."""
    urls: dict[str, str] = {}
    """File name to URL, for a wheel that its index no longer lists."""

    def __post_init__(self) -> None:
        each(self.torch, VERSION, ("torch",), "a version")
        each(self.index, URL, ("index",), "an http or https URL")
        each(tuple(map(_for_some_card, self.extras)), PACKAGE, ("extras",), "the name of an extra")
        named = {_for_some_card(name): version for name, version in self.wheels.items()}
        check_wheels(named, ("wheels",), self.python, self.hashes)
        for card, wheels in self.card_wheels.items():
            each(card, GPU, ("card_wheels", card), "a GPU target like `gfx1010`")
            check_wheels(wheels, ("card_wheels", card), self.python, {})
        check_requirements(self.constraints, ("constraints",))
        each(self.without, GPU, ("without",), "a GPU target like `gfx1010`")
        for file, url in self.urls.items():
            if not WHEEL.fullmatch(file) or not URL.fullmatch(url):
                raise WrongValue(("urls", file), "the name of a wheel and its http or https URL are needed")


def _for_some_card(name: str) -> str:
    """*name* as it is once the card is known."""
    return name.replace(CARD, "gfx1010")


class Wheels(Struct, frozen=True):
    """What `use` puts into a virtual environment of a stack without PyTorch wheels of its own."""

    packages: dict[str, str]
    python: tuple[str, ...]
    hashes: dict[str, str]
    """File name to SHA-256, for every Python named."""
    set: Literal["runtime", "compiler", "libraries", "developer"] = "runtime"
    """The set of the prefix that these wheels load."""
    python_packages: dict[str, dict[str, str]] = {}
    """Versions in place of those in `packages` for single Pythons: `cp314: {numpy: 2.3.5}`."""

    def __post_init__(self) -> None:
        check_wheels(self.packages, ("packages",), self.python, self.hashes)
        for tag, versions in self.python_packages.items():
            check_wheels(versions, ("python_packages", tag), self.python, {})
            if tag not in self.python or not versions.keys() <= self.packages.keys():
                raise WrongValue(("python_packages", tag), "only what `python` and `packages` name can differ")


class Gpu(Struct, frozen=True):
    """What is known of one GPU target with this stack."""

    support: Literal["official", "community", "partial", "reported", "none", "unknown"]
    environment: dict[str, str] = {}
    profiles: dict[str, dict[str, str]] = {}
    """Named groups of further variables, one of which a user may choose."""
    convolutions: Literal["vendor", "fallback"] = "vendor"
    known_bad: tuple[str, ...] = ()
    """What hangs, crashes or computes wrong numbers: `conv2d`, `float16`."""
    evidence: tuple[str, ...] = ()
    """Where it can be read: `ROCm/ROCm#2527`, `github:owner/repo@commit:path`."""

    def __post_init__(self) -> None:
        check_environment(self.environment, ("environment",))
        for name, profile in self.profiles.items():
            if not NAME.fullmatch(name):
                raise WrongValue(
                    ("profiles", name), f"`{name}` is not a name of small letters, digits, `.`, `_`, `-`"
                )
            check_environment(profile, ("profiles", name))
        each(self.known_bad, WORD, ("known_bad",), "a word like `conv2d`")


class Stack(Struct, frozen=True):
    """One manifest."""

    schema: Literal[1]
    name: str
    summary: str
    rocm: Rocm
    replaces: str = ""
    """The stack's own name: this manifest stands in the place of another of that name, and its author knows."""
    released: str = ""
    """The day, `2024-11-06`."""
    pytorch: tuple[Pytorch, ...] = ()
    """The first is what `use` takes: releases, the newest first, then nightly builds."""
    wheels: Wheels | None = None
    gpus: dict[str, Gpu] = {}
    unverified: tuple[str, ...] = ()
    """Keys whose values were not read in a source: shown as such."""

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise WrongValue(("name",), f"`{self.name}` is not a name of small letters, digits, `.`, `_`, `-`")
        if self.replaces not in ("", self.name):
            raise WrongValue(("replaces",), f"a manifest can only replace another `{self.name}`")
        if self.released and not DATE.fullmatch(self.released):
            raise WrongValue(("released",), f"`{self.released}` is not a day like `2024-11-06`")
        if not self.summary.isprintable():
            raise WrongValue(("summary",), "a summary is one line of text")
        for target in self.gpus:
            if not GPU.fullmatch(target):
                raise WrongValue(("gpus", target), f"`{target}` is not a GPU target like `gfx1010`")
