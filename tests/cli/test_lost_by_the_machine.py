"""What a stack was to find on a machine, and what that has lost since, or has too new now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rocmswitch.host.libraries import HostLibraries
from rocmswitch.store.receipts import read_receipt
from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.debs import Deb

HEADERS = "usr/share/acme-headers/vector"
PROVEN, GONE = "bin/sh", "include/gone/*/vector (<< 16)"
FOUND = f"machine-lacks:{NAME}"


@pytest.fixture
def site(site: AcmeSite) -> AcmeSite:
    """acme-tools needs headers, which need a library."""
    site.repository.add(
        Deb("acme-tools", "1.0-2", "acme-core (>= 1.0), acme-headers", files={"usr/bin/greet": "#!/bin/sh\n"}),
        Deb("acme-headers", "16-1", "acme-runtime", files={HEADERS: "template\n"}),
        Deb("acme-runtime", "16-1", files={"usr/share/acme-runtime": "runtime\n"}),
    )
    site.publish()
    return site


def let(site: AcmeSite, line: CommandLine, headers: str, runtime: str) -> None:
    """What proves that a machine has them."""
    site.let(line, rocm={"host": {"acme-headers": [headers], "acme-runtime": [runtime]}})


def installed(site: AcmeSite, line: CommandLine) -> Path:
    """On a machine that has the headers."""
    let(site, line, PROVEN, PROVEN)
    line.succeed("install", NAME, "--yes")
    site.server.requests.clear()
    return line.layout.prefixes / NAME


def told(line: CommandLine, *words: str) -> list[str]:
    return [one["id"] for one in json.loads(line.run("doctor", NAME, "--json", *words).out)]


def test_what_the_machine_has_lost_is_found_and_carried_along_by_the_installation_that_doctor_names(
    site: AcmeSite, line: CommandLine
):
    prefix = installed(site, line)
    let(site, line, GONE, PROVEN)

    found = line.run("doctor", NAME)
    mended = line.run("install", NAME, "--yes")

    assert (found.code, f"fix: run `rocmswitch install {NAME}`" in found.out) == (4, True), found
    assert "this machine no longer has what it needs: acme-headers" in mended.err
    assert [one.name for one in read_receipt(prefix).packages if one.place == "base"] == ["acme-headers"]
    assert (mended.code, (prefix / "base" / HEADERS).is_file(), told(line)) == (0, True, [])
    assert "is installed already" in line.run("install", NAME).err


def test_where_nothing_changed_nothing_is_asked_of_a_server(site: AcmeSite, line: CommandLine):
    installed(site, line)

    outcome = line.run("install", NAME)

    assert (outcome.code, "is installed already" in outcome.err) == (0, True), outcome
    assert (site.server.requests, told(line)) == ([], [])


def test_what_only_the_machines_own_packages_need_is_not_asked_for(site: AcmeSite, line: CommandLine):
    installed(site, line)
    let(site, line, PROVEN, GONE)

    outcome = line.run("install", NAME)

    assert (outcome.code, "is installed already" in outcome.err, told(line)) == (0, True, []), outcome


def test_another_machine_is_looked_at_where_doctor_is_told_so(site: AcmeSite, line: CommandLine, tmp_path: Path):
    installed(site, line)
    c_library = HostLibraries().find("libc.so.6")
    if c_library is None:
        pytest.skip("needs a machine whose C library is glibc")
    folder = tmp_path / "machine/usr/lib"
    folder.mkdir(parents=True)
    shutil.copy(c_library, folder / "libc.so.6")

    assert told(line, "--sysroot", str(tmp_path / "machine")) == [FOUND]


def test_the_plan_of_an_environment_says_what_the_prefix_below_it_lacks(site: AcmeSite, line: CommandLine):
    installed(site, line)
    use = ("use", NAME, "--venv", "demo", "--dry-run")
    before = line.run(*use)
    let(site, line, GONE, PROVEN)
    lost, way = f"this machine no longer has what `{NAME}` needs: acme-headers", f"`rocmswitch install {NAME}`"
    note = f"{lost}; {way} carries it along"

    after = line.run(*use)
    told = json.loads(line.run(*use, "--json").out)["notes"]
    line.succeed("install", NAME, "--yes")
    mended = line.run(*use)

    assert (before.code, after.code, told) == (0, 0, [note])
    assert f"note: {note}" in after.err.splitlines()
    assert "no longer has" not in before.err + mended.err


def test_a_repair_still_knows_what_the_stack_relies_on(site: AcmeSite, line: CommandLine):
    prefix = installed(site, line)
    (prefix / "usr/bin/greet").chmod(0o777)
    line.succeed("repair", NAME, "--yes")
    let(site, line, GONE, PROVEN)

    assert told(line) == [FOUND]
