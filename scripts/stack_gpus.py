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


def _so_far(version: str, rows: Mapping[str, Any]) -> Any:
    """As `since`; empty where nothing holds yet."""
    held = [row for first, row in rows.items() if Version(first) <= Version(version)]
    return held[-1] if held else {}


def amd_gpus(version: str, compiled: Iterable[str], table: Table, known: Known) -> dict[str, Any]:
    """What is known of each card with a release, whose newest wheels are *compiled* for these targets."""
    code = list(compiled)
    gpus = _official(since(version, table["official"]), known)
    where = since(version, table["compiled"])
    gpus |= {
        target: _reported(version, target, where, table["reports"], known) for target in code if target not in gpus
    }
    for row in table["siblings"]:
        if row["of"] in code and Version(version) < Version(row.get("until", "99")):
            gpus |= _siblings(row, [target for target in row["targets"] if target not in gpus], known)
    gpus |= _rdna1(version, table["rdna1"], known)
    without = table["without_code"]
    for target in without["targets"]:
        evidence = [where, *_so_far(version, without["evidence"].get(target, {}))]
        gpus.setdefault(target, {"support": "none", "known_bad": ["torch"], "evidence": evidence})
    return gpus


def therock_gpus(name: str, table: Table, known: Known) -> dict[str, Any]:
    """What is known of each card with the new builds."""
    rows, gpus = table["therock"], dict[str, Any]()
    lists, tried, failing = rows["official_evidence"], rows["tried"][name], rows["failing"].get(name, {})
    for target in rows["official"]:
        gpus[target] = {"support": "official", **({"evidence": lists[name]} if name in lists else {})}
        known("" if name in lists else "~", f"gpus.{target}.support")
    for target in (one for one in rows["published"] if one not in failing):
        gpus[target] = {"support": "reported", "evidence": tried["evidence"]}
        known("" if target in tried["targets"] else "~", f"gpus.{target}.support")
    for target, row in failing.items():
        bad = known(row["known_bad"], f"gpus.{target}.known_bad")
        evidence = [*gpus.get(target, {}).get("evidence", ()), *row["evidence"]]
        gpus[target] = {"support": row["support"], "known_bad": [bad], "evidence": evidence}
    for target in table["rdna1"]["targets"]:
        gpus[target] = dict(rows["rdna1"])
        if target != table["rdna1"]["reported"]:
            known("~", f"gpus.{target}.known_bad")
    return gpus


def _official(row: Table, known: Known) -> dict[str, Any]:
    stated = {target.removeprefix("~"): target for target in row["targets"]}
    gpus: dict[str, Any] = {}
    for target, mark in stated.items():
        known(mark, f"gpus.{target}.support")
        evidence = row.get("own", {}).get(target, row.get("evidence", ()))
        gpus[target] = {"support": "official", **({"evidence": evidence} if evidence else {})}
    return gpus


def _reported(version: str, target: str, where: str, reports: Table, known: Known) -> dict[str, Any]:
    """A card that there is code for, as people report it; else *where* shows that the code is there."""
    row = _so_far(version, reports.get(target, {}))
    known("" if row else "~", f"gpus.{target}.support")
    return {"support": "reported", "evidence": [where], **row}


def _siblings(row: Table, targets: Iterable[str], known: Known) -> dict[str, Any]:
    said = {key: row[key] for key in ("known_bad", "evidence") if key in row}
    return {
        target: {
            "support": "reported",
            "environment": {OVERRIDE: known(row["version"], f"gpus.{target}.environment")},
            **said,
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
