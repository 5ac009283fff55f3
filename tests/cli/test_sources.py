"""A stack that comes in several ways: which of them is taken, what the user may say, and whose key is trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.debs import Program
from tests.support.keys import SigningKey
from tests.support.rpmrepository import Rpm, RpmRepository
from tests.support.tarballs import ROOT, TarballSite

ROCKY = Rpm("acme-tools", files={"opt/acme/bin/rocminfo": Program()})


@pytest.fixture
def tarballs(tmp_path: Path) -> Iterator[TarballSite]:
    with TarballSite(tmp_path / "tarballs") as site:
        site.pack()
        yield site


def apt(site: AcmeSite, *, known: bool = True) -> dict[str, Any]:
    return {
        "kind": "apt",
        "url": site.server.url("apt"),
        "suite": site.repository.suite,
        "key": {"url": site.server.url("key.asc"), **({"fingerprint": site.key.fingerprint} if known else {})},
    }


def rpm(site: AcmeSite, key: SigningKey) -> dict[str, Any]:
    RpmRepository(site.folder / "rpm", key).add(ROCKY).publish()
    return {
        "kind": "rpm",
        "url": site.server.url("rpm"),
        "root": "opt/acme",
        "key": {"url": site.server.url("key.asc"), "fingerprint": key.fingerprint},
    }


def have(site: AcmeSite, line: CommandLine, *sources: dict[str, Any]) -> None:
    """Let *line* have the small stack from *sources*."""
    sets = {"rpm_sets": {"runtime": ["acme-tools"]}} if any(one["kind"] == "rpm" for one in sources) else {}
    environment = {"ROCM_PATH": "{root}"}
    site.let(line, rocm={"sources": list(sources), "environment": environment, **sets})


def kinds(line: CommandLine) -> list[str]:
    receipt = json.loads(line.succeed("show", NAME, "--json"))["receipt"]
    return [one["kind"] for one in receipt["sources"]]


def rocm_path(line: CommandLine) -> str:
    said = line.succeed("run", NAME, "--", "sh", "-c", "echo $ROCM_PATH").strip()
    return str(Path(said).relative_to(line.layout.prefixes / NAME))


def test_one_kind_is_taken_said_and_may_be_changed(
    site: AcmeSite, line: CommandLine, key: SigningKey, tarballs: TarballSite
):
    tarball = tarballs.source(tarballs.pack())
    have(site, line, apt(site), rpm(site, key), tarball)

    first = line.run("install", NAME, "--yes", "--source", "rpm")
    assert (first.code, kinds(line), rocm_path(line)) == (0, ["rpm"], "opt/acme"), first
    second = line.run("install", NAME, "--yes", "--source", "tarball")
    assert (second.code, kinds(line), rocm_path(line)) == (0, ["tarball"], ROOT), second
    third = line.run("install", NAME, "--yes", "--source", "apt")

    assert (third.code, kinds(line), rocm_path(line)) == (0, ["apt"], "usr"), third
    assert "note: taken from" not in first.err + second.err + third.err
    assert line.run("verify", NAME).code == 0
    assert not (line.layout.prefixes / NAME / ROOT).exists()


def test_without_a_word_the_plan_says_which_and_why(site: AcmeSite, line: CommandLine, tarballs: TarballSite):
    have(site, line, apt(site), tarballs.source(tarballs.pack()))

    outcome = line.run("install", NAME, "--dry-run")

    assert outcome.code == 0
    assert "note: taken from apt, though there is `tarball` too: " in outcome.err
    assert "`--source` chooses another" in outcome.err


def test_sets_add_up_within_the_kind_that_is_installed(site: AcmeSite, line: CommandLine, key: SigningKey):
    have(site, line, apt(site), rpm(site, key))
    line.succeed("install", NAME, "--yes", "--source", "rpm")

    outcome = line.run("install", NAME, "--yes", "--set", "compiler")

    assert (outcome.code, kinds(line)) == (2, ["rpm"]), outcome
    assert "has no set `compiler`, its sets are: `runtime`" in outcome.error


def test_a_tarball_is_taken_where_the_key_of_the_packages_is_unknown(
    site: AcmeSite, line: CommandLine, tarballs: TarballSite
):
    have(site, line, apt(site, known=False), tarballs.source(tarballs.pack()))

    outcome = line.run("install", NAME, "--yes")

    assert (outcome.code, kinds(line)) == (0, ["tarball"])
    assert "the key of its apt source is not known" in outcome.err
    assert "key unknown: refused until you state its fingerprint" in line.succeed("show", NAME)


def test_a_stated_fingerprint_is_kept_with_what_it_vouched_for(site: AcmeSite, line: CommandLine):
    have(site, line, apt(site, known=False))
    shown = site.key.fingerprint.lower()
    shown = " ".join(shown[at : at + 4] for at in range(0, 40, 4))

    line.succeed("install", NAME, "--yes", "--key", shown)
    receipt = json.loads(line.succeed("show", NAME, "--json"))["receipt"]
    more = line.run("install", NAME, "--yes", "--set", "compiler")

    assert receipt["sources"][0]["fingerprint"] == site.key.fingerprint
    assert more.code == 0, more


def test_another_key_than_the_one_that_signs_is_refused(site: AcmeSite, line: CommandLine):
    have(site, line, apt(site, known=False))

    outcome = line.run("install", NAME, "--yes", "--key", "A" * 40)

    assert outcome.code == 4, outcome
    assert not (line.layout.prefixes / NAME).exists()


@pytest.mark.parametrize("form", ["text", "list"])
def test_fingerprints_may_stand_in_the_users_own_settings(site: AcmeSite, line: CommandLine, form: str):
    have(site, line, apt(site, known=False))
    stated = site.key.fingerprint if form == "text" else f"[{site.key.fingerprint}]"
    line.layout.config_file.parent.mkdir(parents=True, exist_ok=True)
    line.layout.config_file.write_text(f"keys:\n  {site.server.url('apt')}: {stated}\n")

    outcome = line.run("install", NAME, "--yes")

    assert outcome.code == 0, outcome
    assert f"signed by {site.key.fingerprint}, as you state" in " ".join(line.succeed("show", NAME).split())


def test_show_says_of_which_kind_more_would_come(site: AcmeSite, line: CommandLine, tarballs: TarballSite):
    have(site, line, apt(site), tarballs.source(tarballs.pack()))
    before = line.succeed("show", NAME)
    line.succeed("install", NAME, "--yes", "--source", "tarball")

    after = line.succeed("show", NAME)

    assert "\ntaken     apt, though there is `tarball` too: " in before
    assert "\ntaken     tarball, of which it is installed\n" in after
    assert f"\nindex      {tarballs.url}\n" in after


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--key", "ABCD"), "a fingerprint has 40 hex digits"),
        (("--key", "A" * 40), "needs no fingerprint: its manifest has those of all keys"),
        (("--source", "wheels"), "`wheels` is not one of"),
    ],
)
def test_words_that_mean_nothing_are_refused(site: AcmeSite, line: CommandLine, words: tuple[str, ...], said: str):
    outcome = line.run("install", NAME, "--yes", *words)

    assert (outcome.code, said in outcome.error) == (2, True), outcome


def test_settings_that_are_no_fingerprints_name_file_and_line(line: CommandLine):
    line.layout.config_file.parent.mkdir(parents=True, exist_ok=True)
    line.layout.config_file.write_text("keys:\n  https://a.example/apt: ABCD\n")

    outcome = line.run("install", NAME, "--yes")

    assert outcome.code == 2
    assert "config.yaml:2: `keys.https://a.example/apt`: " in outcome.error
