"""AMD's releases through the whole program: from the shipped manifests and a server that looks like AMD's.

Names, versions, folders and the key's age are theirs; the libraries are small.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rocmswitch.host.libraries import HostLibraries
from rocmswitch.metadata.elf import parse_elf
from tests.support.amdsite import AmdSite, SiteKeys
from tests.support.aptrepository import Publication
from tests.support.commandline import CommandLine
from tests.support.debs import Deb, Library, make_library
from tests.support.keys import GPGV, KeyFolder
from tests.support.server import Fault

NOW = datetime.now(timezone.utc)
NAME = "rocm-5.2.3"
INDEX = "main/binary-amd64/Packages"


@pytest.fixture(scope="module")
def keys() -> Iterator[SiteKeys]:
    if GPGV is None:
        pytest.skip("no gpgv here, and nothing else accepts a key like AMD's")
    with KeyFolder() as folder:
        yield SiteKeys.made_in(folder)


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture
def site(tmp_path: Path, keys: SiteKeys, line: CommandLine) -> Iterator[AmdSite]:
    """A server with 5.2.3, whose manifest *line* has."""
    with AmdSite(tmp_path / "server", keys) as site:
        site.let(line)
        yield site


def install(line: CommandLine, site: AmdSite, *words: str, name: str = NAME) -> str:
    return line.succeed("install", name, "--yes", "--mirror", site.mirror, *words)


@pytest.mark.parametrize(
    ("release", "asked", "tree"),
    [
        ("5.2.0", "rocm/apt/5.2/dists/ubuntu", "opt/rocm-5.2.0"),
        ("5.2.3", "rocm/apt/5.2.3/dists/ubuntu", "opt/rocm-5.2.3"),
        ("6.2.4", "rocm/apt/6.2.4/dists/", "opt/rocm-6.2.4"),
    ],
)
def test_a_release_is_installed_and_runs(
    tmp_path: Path, keys: SiteKeys, line: CommandLine, release: str, asked: str, tree: str
):
    with AmdSite(tmp_path / "server", keys, [release]) as site:
        site.let(line)
        install(line, site, "--set", "developer", name=f"rocm-{release}")
        indexes = [one.path for one in site.server.requests if "/dists/" in one.path and "/rocm/" in one.path]

    assert indexes[0].startswith(f"/{asked}") and indexes[0].endswith("/InRelease")
    assert [path for path in indexes if "by-hash" in path or path.endswith(".xz")] == []
    prefix = line.layout.prefixes / f"rocm-{release}"
    assert line.succeed("which", "rocminfo", release) == f"{prefix}/{tree}/bin/rocminfo\n"
    assert line.run("run", release, "--", "rocminfo").code == 42, "what the library of the prefix answers"
    assert line.succeed("verify").startswith(f"rocm-{release}: every file as installed")


def test_two_releases_stand_side_by_side(tmp_path: Path, keys: SiteKeys, line: CommandLine):
    with AmdSite(tmp_path / "server", keys, ["5.2.3", "6.2.4"]) as site:
        site.let(line)
        install(line, site)
        install(line, site, "--set", "libraries", name="6.2")

    found = json.loads(line.succeed("list", "--json"))
    assert [(one["name"], one["version"], one["sets"]) for one in found] == [
        ("rocm-5.2.3", "5.2.3", ["runtime"]),
        ("rocm-6.2.4", "6.2.4", ["runtime", "libraries"]),
    ]
    assert "opt/rocm-6.2.4/bin/rocminfo" in line.succeed("which", "rocminfo", "6.2.4")
    assert "opt/rocm-5.2.3/bin/rocminfo" in line.succeed("which", "rocminfo", "5.2.3")
    shown = line.succeed("show", "rocm-6.2.4")
    assert f"{site.mirror}/rocm/apt/6.2.4" in shown and f"{site.mirror}/amdgpu/6.2.4/ubuntu" in shown


def test_programs_find_the_prefix_and_nothing_that_ld_library_path_names(
    tmp_path: Path, site: AmdSite, line: CommandLine
):
    install(line, site)
    make_library(
        Library("libhsa-runtime64.so.1", functions=("hsa_init",), value=7), tmp_path / "libhsa-runtime64.so.1"
    )

    assert line.run("run", NAME, "--", "rocminfo", LD_LIBRARY_PATH=str(tmp_path)).code == 42
    tree = line.layout.prefixes / NAME / "opt/rocm-5.2.3"
    with (tree / "lib/libamdhip64.so.5").open("rb") as file:
        facts = parse_elf(file)
    assert facts is not None
    assert facts.runpath == "" and facts.rpath and all(one.startswith("$ORIGIN") for one in facts.rpath.split(":"))


@pytest.mark.skipif(
    HostLibraries().find("libtinfo.so.5") is not None, reason="this machine has libtinfo.so.5 itself"
)
def test_what_the_machine_lacks_is_carried_from_bookworm(site: AmdSite, line: CommandLine):
    plan = json.loads(
        line.succeed("install", NAME, "--set", "compiler", "--dry-run", "--json", "--mirror", site.mirror)
    )
    install(line, site, "--set", "compiler")

    (carried,) = [one for one in plan["packages"] if one["name"] == "libtinfo5"]
    assert (carried["place"], carried["verification"]) == ("base", "signed")
    assert carried["url"] == f"{site.mirror}/debian/pool/main/l/libtinfo5/libtinfo5_6.4-4_amd64.deb"
    assert list((line.layout.prefixes / NAME / "base").rglob("libtinfo.so.5")) != []


def test_another_releases_index_under_this_ones_address_is_refused(
    tmp_path: Path, keys: SiteKeys, line: CommandLine
):
    """One key signs both, so only names and versions tell them apart."""
    with AmdSite(tmp_path / "server", keys, ["5.2.3", "6.2.4"]) as site:
        site.let(line)
        target = site.repository("6.2.4").folder
        suite = site.repository("6.2.4").suite
        shutil.rmtree(target)
        shutil.copytree(site.repository("5.2.3").folder, target)
        (target / "dists/ubuntu").rename(target / "dists" / suite)

        outcome = line.run("install", "rocm-6.2.4", "--yes", "--mirror", site.mirror)

    assert outcome.code in (3, 4), outcome
    assert "rocm-hip-runtime6.2.4" in outcome.error
    assert line.run("list").out == ""


def test_packages_of_another_release_under_this_ones_names_are_refused(site: AmdSite, line: CommandLine):
    repository = site.repository()
    repository.stanzas["main"] = [text.replace(".50203-109", ".50200-65") for text in repository.stanzas["main"]]
    repository.publish()

    outcome = line.run("install", NAME, "--yes", "--mirror", site.mirror)

    assert outcome.code == 4, outcome
    assert "does not belong to ROCm 5.2.3: it is another release's" in outcome.error


@dataclass(frozen=True)
class Attack:
    """What a server does, and what a person reads of it."""

    by: Callable[[AmdSite], object]
    code: int
    says: str
    hint: str = ""

    def __call__(self, site: AmdSite) -> None:
        self.by(site)


def publish(**how: object) -> Callable[[AmdSite], object]:
    return lambda site: site.publish(Publication(**how))  # type: ignore[arg-type]


def answer(path: Callable[[AmdSite], str], *faults: Fault) -> Callable[[AmdSite], object]:
    return lambda site: site.server.misbehave(path(site), *faults)


def garble(name: str) -> Callable[[AmdSite], object]:
    """Another file of the same length in the place of a package."""

    def act(site: AmdSite) -> None:
        path = site.archive(name)
        content = (site.folder / path).read_bytes()
        site.server.misbehave(path, Fault(content=content[:-1] + bytes([content[-1] ^ 1])))

    return act


def unsign(site: AmdSite) -> None:
    site.publish(Publication(inline=False, detached=True))
    (site.repository().dists / "Release.gpg").unlink()


def strip_signature(site: AmdSite) -> None:
    (site.repository().dists / "InRelease").write_bytes(site.repository().release_text({}, Publication()))


def lie_about_a_package(site: AmdSite) -> None:
    """Signed all the same: the hash of another file."""
    repository = site.repository()
    stanza = next(text for text in repository.stanzas["main"] if "Package: rocm-llvm5.2.3\n" in text)
    lie = stanza.replace(stanza.partition("SHA256: ")[2][:8], "deadbeef")
    repository.stanzas["main"] = [lie if text == stanza else text for text in repository.stanzas["main"]]
    repository.publish()


def change_after_signing(site: AmdSite) -> None:
    for path in site.repository().dists.glob(f"{INDEX}*"):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


LLVM = "rocm-llvm5.2.3"
ATTACKS = {
    "an expired index": Attack(
        publish(valid_until=NOW - timedelta(days=1)), 4, "was valid until", "`--allow-expired`"
    ),
    "an index of the future": Attack(publish(date=NOW + timedelta(days=3)), 4, "clock is wrong"),
    "a replayed index": Attack(publish(date=NOW - timedelta(days=9)), 4, "somebody serves an old state"),
    "an index without its signature": Attack(unsign, 4, "is not signed"),
    "a signature that was stripped": Attack(strip_signature, 4, "cannot be verified"),
    "somebody else's signature": Attack(lambda site: site.publish(key=site.keys.foreign), 4, "cannot be verified"),
    "an endless index": Attack(
        answer(lambda site: site.dists("InRelease"), Fault(endless=True)), 4, "is larger than"
    ),
    "a package with another hash": Attack(garble(LLVM), 4, "as it must have"),
    "a Packages file that lies": Attack(lie_about_a_package, 4, "as it must have"),
    "an endless package": Attack(
        answer(lambda site: site.archive(LLVM), Fault(endless=True)), 4, "its index says", "try again later"
    ),
    "a package that is gone": Attack(answer(lambda site: site.archive(LLVM), Fault(status=404)), 3, "404"),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_is_told_and_changes_nothing(attack: Attack, site: AmdSite, line: CommandLine):
    install(line, site)
    before = line.succeed("list")
    attack(site)

    outcome = line.run("install", NAME, "--set", "compiler", "--yes", "--mirror", site.mirror)

    assert (outcome.code, outcome.out) == (attack.code, ""), outcome
    assert attack.says in outcome.error and attack.hint in outcome.hint
    assert line.succeed("list") == before
    assert "every file as installed" in line.succeed("verify", NAME)
    assert line.run("run", NAME, "--", "rocminfo").code == 42
    assert_installs_when_the_server_is_honest_again(line, site)


def assert_installs_when_the_server_is_honest_again(line: CommandLine, site: AmdSite) -> None:
    site.heal()
    install(line, site, "--set", "compiler")
    assert "every file as installed" in line.succeed("verify", NAME)
    (only,) = json.loads(line.succeed("list", "--json"))
    assert only["sets"] == ["runtime", "compiler"]
    trees = [path.name for path in (line.layout.prefixes / ".trees").iterdir()]
    assert trees == [(line.layout.prefixes / NAME).readlink().name], "nothing is left of the attempt"


def test_a_mirror_between_two_states_has_its_own_message(site: AmdSite, line: CommandLine):
    change_after_signing(site)

    outcome = line.run("install", NAME, "--yes", "--mirror", site.mirror)

    assert outcome.code == 4
    assert "the mirror is being synchronised" in outcome.error and "try again later" in outcome.hint


def test_a_mirror_between_two_states_is_passed_over_where_a_good_index_is_kept(site: AmdSite, line: CommandLine):
    install(line, site)
    site.repository().add(Deb("new", "1"))
    site.publish()
    change_after_signing(site)

    outcome = line.run("install", NAME, "--set", "compiler", "--yes", "--mirror", site.mirror)

    assert outcome.code == 0
    assert "the last good index is used" in outcome.err


@pytest.mark.parametrize(
    "then", [Fault(times=0), Fault(ignore_range=True)], ids=["goes on", "starts over for a server without Range"]
)
def test_a_connection_that_is_cut_is_taken_up_again(site: AmdSite, line: CommandLine, then: Fault):
    path = site.archive("rocm-core5.2.3")
    site.server.misbehave(path, Fault(cut_after=300, times=1), then)

    install(line, site)

    assert [one.range for one in site.server.asked(path)] == ["", "bytes=300-"]
    assert "every file as installed" in line.succeed("verify", NAME)


def test_an_interrupted_download_goes_on_in_the_next_run(site: AmdSite, line: CommandLine):
    path = site.archive(LLVM)
    site.server.misbehave(path, Fault(cut_after=300, times=1), Fault(status=404))
    assert line.run("install", NAME, "--set", "compiler", "--yes", "--mirror", site.mirror).code == 3
    site.server.behave()

    install(line, site, "--set", "compiler")

    assert site.server.asked(path)[-1].range == "bytes=300-"
