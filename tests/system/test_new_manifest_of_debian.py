"""`manifest new` on Debian's real archive finds what the manifest that people wrote has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rocmswitch.host.apt import host_mirror
from rocmswitch.host.facts import read_host
from rocmswitch.metadata.manifest import parse_manifest, parse_root
from rocmswitch.model.source import SET_NAMES
from rocmswitch.model.stack import Stack
from rocmswitch.store.catalog import Catalog, shipped_manifests
from tests.support.commandline import CommandLine

pytestmark = [pytest.mark.network, pytest.mark.system]
NAME = "debian-5.2.3"


def names(stack: Stack) -> dict[str, set[str]]:
    sets = stack.rocm.sets
    return {key: {parse_root(one)[0] for one in getattr(sets, key)} for key in SET_NAMES}


def test_the_archive_of_bookworm_gives_the_sets_and_the_host_of_5_2_3(tmp_path: Path) -> None:
    line = CommandLine(tmp_path)
    mirror = host_mirror(Path("/"), "debian", read_host()) or "http://ftp.debian.org/debian"
    file = tmp_path / f"{NAME}.yaml"

    line.succeed(
        *("manifest", "new", "--from-repository", mirror, "--suite", "bookworm", "--from", NAME, "-o", str(file))
    )

    found, ours = parse_manifest(file.read_bytes(), file.name), Catalog(shipped_manifests()).read(NAME).stack
    assert names(found) == names(ours)
    assert (found.rocm.version, found.rocm.root) == (ours.rocm.version, ours.rocm.root)
    assert (found.rocm.sources, found.rocm.environment) == (ours.rocm.sources, ours.rocm.environment)
    assert found.rocm.host == ours.rocm.host


def test_what_was_written_can_be_installed(tmp_path: Path) -> None:
    line = CommandLine(tmp_path)
    mirror = host_mirror(Path("/"), "debian", read_host()) or "http://ftp.debian.org/debian"
    file = line.add_manifest("mine", b"")
    file.unlink()
    line.succeed("manifest", "new", "--from-repository", mirror, "--suite", "bookworm", "-o", str(file))

    plan = json.loads(line.succeed("install", "mine", "--dry-run", "--json"))

    assert {"libamdhip64-5", "rocminfo", "rocm-smi"} <= {one["name"] for one in plan["packages"]}
    assert {one["verification"] for one in plan["packages"]} == {"signed"}
