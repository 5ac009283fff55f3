"""The `pytorch` entries of a manifest, from the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from packaging.version import Version

Table = Mapping[str, Any]
Known = Callable[[str, str], str]
"""A value of the table and the key that it goes to: the value without its mark, which is remembered."""

PYTORCH = "https://download.pytorch.org/whl"
RPATH_FROM = Version("2.1")
"""pytorch/builder#1468: from there on the wheels' DT_RPATH, before it their DT_RUNPATH."""
NUMPY_2_FROM = Version("2.3")
MANYLINUX_FROM = Version("2.6")
"""From there on the names of the files say manylinux_2_28."""
TRITON_ROCM_FROM = Version("2.10")
"""Before it triton was called pytorch-triton-rocm."""


def amd_builds(version: str, table: Table, known: Known) -> list[dict[str, Any]]:
    """What a release takes: the wheels of every index of its own series, the newest torch first, then a nightly."""
    rows = [
        (Version(torch), name) for name in indexes_of(version, table) for torch in table["indexes"][name]["torch"]
    ]
    builds: list[dict[str, Any]] = []
    ordered = sorted(rows, key=lambda row: (row[0], Version(row[1].removeprefix("rocm"))), reverse=True)
    newest = table["indexes"][ordered[0][1]]["code"]
    for torch, name in ordered:
        build = _build(str(torch), name, f"pytorch[{len(builds)}]", table, known)
        without = [target for target in newest if target not in table["indexes"][name]["code"]]
        builds.append({**build, "without": without} if without else build)
    if table["nightly"]["index"] == f"nightly/rocm{series(version)}":
        builds.append(_nightly(table["nightly"]))
        known("~", f"pytorch[{len(builds) - 1}].urls")
    return builds


def indexes_of(version: str, table: Table) -> list[str]:
    """The indexes whose ROCm is of the series of *version*."""
    return [name for name in table["indexes"] if series(name.removeprefix("rocm")) == series(version)]


def series(version: str) -> str:
    """`6.2` of `6.2.4`."""
    return ".".join(version.split(".")[:2])


def python_tags(span: str) -> list[str]:
    """`cp39-cp312` as the tags of all that it spans."""
    first, last = (int(tag.removeprefix("cp3")) for tag in span.split("-"))
    return [f"cp3{minor}" for minor in range(first, last + 1)]


def _build(torch: str, name: str, key: str, table: Table, known: Known) -> dict[str, Any]:
    index, version = table["indexes"][name], Version(torch)
    names = ("torchvision", "torchaudio", _triton(version))
    wheels = {
        project: known(stated, f"{key}.wheels.{project}") + ("" if "triton" in project else f"+{name}")
        for project, stated in zip(names, index["torch"][torch], strict=False)
    }
    build: dict[str, Any] = {
        "torch": f"{torch}+{name}",
        "index": f"{PYTORCH}/{name}",
        "python": python_tags(_span(index, version)),
        "wheels": wheels,
        **_facts(version, series(name.removeprefix("rocm"))),
    }
    hashes = _hashes({"torch": build["torch"], **wheels}, table["hashes"])
    return {**build, "hashes": hashes} if hashes else build


def _facts(torch: Version, rocm: str) -> dict[str, Any]:
    """What follows from the versions of torch and of the ROCm in it."""
    facts: dict[str, Any] = {"constraints": ["numpy<2"]} if torch < NUMPY_2_FROM else {}
    facts |= {"bundles_rocm": True, "loader": "rpath" if torch >= RPATH_FROM else "runpath"}
    if rocm == "5.2":
        # HIP 5.2 asks for an executable stack, which glibc 2.41 refuses (github:TheTrustedComputer/ROCm-RDNA1).
        facts["glibc"] = {"max": "2.40"}
    if torch >= MANYLINUX_FROM:
        facts["glibc"] = {"min": "2.28"}
    return facts


def _span(index: Table, torch: Version) -> str:
    later = [span for first, span in index.get("from", {}).items() if torch >= Version(first)]
    return str(later[-1] if later else index["python"])


def _triton(torch: Version) -> str:
    return "triton-rocm" if torch >= TRITON_ROCM_FROM else "pytorch-triton-rocm"


def _hashes(wheels: Mapping[str, str], hashes: Mapping[str, str]) -> dict[str, str]:
    starts = tuple(f"{project.replace('-', '_')}-{version}-" for project, version in wheels.items())
    return {file: digest for file, digest in hashes.items() if file.startswith(starts)}


def _nightly(row: Table) -> dict[str, Any]:
    local = row["index"].partition("/")[2]
    versions = {project: f"{row[project]}+{local}" for project in ("torch", "torchvision")}
    files = [
        f"{project}-{version}-{tag}-{tag}-linux_x86_64.whl"
        for project, version in versions.items()
        for tag in row["python"]
    ]
    facts = _facts(Version("2.0.0"), series(local.removeprefix("rocm")))
    return {
        "torch": versions["torch"],
        "index": f"{PYTORCH}/{row['index']}",
        "python": sorted(row["python"], key=lambda tag: int(tag.removeprefix("cp3"))),
        "wheels": {"torchvision": versions["torchvision"]},
        **facts,
        "urls": {file: f"{PYTORCH}/{row['index']}/{file.replace('+', '%2B')}" for file in files},
    }


def therock_builds(row: Table, known: Known) -> list[dict[str, Any]]:
    """Builds that need ROCm wheels of their own local version beside them, and kernels for the card."""
    builds = []
    for position, (torch, stated) in enumerate(row["torch"].items()):
        key = f"pytorch[{position}]"
        rocm = re.sub(r".*\+rocm", "", torch)
        versions = {project: known(value, f"{key}.wheels.{project}") for project, value in stated.items()}
        wheels = {one: value if "+" in value else f"{value}+rocm{rocm}" for one, value in versions.items()}
        wheels |= dict.fromkeys(("rocm", "rocm-sdk-core", "rocm-sdk-libraries", "rocm-sdk-device-{gpu}"), rocm)
        if "bootstrap" in row:
            wheels["rocm-bootstrap"] = known(row["bootstrap"], f"{key}.wheels.rocm-bootstrap")
        wheels["amd-torch-device-{gpu}"] = torch
        wheels["amd-torchvision-device-{gpu}"] = wheels["torchvision"]
        builds.append(
            {
                "torch": torch,
                "index": row["index"],
                "python": python_tags(known(row["python"], f"{key}.python")),
                "extras": ["device-{gpu}"],
                "wheels": wheels,
                **_families(torch, row),
                "bundles_rocm": False,
            }
        )
    return builds


def _families(torch: str, row: Table) -> dict[str, Any]:
    """For each card the kernels that it shares with its family."""
    found = {
        card: {f"amd-torch-device-{family}": torch}
        for family, cards in row.get("family", {}).get(torch, {}).items()
        for card in cards
    }
    return {"card_wheels": found} if found else {}
