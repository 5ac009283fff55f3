"""Whether packages belong to the release that a manifest names.

One key signs all of AMD's releases, so the signed index of another one, served under this one's URL, passes
every check of signatures and hashes. What gives it away are names and versions: `rocblas5.2.3` has the version
`2.44.0.50203-109`, in which 50203 is ROCm 5.2.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.package import Package
from rocmswitch.model.stack import Stack

_VERSIONED_NAME = re.compile(r"(?P<component>.*?)(?P<release>[0-9]+\.[0-9]+\.[0-9]+)")
_ROCM_NUMBER = re.compile(r"\.([0-9]{5,6})(?=[-~]|$)")
_PINNED = {"hip-runtime-amd": "hip", "rocblas": "rocblas", "miopen-hip": "miopen"}
"""AMD's packages whose versions a manifest states, with the keys that state them."""


def check_release(stack: Stack, packages: Iterable[Package]) -> None:
    """Raise VerificationFailed for the first package of another release than the one that *stack* pins.

    Only where the manifest's own roots carry the release in their names; elsewhere they carry ranges.
    """
    sets = stack.rocm.roots
    release = stack.rocm.version
    if sets is None or not any(root.partition(" ")[0].endswith(release) for root in sets.runtime):
        return
    for package in packages:
        named = _VERSIONED_NAME.fullmatch(package.name)
        if named and (named["release"] != release or not _agrees(stack, package, named["component"])):
            raise VerificationFailed(
                f"the index has `{package}`, which does not belong to ROCm {release}: it is another release's"
            )


def _agrees(stack: Stack, package: Package, component: str) -> bool:
    number = _ROCM_NUMBER.search(package.version)
    if number and number[1] != _rocm_number(stack.rocm.version):
        return False
    key = _PINNED.get(component, "")
    pinned = getattr(stack.rocm, key) if key and f"rocm.{key}" not in stack.unverified else ""
    return not pinned or bool(re.match(rf"(?:[0-9]+:)?{re.escape(pinned)}(?![0-9])", package.version))


def _rocm_number(release: str) -> str:
    """5.2.3 is 50203, 10.1.0 is 100100: as AMD writes it into each version."""
    major, minor, patch = map(int, release.split("."))
    return f"{major}{minor:02}{patch:02}"
