"""A repository for each system, each with the same suite: which of them a host takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.errors import ManifestMistake, NotFound
from rocmswitch.fetch.place import Mirrors, locate
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.host import Host
from rocmswitch.model.source import Key, Source

NOBLE = Host("ubuntu", ("debian",), "noble", "amd64", "2.39")
FOLDERS = {"noble": "ubuntu2404", "trixie": "debian13"}
BY_HOST = Source(
    kind="apt",
    url="https://stable.repo.amd.com/rocm/core/packages/{folder}",
    folder=FOLDERS,
    suite="stable",
    key=Key(url="https://stable.repo.amd.com/rocm/gpg/packages.gpg"),
)
MANIFEST = """\
schema: 1
name: one
summary: One
rocm:
  version: "10.0.0"
  root: opt/rocm
  sets: {{runtime: [amdrocm-runtime10.0]}}
  sources:
    - {{kind: {kind}, url: "https://example.org/{url}", {more}key: {{url: "https://example.org/key"}}}}
"""


def at(source: Source, host: Host, mirror: str | None = None) -> str:
    return locate((source,), host, Mirrors(mirror))[0].in_suite("InRelease")


def test_the_folder_follows_the_hosts_code_name_and_the_suite_does_not():
    start = "https://stable.repo.amd.com/rocm/core/packages"

    assert at(BY_HOST, NOBLE) == f"{start}/ubuntu2404/dists/stable/InRelease"
    assert at(BY_HOST, replace(NOBLE, codename="trixie")) == f"{start}/debian13/dists/stable/InRelease"


def test_a_mirror_takes_the_place_of_the_server_and_not_of_the_folder():
    found = at(BY_HOST, NOBLE, "http://mirror.example.org/amd")

    assert found == "http://mirror.example.org/amd/rocm/core/packages/ubuntu2404/dists/stable/InRelease"


def test_a_host_without_a_folder_is_told_which_there_are():
    with pytest.raises(NotFound) as caught:
        at(BY_HOST, replace(NOBLE, codename="focal"))

    assert caught.value.message.endswith("has no repository for `focal`, only for `noble`, `trixie`")


@pytest.mark.parametrize(
    ("kind", "url", "more"),
    [
        ("apt", "{folder}", "suite: stable, "),
        ("apt", "apt", "suite: stable, folder: {default: ubuntu2404}, "),
        ("tarball", "{folder}", "folder: {default: ubuntu2404}, "),
        ("apt", "{folder}", "suite: stable, folder: {default: ../../etc}, "),
        ("apt", "{folder}", "suite: stable, folder: {noble: ''}, "),
    ],
)
def test_a_folder_and_its_place_in_the_url_need_each_other(kind: str, url: str, more: str):
    with pytest.raises(ManifestMistake, match="folder"):
        parse_manifest(MANIFEST.format(kind=kind, url=url, more=more).encode(), "one.yaml")
