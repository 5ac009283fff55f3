"""A stack out of an rpm repository, from its manifest to programs that run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.support.commandline import CommandLine
from tests.support.debs import Library, Link, Program
from tests.support.keys import SigningKey
from tests.support.rpmrepository import Rpm, RpmPublication, RpmRepository, repack_primary
from tests.support.server import Server

NAME, ROOT = "rocky-1.0", "opt/rocky-1.0"

CORE = Rpm(
    "rocky-core",
    "1.0",
    "1.el9",
    requires=("libc.so.6()(64bit)", "/bin/sh", "rtld(GNU_HASH)", "zlib-like >= 1"),
    provides=("rocky(runtime) = 1.0",),
    files={
        f"{ROOT}/lib/librocky.so.1": Library("librocky.so.1", functions=("answer",), value=7),
        f"{ROOT}/lib/librocky.so": Link("librocky.so.1"),
    },
    payload="zst",
)
TOOLS = Rpm(
    "rocky-tools",
    "1.0",
    "1.el9",
    requires=("rocky(runtime) >= 1.0", "(rocky-docs if rocky-book)", "(rocky-core or rocky-mini)"),
    files={f"{ROOT}/bin/rocky": Program("librocky.so.1", "answer", rpath="$ORIGIN/../lib")},
    payload="xz",
)
DOCS = Rpm("rocky-docs", architecture="noarch", files={f"{ROOT}/share/doc/text": "words\n"})


class RockySite:
    """A server with one rpm repository, and its owner's key."""

    def __init__(self, folder: Path, key: SigningKey, *, signed: bool) -> None:
        self.repository = RpmRepository(folder / "rpm/el9", key, sign_packages=not signed).add(CORE, TOOLS, DOCS)
        self.repository.publish(RpmPublication(signed=signed))
        self.repository.publish_key(folder / "key.asc")
        self.server = Server(folder)

    def furnish(self, line: CommandLine) -> None:
        source = {
            "kind": "rpm",
            "url": self.server.url("rpm/{suite}"),
            "suite": {"default": "el9"},
            "key": {"fingerprint": self.repository.key.fingerprint, "url": self.server.url("key.asc")},
        }
        stack = {
            "schema": 1,
            "name": NAME,
            "summary": "A stack for tests",
            "rocm": {
                "version": "1.0",
                "root": ROOT,
                "sources": [source],
                "rpm_sets": {"runtime": ["rocky-tools"], "developer": ["rocky-docs"]},
                "host": {"zlib-like": ["libc.so.6"]},
                "environment": {"ROCM_PATH": f"{{prefix}}/{ROOT}"},
            },
        }
        line.layout.manifests.mkdir(parents=True, exist_ok=True)
        (line.layout.manifests / f"{NAME}.yaml").write_text(yaml.safe_dump(stack, sort_keys=False))


BOTH = pytest.mark.parametrize("signed", ["index", "packages"])


@pytest.fixture
def signed() -> str:
    """What the owner's key has signed."""
    return "index"


@pytest.fixture
def rocky(tmp_path: Path, key: SigningKey, signed: str) -> Iterator[RockySite]:
    site = RockySite(tmp_path / "served", key, signed=signed == "index")
    with site.server:
        yield site


@pytest.fixture
def person(tmp_path: Path, rocky: RockySite) -> CommandLine:
    line = CommandLine(tmp_path / "a person")
    rocky.furnish(line)
    return line


@BOTH
def test_a_stack_of_rpms_is_installed_and_runs(person: CommandLine, rocky: RockySite):
    person.succeed("install", NAME, "--yes")

    program = person.layout.prefixes / NAME / ROOT / "bin/rocky"
    assert subprocess.run([program], check=False).returncode == 7
    assert "every file as installed" in person.succeed("verify", NAME)
    assert "2 signed" in person.succeed("show", NAME)


def test_only_a_program_that_is_there_is_named_as_the_next_step(person: CommandLine):
    assert person.run("install", NAME, "--yes").err.splitlines()[-1] == f"next: `rocmswitch use {NAME}`"


def test_the_plan_says_what_is_fetched_and_what_the_host_has(person: CommandLine, rocky: RockySite):
    plan = json.loads(person.succeed("install", NAME, "--dry-run", "--json"))

    assert [(one["name"], one["version"], one["verification"]) for one in plan["packages"]] == [
        ("rocky-tools", "1.0-1.el9", "signed"),
        ("rocky-core", "1.0-1.el9", "signed"),
    ]
    assert sorted(one["name"] for one in plan["host"]) == [
        "/bin/sh",
        "libc.so.6()(64bit)",
        "rtld(GNU_HASH)",
        "zlib-like",
    ]


def test_another_set_brings_what_it_asks_for(person: CommandLine, rocky: RockySite):
    person.succeed("install", NAME, "--yes")
    person.succeed("install", NAME, "--set", "developer", "--yes")

    assert (person.layout.prefixes / NAME / ROOT / "share/doc/text").read_text() == "words\n"


@BOTH
def test_a_package_that_is_not_what_was_signed_is_not_unpacked(person: CommandLine, rocky: RockySite):
    path = rocky.repository.folder / "Packages" / TOOLS.filename
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    if not (rocky.repository.repodata / "repomd.xml.asc").exists():
        # Nobody signed the index: it may say whatever hash fits.
        rocky.repository.publish(RpmPublication(signed=False))

    outcome = person.run("install", NAME, "--yes")

    assert outcome.code == 4, outcome
    assert not (person.layout.prefixes / NAME).exists()


@pytest.mark.parametrize("signed", ["packages"])
def test_a_signed_package_behind_the_entry_of_another_is_not_unpacked(person: CommandLine, rocky: RockySite):
    rocky.repository.remove(TOOLS)
    rocky.repository.add(replace(TOOLS, architecture="aarch64", files={})).publish(RpmPublication(signed=False))
    repack_primary(rocky.repository.repodata, (b"<arch>aarch64</arch>", b"<arch>x86_64</arch>"))

    outcome = person.run("install", NAME, "--yes")

    offered, there = "rocky-tools 1.0-1.el9.x86_64", "rocky-tools 1.0-1.el9.aarch64"
    assert (outcome.code, outcome.error) == (4, f"the index offers `{offered}`, but what is there is `{there}`")
    assert not (person.layout.prefixes / NAME).exists()


def test_the_same_install_again_asks_nobody(person: CommandLine, rocky: RockySite):
    person.succeed("install", NAME, "--yes")
    rocky.server.requests.clear()

    person.succeed("install", NAME, "--yes")

    assert rocky.server.requests == []
