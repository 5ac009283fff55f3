"""Write the manifests of AMD's releases and new builds from the tables beside this file."""

from __future__ import annotations

import argparse
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from packaging.version import Version
from stack_compare import compare
from stack_gpus import amd_gpus, since, therock_gpus
from stack_sources import amd_sources, package_sets, therock_sets, therock_sources
from stack_wheels import Table, amd_builds, indexes_of, series, therock_builds

from rocmswitch.metadata.manifestwriter import write_manifest

HERE = Path(__file__).resolve().parent
MANIFESTS = HERE.parent / "manifests"
HEADER = "# Written by scripts/manifests from the tables beside it: change those, not this file.\n"
RDNA1_SAYS = ", the last that RDNA1 cards run by an override"


class Doubts:
    """Remembers which keys hold what was not read in a source."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def known(self, value: str, key: str) -> str:
        """*value* without the mark; with it, *key* is in doubt."""
        if value.startswith("~") and key not in self.keys:
            self.keys.append(key)
        return value.removeprefix("~")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name the files that differ")
    parser.add_argument("--compare", nargs="+", metavar=("NAME", "URL"), help="ask NAME's repository, or URL's")
    asked = parser.parse_args()
    if asked.compare:
        return compare(*asked.compare)
    check = asked.check
    wrong = stale(MANIFESTS)
    for name in wrong:
        print(f"{name}: {'differs from the tables' if check else 'written'}", file=sys.stderr)
    if not check:
        for name, text in written().items():
            (MANIFESTS / name).write_text(text)
        for name in set(wrong) - set(written()):
            (MANIFESTS / name).unlink()
    return 1 if check and wrong else 0


def written() -> dict[str, str]:
    """The files by name."""
    stacks, gpus = read("stack_table.yaml"), read("gpu_table.yaml")
    found = {f"rocm-{version}.yaml": render(amd_stack(version, stacks, gpus)) for version in stacks["releases"]}
    return found | {f"therock-{name}.yaml": render(therock_stack(name, stacks, gpus)) for name in stacks["therock"]}


def stale(folder: Path) -> list[str]:
    """The files of *folder* that are not what the tables say, are missing, or are no longer in the tables."""
    there = {file.name: file.read_text() for file in folder.glob("*.yaml")}
    ours = {name: text for name, text in there.items() if text.startswith(HEADER)}
    wanted = written()
    return sorted(name for name in {*ours, *wanted} if there.get(name) != wanted.get(name))


@cache
def read(name: str) -> dict[str, Any]:
    """A table; every scalar is text."""
    table: dict[str, Any] = yaml.load((HERE / name).read_bytes(), Loader=yaml.BaseLoader)
    return table


def amd_stack(version: str, table: Table, gpus: Table) -> dict[str, Any]:
    """The manifest of a release of AMD's apt repository."""
    row, doubts, host = table["releases"][version], Doubts(), read("host_table.yaml")
    stated = {key: doubts.known(row[key], f"rocm.{key}") for key in ("hip", "rocblas", "miopen") if key in row}
    rocm = {
        "version": version,
        "root": f"opt/rocm-{version}",
        **stated,
        "sources": amd_sources(version, table, read("package_table.yaml"), doubts.known, host["debian"]),
        **package_sets(version),
        **host_facts(since(version, host["releases"]), host["rpm"]),
        "environment": environment(f"{{prefix}}/opt/rocm-{version}"),
    }
    for key in ("sets", "rpm_sets", "host", "environment"):
        doubts.known("~", f"rocm.{key}")
    builds = amd_builds(version, table, doubts.known)
    newest = max(indexes_of(version, table), key=lambda name: Version(name.removeprefix("rocm")))
    return assembled(
        f"rocm-{version}",
        f"ROCm {version} with PyTorch {_listed(builds)}{RDNA1_SAYS if series(version) == '5.2' else ''}",
        row,
        (rocm, builds, amd_gpus(version, table["indexes"][newest]["code"], gpus, doubts.known)),
        doubts,
    )


def therock_stack(name: str, table: Table, gpus: Table) -> dict[str, Any]:
    """The manifest of one of AMD's new builds."""
    row, doubts = table["therock"][name], Doubts()
    host, packages = read("host_table.yaml"), read("package_table.yaml")
    rocm = {
        "version": row["rocm"],
        "root": f"opt/rocm/core-{name}",
        **{key: row[key] for key in ("hip", "miopen") if key in row},
        "sources": therock_sources(row, packages["therock"][name], packages["hosts"], doubts.known, host["debian"]),
        **therock_sets(row["rocm"]),
        **host_facts(host["therock"], host["rpm"]),
        "environment": {"HIP_PLATFORM": "amd", "ROCM_PATH": "{root}"},
    }
    for key in ("host", *(() if name == "10.0" else ("sets", "rpm_sets"))):
        doubts.known("~", f"rocm.{key}")
    builds = therock_builds(row, doubts.known)
    summary = f"AMD's new builds of ROCm {name}, with PyTorch {_listed(builds)}, RDNA1 cards included"
    parts = (rocm, builds, therock_gpus(name, gpus, doubts.known))
    return assembled(f"therock-{name}", summary, row, parts, doubts)


def assembled(name: str, summary: str, row: Table, parts: tuple[Any, Any, Any], doubts: Doubts) -> dict[str, Any]:
    """The whole, in the order in which people read it."""
    released = {"released": doubts.known(row["released"], "released")} if "released" in row else {}
    rocm, builds, gpus = parts
    return {
        "schema": 1,
        "name": name,
        "summary": summary,
        **released,
        "rocm": rocm,
        "pytorch": builds,
        "gpus": gpus,
        **({"unverified": doubts.keys} if doubts.keys else {}),
    }


def host_facts(row: Table, rpm: Table) -> dict[str, Any]:
    """What a machine has to have, by the names that its packages have in both worlds."""
    return {"host_only": row["host_only"], "host": {**row["host"], **rpm}}


def environment(root: str) -> dict[str, str]:
    """What hipcc and rocm-cmake look at."""
    return {
        "HIP_PLATFORM": "amd",
        "HIP_PATH": root,
        "ROCM_PATH": root,
        "HIP_CLANG_PATH": f"{root}/llvm/bin",
        "HIP_DEVICE_LIB_PATH": f"{root}/amdgcn/bitcode",
    }


def render(stack: dict[str, Any]) -> str:
    """As YAML of the strict kind that manifests are."""
    return HEADER + write_manifest(stack, [read("host_table.yaml")["remarks"][stack["name"].split("-")[0]]])


def _listed(builds: list[dict[str, Any]]) -> str:
    """`2.7.1, 2.7.0 or 2.6.0`; of many the ends."""
    versions = list(dict.fromkeys(one["torch"].partition("+")[0] for one in builds if "dev" not in one["torch"]))
    if len(versions) > 4:
        return f"{versions[-1]} to {versions[0]}"
    return " or ".join(filter(None, (", ".join(versions[:-1]), versions[-1])))


if __name__ == "__main__":
    sys.exit(main())
