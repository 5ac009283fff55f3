"""The `gpus` of a manifest, from the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from packaging.version import Version
from stack_wheels import Known, Table

OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"


def since(version: str, rows: Mapping[str, Any]) -> Any:
    """The row of *rows*, keyed by the release from which each holds, that holds for *version*."""
    return [row for first, row in rows.items() if Version(first) <= Version(version)][-1]


def amd_gpus(version: str, compiled: Iterable[str], table: Table, known: Known) -> dict[str, Any]:
    """What is known of each card with a release, whose newest wheels are *compiled* for these targets."""
    code = list(compiled)
    gpus = _official(since(version, table["official"]), known)
    where = since(version, table["compiled"])
    gpus |= {target: {"support": "reported", "evidence": [where]} for target in code if target not in gpus}
    for row in table["siblings"]:
        if row["of"] in code:
            gpus |= _siblings(row, [target for target in row["targets"] if target not in gpus], known)
    gpus |= _rdna1(version, table["rdna1"], known)
    for target in table["without_code"]["targets"]:
        gpus[target] = {"support": "none", "known_bad": ["torch"], "evidence": [where]}
    return gpus


def therock_gpus(name: str, table: Table, known: Known) -> dict[str, Any]:
    """What is known of each card with the new builds."""
    rows = table["therock"]
    gpus: dict[str, Any] = {target: {"support": "official"} for target in rows["official"]}
    if name in rows["assumed"]:
        for target in gpus:
            known("~", f"gpus.{target}.support")
    for target in rows["published"]:
        gpus[target] = {"support": "reported", "evidence": rows["evidence"]}
        if name not in rows["published_in"]:
            known("~", f"gpus.{target}.support")
    for target in table["rdna1"]["targets"]:
        gpus[target] = dict(rows["rdna1"])
        if target != table["rdna1"]["reported"]:
            known("~", f"gpus.{target}.known_bad")
    return gpus


def _official(row: Table, known: Known) -> dict[str, Any]:
    evidence = {"evidence": row["evidence"]} if "evidence" in row else {}
    targets = [target.removeprefix("~") for target in row["targets"]]
    for target, stated in zip(targets, row["targets"], strict=True):
        known(stated, f"gpus.{target}.support")
    return {target: {"support": "official", **evidence} for target in targets}


def _siblings(row: Table, targets: Iterable[str], known: Known) -> dict[str, Any]:
    return {
        target: {
            "support": "reported",
            "environment": {OVERRIDE: known(row["version"], f"gpus.{target}.environment")},
            "evidence": row["evidence"],
        }
        for target in targets
    }


def _rdna1(version: str, rows: Table, known: Known) -> dict[str, Any]:
    row = rows["until_5.3"]
    for first in ("5.3", "6.2"):
        row = rows[f"from_{first}"] if Version(version) >= Version(first) else row
    gpu: dict[str, Any] = {"support": row["support"]}
    if "override" in row:
        gpu["environment"] = {OVERRIDE: row["override"]}
    gpu["profiles"] = rows["profiles"]
    gpu |= {key: row[key] for key in ("convolutions", "known_bad", "evidence") if key in row}
    for target in rows["targets"]:
        known("~", f"gpus.{target}.profiles")
        if target != rows["reported"]:
            known("~", f"gpus.{target}.{'environment' if 'override' in row else 'known_bad'}")
    return dict.fromkeys(rows["targets"], gpu)
