"""AMD's layouts on a local server, by the shipped manifests: a release by rpm, a new build by apt and tarball."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rocmswitch.host.facts import read_host
from rocmswitch.planning.suites import suite_for
from rocmswitch.store.catalog import Catalog, shipped_manifests
from tests.support.amdrpms import amd_driver_rpms, amd_rpms
from tests.support.commandline import CommandLine
from tests.support.keys import SigningKey
from tests.support.server import Server
from tests.support.therocksite import ANSWER, TherockSite, shipped

RELEASE = "rocm-6.2.4"
NEW = "therock-10.1"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture(scope="module")
def therock(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Iterator[TherockSite]:
    with TherockSite(tmp_path_factory.mktemp("therock"), key) as site:
        yield site


@pytest.fixture(scope="module")
def radeon(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Iterator[Server]:
    """In the folders that this machine takes."""
    folder = tmp_path_factory.mktemp("radeon")
    rocm, driver = (
        suite_for(one, read_host())
        for one in Catalog(shipped_manifests()).read(RELEASE).stack.rocm.sources
        if one.kind == "rpm"
    )
    amd_rpms(folder, key, rocm)
    amd_driver_rpms(folder, key, driver)
    with Server(folder) as server:
        yield server


def let_radeon(line: CommandLine, key: SigningKey) -> None:
    """The shipped manifest with the server's key."""
    stack: dict[str, Any] = shipped(RELEASE)
    for source in stack["rocm"]["sources"]:
        source["key"]["fingerprint"] = key.fingerprint
    line.add_manifest(RELEASE, yaml.safe_dump({**stack, "replaces": RELEASE}, sort_keys=False).encode())


def receipt(line: CommandLine, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(line.succeed("show", name, "--json"))["receipt"]
    return read


def test_a_release_is_installed_from_its_rpms(line: CommandLine, radeon: Server, key: SigningKey) -> None:
    let_radeon(line, key)

    line.succeed(
        *("install", RELEASE, "--source", "rpm", "--set", "libraries", "--yes"),
        "--mirror",
        radeon.url("").rstrip("/"),
    )

    found = receipt(line, RELEASE)
    names = {one["name"] for one in found["packages"]}
    assert {"rocm-hip-runtime6.2.4", "rocblas6.2.4", "libdrm-amdgpu"} <= names
    assert {one["verification"] for one in found["packages"]} == {"signed"}
    assert line.run("run", RELEASE, "--", "rocminfo").code == ANSWER
    assert "every file as installed" in line.succeed("verify", RELEASE)


def test_sets_add_up_from_the_kind_that_is_installed(line: CommandLine, radeon: Server, key: SigningKey) -> None:
    let_radeon(line, key)
    mirror = ("--mirror", radeon.url("").rstrip("/"), "--yes")
    line.succeed("install", RELEASE, "--source", "rpm", *mirror)

    line.succeed("install", RELEASE, "--set", "compiler", *mirror)

    names = {one["name"] for one in receipt(line, RELEASE)["packages"]}
    assert {"rocm-hip-runtime-devel6.2.4", "hip-devel6.2.4", "rocm-hip-runtime6.2.4"} <= names


def test_a_new_build_is_installed_from_its_tarball(line: CommandLine, therock: TherockSite) -> None:
    therock.let(line)

    line.succeed("install", NEW, "--source", "tarball", "--yes")

    tree = line.layout.prefixes / NEW / "opt/rocm/core-10.1"
    assert (tree / ".info/version").read_text() == "10.1.0\n"
    assert line.run("run", NEW, "--", "rocminfo").code == ANSWER
    assert line.succeed("run", NEW, "--", "sh", "-c", "echo $ROCM_PATH") == f"{tree}\n"
    assert {one["verification"] for one in receipt(line, NEW)["packages"]} == {"pinned"}


def test_a_new_build_is_installed_from_its_packages_for_one_card(line: CommandLine, therock: TherockSite) -> None:
    therock.let(line)

    line.succeed("install", NEW, "--source", "apt", "--set", "libraries", "--gpu", "gfx1100", "--yes")

    names = {one["name"] for one in receipt(line, NEW)["packages"]}
    assert {"amdrocm10.1-gfx1100", "amdrocm-blas10.1-gfx1100", "amdrocm-runtime10.1"} <= names
    assert not [name for name in names if name.endswith("gfx90a")]
    assert line.run("run", NEW, "--", "rocminfo").code == ANSWER


def test_packages_whose_key_nobody_knows_are_refused_until_the_fingerprint_is_stated(
    line: CommandLine, therock: TherockSite, key: SigningKey
) -> None:
    therock.let(line, knows_key=False)
    words = ("install", NEW, "--source", "apt", "--yes")

    refused = line.run(*words)
    line.succeed(*words, "--key", key.fingerprint)

    assert refused.code == 4
    assert "--key FINGERPRINT" in refused.hint
    assert receipt(line, NEW)["sources"][0]["fingerprint"] == key.fingerprint


def test_without_a_word_the_tarball_takes_the_place_of_packages_with_an_unknown_key(
    line: CommandLine, therock: TherockSite
) -> None:
    therock.let(line, knows_key=False)

    done = line.run("install", NEW, "--yes")

    assert done.code == 0, done
    assert {one["verification"] for one in receipt(line, NEW)["packages"]} == {"pinned"}
