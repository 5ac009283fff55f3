"""Whether AMD supports a kernel driver together with a ROCm user space.

Source: "User and AMD GPU Driver (amdgpu) support matrix" of AMD's Linux installation documentation
(install-on-linux/reference/user-kernel-space-compat-matrix): they go together for plus or minus two releases, and
since ROCm 6.4 for up to a year; its table of 2025-09 has 6.2 of 2024-08 beside 7.0 of 2025-09. AMD states nothing
of the amdgpu of the kernel itself, so nothing is said of that. Which driver is of which release: the versions of
amdgpu-dkms in the folders of repo.radeon.com/amdgpu (`6.8.5.60200` in 6.2; the drivers 30.10, 30.20 and 30.30 are
of 7.0, 7.1 and 7.2).
"""

from __future__ import annotations

from dataclasses import dataclass

_NEIGHBOURS = 2
_A_YEAR = 14
"""Months between two first releases that AMD still lists as a year apart."""
_SINCE = "6.4"


@dataclass(frozen=True)
class _Release:
    version: str
    driver: str
    """The version that the module of amdgpu-dkms has."""
    month: int
    """Of its first release, counted from the year 0."""


def _release(version: str, driver: str, year: int, month: int) -> _Release:
    return _Release(version, driver, 12 * year + month)


_RELEASES = (
    _release("5.3", "5.18.2", 2022, 10),
    _release("5.4", "5.18.13", 2022, 11),
    _release("5.5", "6.0.5", 2023, 5),
    _release("5.6", "6.1.5", 2023, 6),
    _release("5.7", "6.2.4", 2023, 9),
    _release("6.0", "6.3.6", 2023, 12),
    _release("6.1", "6.7.0", 2024, 4),
    _release("6.2", "6.8.5", 2024, 8),
    _release("6.3", "6.10.5", 2024, 12),
    _release("6.4", "6.12.12", 2025, 4),
    _release("7.0", "6.14.14", 2025, 9),
    _release("7.1", "6.16.6", 2025, 10),
    _release("7.2", "6.16.13", 2026, 1),
)
_VERSIONS = tuple(one.version for one in _RELEASES)


def release_of(driver: str) -> str:
    """The ROCm release (`6.2`) that a module's version belongs to (`6.8.5`); empty where that is not known."""
    return next((one.version for one in _RELEASES if f"{driver}.".startswith(f"{one.driver}.")), "")


def is_far(driver: str, rocm: str) -> bool | None:
    """Whether AMD does not support ROCm *rocm* (`6.2.4`) on that driver; None where its table has not both."""
    kernel, user = release_of(driver), ".".join(rocm.split(".")[:2])
    if kernel not in _VERSIONS or user not in _VERSIONS:
        return None
    first, last = sorted((_VERSIONS.index(kernel), _VERSIONS.index(user)))
    if last - first <= _NEIGHBOURS:
        return False
    is_recent = last >= _VERSIONS.index(_SINCE)
    return not (is_recent and _RELEASES[last].month - _RELEASES[first].month <= _A_YEAR)
