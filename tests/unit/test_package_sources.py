"""Where packages come from, in all the formats in which it is written down."""

from __future__ import annotations

import pytest

from rocmswitch.metadata.aptsources import AptEntry, AptPin, parse_preferences, parse_sources
from rocmswitch.metadata.repofile import RepoEntry, parse_repositories

URI = "https://repo.radeon.com/rocm/apt/6.2.4"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"deb {URI} jammy main\n", [AptEntry(1, URI, "jammy", "main")]),
        (f"\n# {URI}\n  deb\t{URI} jammy main # AMD\n", [AptEntry(3, URI, "jammy", "main")]),
        (f"deb [arch=amd64 signed-by=/k.gpg] {URI} jammy main", [AptEntry(1, URI, "jammy", "main", "/k.gpg")]),
        (f"deb {URI} ./", [AptEntry(1, URI, "./")]),
        (f"deb-src {URI} jammy main\n#deb {URI} jammy main\ndebug {URI} x y\n", []),
        ("deb\n\x00\ndeb [", []),
    ],
    ids=["one", "with a remark", "with options", "flat", "others", "garbage"],
)
def test_a_line_is_a_source(text: str, found: list[AptEntry]):
    assert list(parse_sources(text, "rocm.list")) == found


STANZA = f"Types: deb\nURIs: {URI}\nSuites: jammy\nComponents: main\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (STANZA, [AptEntry(2, URI, "jammy", "main")]),
        (f"# AMD\n\n{STANZA}Enabled: yes\n", [AptEntry(4, URI, "jammy", "main")]),
        (f"{STANZA}Enabled: no\n", []),
        (f"{STANZA.replace('deb', 'deb-src')}", []),
        (
            f"Types: deb\nURIs:\n {URI}\n# in between\n https://x\nSuites: a\nSigned-By: /k.gpg\n",
            [AptEntry(2, URI, "a", "", "/k.gpg"), AptEntry(2, "https://x", "a", "", "/k.gpg")],
        ),
        (f"{STANZA}\n{STANZA}", [AptEntry(2, URI, "jammy", "main"), AptEntry(7, URI, "jammy", "main")]),
        ("  continued\nnothing\n:\n", []),
    ],
    ids=["one", "after a remark", "disabled", "of sources", "continued", "two", "garbage"],
)
def test_a_stanza_is_a_source(text: str, found: list[AptEntry]):
    assert list(parse_sources(text, "rocm.sources")) == found


def test_pins_have_a_number():
    text = "Package: *\nPin: release o=repo.radeon.com\nPin-Priority: 600\n\nPackage: x\nPin-Priority: high\n"

    assert parse_preferences(text) == (AptPin(1, "*", "release o=repo.radeon.com", 600),)


REPOSITORY = "[rocm]\nname=ROCm\nbaseurl=https://repo.radeon.com/rocm/rhel9/6.2.4/main\ngpgkey=file:///k\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (REPOSITORY, [RepoEntry(3, "rocm", "https://repo.radeon.com/rocm/rhel9/6.2.4/main", ("file:///k",))]),
        (f"{REPOSITORY}enabled=0\n", []),
        (f"{REPOSITORY}enabled=%(x)s\n", [RepoEntry(3, "rocm", f"{URI[:29]}rhel9/6.2.4/main", ("file:///k",))]),
        (
            "[a]\nmirrorlist=https://x\n[b]\nbaseurl=https://x\n",
            [RepoEntry(2, "a", "https://x"), RepoEntry(4, "b", "https://x")],
        ),
        ("no section\n", []),
        ("[a\n]]=", []),
    ],
    ids=["one", "disabled", "with a variable", "two", "without a section", "garbage"],
)
def test_a_section_is_a_repository(text: str, found: list[RepoEntry]):
    assert list(parse_repositories(text)) == found
