"""How single values of a manifest are written: names, versions, package roots, proofs, variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

_RESERVED_NAMES = ("system", "default")
"""Words that commands take in the place of a stack's name, and the script that new shells enter by."""
ENVIRONMENT_PREFIXES = (
    *("HSA_", "HIP_", "ROCR_", "ROCM_", "MIOPEN_", "ROCBLAS_", "HIPBLASLT_"),
    *("PYTORCH_", "TORCH_", "AMD_", "GPU_", "NCCL_", "RCCL_"),
)
"""Names of variables that a manifest may set: nothing that decides which programs or libraries a shell runs."""

Bound = tuple[str, str]
"""An operator (`<<`, `<=`, `=`, `>=`, `>>`) and a version, compared as Debian Policy 5.6.12 compares them."""

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}[a-z0-9]")
VERSION = re.compile(r"[0-9][0-9A-Za-z.+~:_-]*")
PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]*")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")
FINGERPRINT = re.compile(r"[0-9A-F]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s?#@\\]*)?")
PYTHON = re.compile(r"cp3[0-9]{1,2}t?")
GLIBC = re.compile(r"[0-9]+\.[0-9]+")
GPU = re.compile(r"gfx([0-9a-f]{3,4}|[0-9]+(-[0-9]+)*-generic)")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
WHEEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\.whl")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_ROOT = re.compile(r"(?P<name>[^\s()]+)(?: \((?P<bounds>[^()]+)\))?")
_BOUND = re.compile(r"(<<|<=|=|>=|>>) (\S+)")
_NEWEST = re.compile(r"(?P<path>\S+/\*/\S+) \(<< (?P<below>[0-9]+(\.[0-9]+)*)\)")


class WrongValue(ValueError):
    """A value that its key may not have. `key` leads to it from the struct that refused it."""

    def __init__(self, key: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.key = key


def parse_root(text: str) -> tuple[str, tuple[Bound, ...]]:
    """A package root: `hipcc`, or `hipcc (>= 5.2.3, << 5.3)` with bounds that must all hold. Raises ValueError.

    In the name `{gpu}` may stand for the target of each card.
    """
    found = _ROOT.fullmatch(text)
    if not found or not PACKAGE.fullmatch(found["name"].replace("{gpu}", "gfx1010")):
        raise ValueError(f"`{text}` is not a package with, perhaps, a range: `hipcc (>= 5.2.3, << 5.3)`")
    bounds = found["bounds"].split(", ") if found["bounds"] else []
    return found["name"], tuple(_parse_bound(one, text) for one in bounds)


def _parse_bound(text: str, root: str) -> Bound:
    found = _BOUND.fullmatch(text)
    if not found or not VERSION.fullmatch(found[2]):
        raise ValueError(f"`{text}` in `{root}` is not a bound like `>= 5.2.3` (one of << <= = >= >>)")
    return found[1], found[2]


def is_name(text: str) -> bool:
    """Whether a stack may be called that: it becomes a file's, a folder's and a shell script's name."""
    return bool(NAME.fullmatch(text)) and ".." not in text and text not in _RESERVED_NAMES


def is_proof(text: str) -> bool:
    """Whether *text* is a soname, one with a symbol version in brackets, or a path below /usr with `*`.

    Where `*` stands for versions, a path may have a bound: see `parse_newest`.
    """
    if "/" in text:
        path, _ = parse_newest(text) or (text, "")
        return is_plain_path(path) and bool(re.fullmatch(r"[A-Za-z0-9._+*/-]+", path))
    return bool(re.fullmatch(r"[A-Za-z0-9._+-]+\.so(\.[0-9]+)*(\([A-Za-z0-9._+-]+\))?", text))


def parse_newest(proof: str) -> tuple[str, str] | None:
    """`include/c++/*/vector (<< 16)` as the path and the 16; None for a proof without such a bound.

    The newest version that stands in the place of the path's last `*` has to be older: a compiler takes no other.
    """
    found = _NEWEST.fullmatch(proof)
    return (found["path"], found["below"]) if found else None


def check_environment(variables: Mapping[str, str], key: tuple[str | int, ...]) -> None:
    """Raise WrongValue for a name off the allow-list, and for a value that no shell could carry."""
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name) or not name.startswith(ENVIRONMENT_PREFIXES):
            allowed = " ".join(f"{one}*" for one in ENVIRONMENT_PREFIXES)
            raise WrongValue((*key, name), f"`{name}` is not a variable that a manifest may set ({allowed})")
        if "\0" in value or "\n" in value:
            raise WrongValue((*key, name), "a value may hold anything but NUL and newline")


def check_requirements(requirements: Iterable[str], key: tuple[str, ...]) -> None:
    """Raise WrongValue for what is not a requirement as pip and uv read it (PEP 508)."""
    # Half of the time that planning takes to import, for manifests that state no requirement.
    from packaging.requirements import InvalidRequirement, Requirement

    for index, requirement in enumerate(requirements):
        try:
            Requirement(requirement)
        except InvalidRequirement as error:
            raise WrongValue((*key, index), f"`{requirement}` is not a requirement") from error


def each(values: str | Iterable[str], pattern: re.Pattern[str], key: tuple[str | int, ...], what: str) -> None:
    """Raise WrongValue for the first of *values*, or the one, that is not as a whole what *pattern* says."""
    if isinstance(values, str):
        if not pattern.fullmatch(values):
            raise WrongValue(key, f"`{values[:80]}` is not {what}")
    else:
        for index, value in enumerate(values):
            each(value, pattern, (*key, index), what)


def check_wheels(
    packages: Mapping[str, str], key: tuple[str, ...], python: tuple[str, ...], hashes: Mapping[str, str]
) -> None:
    """Raise WrongValue for wheels that are not pinned to exact versions, known Pythons and real hashes."""
    for name, version in packages.items():
        if not PACKAGE.fullmatch(name) or not VERSION.fullmatch(version):
            raise WrongValue((*key, name), "the name of a distribution and its exact version are needed")
    if not python:
        raise WrongValue(("python",), "at least one Python is needed")
    each(python, PYTHON, ("python",), "the tag of an interpreter like `cp310`")
    for file, digest in hashes.items():
        if not WHEEL.fullmatch(file) or not SHA256.fullmatch(digest):
            raise WrongValue(("hashes", file), "the name of a wheel and its SHA-256 are needed")


def is_plain_path(text: str) -> bool:
    """Relative, normal, printable, and nowhere upwards."""
    parts = text.split("/")
    return text.isprintable() and str(PurePosixPath(text)) == text and not {"", ".", ".."}.intersection(parts)
