"""Which companions torch itself asks for: where a manifest could only guess, torch's METADATA knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement


_ROCM = re.compile(r"(pytorch-|torch)?triton(-rocm)?|rocm(-.+)?|amd-torch.*|torch(vision|audio)?")


def is_of_rocm(project: str) -> bool:
    """Whether *project*, by its normalised name, may only come from where torch itself comes from.

    In another index somebody else may have taken the name, as it happened to torchtriton (PyTorch, December 2022).
    """
    return bool(_ROCM.fullmatch(project))


def with_asked(companions: Mapping[str, str], metadata: bytes, python: str) -> dict[str, str]:
    """*companions* by name, each with the version that torch's *metadata* names exactly for *python* (`3.11`).

    Any other version of them could not be installed beside it. What is not named exactly stays as it was; what is
    of ROCm and not among them is added.
    """
    asked = {
        canonicalize_name(one.name): str(next(iter(one.specifier)).version)
        for one in _requirements(metadata, python)
        if len(one.specifier) == 1 and next(iter(one.specifier)).operator in ("==", "===")
    }
    exact = {name: version for name, version in asked.items() if "*" not in version}
    known = {name: exact.get(canonicalize_name(name), version) for name, version in companions.items()}
    more = exact.keys() - {canonicalize_name(name) for name in companions}
    return known | {name: exact[name] for name in sorted(more) if is_of_rocm(name)}


def _requirements(metadata: bytes, python: str) -> Iterator[Requirement]:
    """Those that hold without any extra."""
    # 40 ms to import, for a question that is only asked where an answer is not known yet.
    from packaging.metadata import parse_email
    from packaging.requirements import InvalidRequirement, Requirement

    place = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    for line in parse_email(metadata)[0].get("requires_dist", ()):
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # uv, which reads all of it, says so
        if requirement.marker is None or requirement.marker.evaluate(place):
            yield requirement
