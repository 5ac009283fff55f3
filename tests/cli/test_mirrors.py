"""A package that one server lacks is fetched from the next."""

from __future__ import annotations

import json

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.server import Fault


def lock(line: CommandLine, site: AcmeSite) -> None:
    """Put a lock beside the manifest; its snapshot is a second address of the same files."""
    (site.folder / "snapshot").symlink_to("apt")
    plan = json.loads(line.succeed("install", NAME, "--dry-run", "--json"))
    (source,) = plan["sources"]
    needs = {"acme-tools": ["acme-core"]}
    packages = [
        {
            **{key: one[key] for key in ("name", "version", "size", "installed_size", "sha256")},
            "architecture": "amd64",
            "filename": one["url"].removeprefix(f"{source['url']}/"),
            "sets": ["runtime"],
            "source": "0",
            "needs": needs.get(one["name"], []),
        }
        for one in plan["packages"]
    ]
    kept = {key: source[key] for key in ("suite", "date", "fingerprint", "sha256", "url")}
    content = {
        "schema": 1,
        "stack": NAME,
        "date": source["date"],
        "sources": [{**kept, "snapshot": site.server.url("snapshot")}],
        "packages": sorted(packages, key=lambda one: str(one["name"])),
    }
    (line.layout.manifests / f"{NAME}.lock").write_text(json.dumps(content))


def test_a_package_that_is_gone_comes_from_the_snapshot(line: CommandLine, site: AcmeSite):
    lock(line, site)
    path = site.archive("acme-core")
    site.server.misbehave(path, Fault(status=404))

    outcome = line.run("install", NAME, "--locked", "--yes")

    assert outcome.code == 0, outcome
    assert "trying the next mirror" in outcome.err
    assert len(site.server.asked(path.replace("apt/", "snapshot/", 1))) == 1
    assert "every file as installed" in line.succeed("verify", NAME)
    assert "2 pinned" in line.succeed("show", NAME)


def test_a_locked_installation_asks_for_no_index(line: CommandLine, site: AcmeSite):
    lock(line, site)
    site.server.requests.clear()

    line.succeed("install", NAME, "--locked", "--yes")

    assert [one.path for one in site.server.requests if "/dists/" in one.path] == []


def test_another_package_than_the_locked_one_is_refused_by_every_mirror(line: CommandLine, site: AcmeSite):
    lock(line, site)
    path = site.archive("acme-core")
    content = (site.folder / path).read_bytes()
    (site.folder / path).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    outcome = line.run("install", NAME, "--locked", "--yes")

    assert (outcome.code, line.succeed("list")) == (4, "")
    assert "as it must have" in outcome.error


def test_a_locked_installation_compares_what_is_there_with_the_lock(line: CommandLine, site: AcmeSite):
    lock(line, site)
    line.succeed("install", NAME, "--yes")
    same = line.run("install", NAME, "--locked", "--yes")
    file = line.layout.manifests / f"{NAME}.lock"
    content = json.loads(file.read_text())
    content["packages"][0]["sha256"] = "0" * 64
    file.write_text(json.dumps(content))

    other = line.run("install", NAME, "--locked", "--yes")

    assert (same.code, "is installed already" in same.err) == (0, True)
    assert (other.code, "is installed already" in other.err) == (4, False)
