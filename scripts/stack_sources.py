"""The `sources` of a manifest and the names of its packages, from the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stack_gpus import since

Table = Mapping[str, Any]
Known = Callable[[str, str], str]
"""A value of the table and the key that it goes to: the value without its mark, which is remembered."""

RADEON = "https://repo.radeon.com"
COMPONENT = ["main"]
LIBDRM = ["amdgpu-core", "libdrm-amdgpu-amdgpu1", "libdrm-amdgpu-common", "libdrm2-amdgpu"]
RPM_LIBDRM = ["amdgpu-core", "libdrm-amdgpu", "libdrm-amdgpu-common"]
LIBDRM_PRIORITY, DEBIAN_PRIORITY = 400, 100
WHEELS_ROOT = "_rocm_sdk_core"


class Sources:
    """A list of sources in the making, each of which knows its own key in the manifest."""

    def __init__(self, known: Known) -> None:
        self.made: list[dict[str, Any]] = []
        self._known = known

    def add(self, **source: Any) -> None:
        """The next one, with the marks of what was not read taken off: the key that held it is remembered."""
        start = f"rocm.sources[{len(self.made)}]"
        self.made.append({key: self._unmarked(value, f"{start}.{key}") for key, value in source.items()})

    def _unmarked(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: self._unmarked(one, key) for name, one in value.items()}
        if isinstance(value, list):
            return [self._unmarked(one, key) for one in value]
        return self._known(value, key) if isinstance(value, str) else value


def amd_sources(version: str, table: Table, packages: Table, known: Known, debian: Table) -> list[dict[str, Any]]:
    """AMD's apt repository, the one that libdrm is in, Debian's for what a machine may lack; both of rpm."""
    row, folder = table["releases"][version], version.removesuffix(".0")
    doubt = "~" if "exists" in row else ""
    apt = {"kind": "apt", "components": COMPONENT, "key": dict(table["key"])}
    suites = row.get("suites", since(version, table["suites"]))
    made = Sources(known)
    made.add(**apt, url=f"{doubt}{RADEON}/rocm/apt/{folder}", suite=_suite([doubt + one for one in suites]))
    beside = ["~jammy", "~focal"] if suites == ["ubuntu"] else suites
    place, mark = _libdrm(version, table)
    made.add(
        **apt,
        url=f"{mark}{RADEON}/{place}/ubuntu",
        suite=_suite(beside),
        priority=LIBDRM_PRIORITY,
        packages=LIBDRM,
    )
    made.add(**_debian(debian))
    rpm = {"kind": "rpm", "key": dict(table["key"])}
    folders = since(version, packages["rpm_folders"])
    made.add(**rpm, url=f"{doubt}{RADEON}/rocm/{{suite}}/{folder}/main", suite=_by_host(folders))
    made.add(
        **rpm,
        url=f"{mark}{RADEON}/{place}/{{suite}}/main/x86_64",
        suite=_by_host(since(version, packages["rpm_libdrm"])),
        priority=LIBDRM_PRIORITY,
        packages=RPM_LIBDRM,
    )
    return made.made


def therock_sources(row: Table, packages: Table, hosts: Table, known: Known, debian: Table) -> list[dict[str, Any]]:
    """The wheels, packages of both kinds, and the tarball of one of AMD's new builds."""
    root, made = f"opt/rocm/core-{_short(row['rocm'])}", Sources(known)
    made.add(kind="wheels", url=row["index"], root=WHEELS_ROOT)
    repository = {"key": dict(packages["key"]), "root": root}
    apt = {"kind": "apt", "components": COMPONENT, "suite": "stable", **repository}
    made.add(**apt, url=f"{packages['packages']}/{{folder}}", folder=dict(hosts["apt"]))
    made.add(**_debian(debian))
    made.add(kind="rpm", **repository, url=f"{packages['packages']}/{{suite}}/x86_64", suite=dict(hosts["rpm"]))
    digest = {"digest": packages["digest"]} if "digest" in packages else {}
    made.add(kind="tarball", url=packages["tarball"], root=root, **digest)
    return made.made


def _debian(key: Table) -> dict[str, Any]:
    """For what a machine may lack."""
    apt = {"kind": "apt", "archive": "debian", "suite": "bookworm", "components": COMPONENT}
    return {**apt, "priority": DEBIAN_PRIORITY, "key": dict(key)}


def _libdrm(version: str, table: Table) -> tuple[str, str]:
    """The folder of the repository that libdrm is in, and the mark of what was not read."""
    name = since(version, table["libdrm"])
    folder = table["releases"][version].get("driver", version.removesuffix(".0"))
    return f"{name.removeprefix('~')}/{folder}", "~" if name.startswith("~") else ""


def _suite(suites: list[str]) -> str | dict[str, str]:
    if len(suites) == 1:
        return suites[0]
    names = [one.removeprefix("~") for one in suites]
    return {**dict(sorted(zip(names, suites, strict=True))), "default": suites[0]}


def _by_host(folders: Table) -> dict[str, str]:
    """Other hosts take what runs on the oldest C library."""
    return {**folders, "default": folders["el8"]}


def package_sets(version: str) -> dict[str, dict[str, list[str]]]:
    """Only packages with the version in their names can stand beside another release's."""
    return {
        key: {
            "runtime": [f"rocm-hip-runtime{version}", f"rocminfo{version}"],
            "compiler": [f"rocm-hip-runtime-{headers}{version}"],
            "libraries": [f"rocm-hip-libraries{version}", f"miopen-hip{version}"],
            "developer": [f"rocm-hip-sdk{version}", f"miopen-hip-{headers}{version}"],
        }
        for key, headers in (("sets", "dev"), ("rpm_sets", "devel"))
    }


def therock_sets(version: str) -> dict[str, dict[str, list[str]]]:
    """The names of ROCm/TheRock, build_tools/packaging/linux/package.json, with the version in them."""
    short = _short(version)
    return {
        key: {
            "runtime": [f"amdrocm-runtime{short}"],
            "compiler": [f"amdrocm-runtime-{headers}{short}", f"amdrocm-llvm-{headers}{short}"],
            "libraries": [f"amdrocm{short}-{{gpu}}"],
            "developer": [f"amdrocm-core-sdk{short}-{{gpu}}"],
        }
        for key, headers in (("sets", "dev"), ("rpm_sets", "devel"))
    }


def _short(version: str) -> str:
    """`10.0` of `10.0.0`."""
    return ".".join(version.split(".")[:2])
