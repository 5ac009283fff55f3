"""What an rpm repository's lists become."""

from __future__ import annotations

import gzip
import hashlib
import re

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.package import Relation
from rocmswitch.model.source import Key, Source
from tests.support.rpmrepository import Rpm, RpmPublication
from tests.support.rpmsite import RpmSite, refused


def _only(site: RpmSite, name: str):
    opened = site.open()
    (package,) = [one for index, _ in opened.indexes for one in index.candidates(name)]
    return opened, package


@pytest.mark.parametrize("compression", ["gz", "xz", "zst"])
def test_primary_is_read_however_it_is_packed(site: RpmSite, compression: str) -> None:
    site.repository.publish(RpmPublication(compression=compression))

    assert site.versions() == ["5.2-1"]


def test_a_package_has_all_that_planning_and_fetching_need(site: RpmSite) -> None:
    rocblas = Rpm(
        "rocblas",
        "2.44",
        "3.el9",
        epoch="1",
        requires=("hip >= 5.2", "(a if b)", "libc.so.6(GLIBC_2.17)(64bit)", "/bin/sh"),
        provides=("blas = 2", "librocblas.so.0()(64bit)"),
        conflicts=("cublas", "(hip unless hsa)"),
        obsoletes=("rocblas-old < 1",),
        files={"opt/rocm/bin/rocblas-bench": "x" * 1000, "opt/rocm/share/x": "y"},
    )
    site.repository.add(rocblas).publish()
    path = site.repository.folder / "Packages" / rocblas.filename

    opened, package = _only(site, "rocblas")

    assert (str(package), package.architecture, package.size) == (
        "rocblas 1:2.44-3.el9",
        "amd64",
        path.stat().st_size,
    )
    assert package.digest.value == hashlib.sha256(path.read_bytes()).hexdigest()
    assert package.installed_size > 1000
    assert opened.urls(package) == (site.server.url(f"rpm/Packages/{rocblas.filename}"),)
    assert set(package.depends) == {
        (Relation("hip", ">=", "5.2"),),
        (Relation("a"), Relation("b", absent=True)),
        (Relation("libc.so.6(GLIBC_2.17)(64bit)"),),
        (Relation("/bin/sh"),),
        (Relation("hip", absent=True), Relation("hsa")),
    }
    assert {Relation("blas", "=", "2"), Relation("/opt/rocm/bin/rocblas-bench")} <= set(package.provides)
    assert (package.conflicts, package.obsoletes) == (
        (Relation("cublas"),),
        (Relation("rocblas-old", "<<", "1"),),
    )


def test_packages_of_other_processors_are_passed_over(site: RpmSite) -> None:
    site.repository.add(Rpm("one", architecture="i686"), Rpm("two", architecture="aarch64"))
    site.repository.add(Rpm("three", architecture="noarch")).publish()

    opened = site.open()

    found = [len(index.candidates(name)) for index, _ in opened.indexes for name in ("one", "two", "three")]
    assert found == [0, 0, 1]


def test_a_path_that_primary_does_not_list_is_looked_for_in_filelists(site: RpmSite) -> None:
    site.repository.add(Rpm("asking", requires=("/usr/libexec/platform-python",)))
    site.repository.add(Rpm("having", files={"usr/libexec/platform-python": "x"})).publish()

    opened = site.open()

    (index,) = [index for index, _ in opened.indexes]
    assert [one.name for one in index.providers("/usr/libexec/platform-python")] == ["having"]


def test_filelists_is_not_fetched_where_nobody_needs_it(site: RpmSite) -> None:
    site.open()

    assert not [one for one in site.server.requests if "filelists" in one.path]


def test_an_index_is_made_once(site: RpmSite) -> None:
    site.open()
    site.open()

    assert len(site.server.asked(site.primary())) == 1


def test_only_packages_that_the_manifest_names_are_taken(site: RpmSite) -> None:
    site.repository.add(Rpm("other")).publish()
    key = Key(fingerprint=site.repository.key.fingerprint, url=site.server.url("key.asc"))
    source = Source(kind="rpm", url=site.server.url("rpm"), key=key, packages=("other",))

    opened = site.open(source)

    assert [len(index.candidates(name)) for index, _ in opened.indexes for name in ("hip", "other")] == [0, 1]


def test_a_mirror_stands_in_for_the_server(site: RpmSite) -> None:
    key = Key(fingerprint=site.repository.key.fingerprint, url="https://repository.example.org/key.asc")
    source = Source(kind="rpm", url="https://repository.example.org/rpm", key=key)

    opened = site.open(source, mirror=site.server.url())

    (package,) = [one for index, _ in opened.indexes for one in index.candidates("hip")]
    assert opened.urls(package) == (site.server.url("rpm/Packages/hip-5.2-1.x86_64.rpm"),)


def test_a_package_at_another_server_is_fetched_from_there(site: RpmSite) -> None:
    site.repository.publish(RpmPublication(options=("--baseurl", "https://elsewhere.example.org/pool")))

    opened, package = _only(site, "hip")

    assert opened.urls(package) == ("https://elsewhere.example.org/pool/Packages/hip-5.2-1.x86_64.rpm",)


def _rewrite(site: RpmSite, change, kind: str = "primary") -> None:
    """Other text in primary.xml, or the list *kind*, listed and signed as if the owner had written it."""
    (packed,) = site.repository.repodata.glob(f"*{kind}.xml.gz")
    text = change(gzip.decompress(packed.read_bytes()))
    content = gzip.compress(text)
    packed.write_bytes(content)
    before, start, rest = site.repository.repomd.read_text().partition(f'<data type="{kind}">')
    body, end, after = rest.partition("</data>")
    stated = {
        "checksum": hashlib.sha256(content).hexdigest(),
        "open-checksum": hashlib.sha256(text).hexdigest(),
        "size": len(content),
        "open-size": len(text),
    }
    for name, value in stated.items():
        body = re.sub(rf"(<{name}[^>]*>)[^<]*", rf"\g<1>{value}", body)
    site.repository.repomd.write_text(before + start + body + end + after)
    site.repository.sign()


BOMB = (
    b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>"""
)
ENDLESS = b"x" * 6_000_000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: BOMB + text.partition(b"?>")[2], "declares a document type, which no index has"),
        (lambda text: text.replace(b"</metadata>", b"<a>" * 50), "is deeper or longer than any index"),
        (lambda text: text[:-20], "is not XML"),
        (
            lambda text: text.replace(b"</metadata>", b"<!--" + ENDLESS),
            "is deeper or longer than any index",
        ),
        (
            lambda text: text.replace(b"</metadata>", b'<a b="' + ENDLESS),
            "is deeper or longer than any index",
        ),
        (lambda text: text.replace(b"UTF-8", b"UTF-99"), "is in an encoding that cannot be read"),
        (lambda text: b"\0" * 100, "is not XML"),
        (lambda text: text.replace(b'ver="5.2" rel="1"', b'ver="5.2&#10;" rel="1"'), "is not a version"),
        (lambda text: text.replace(b'name="hsa"', b'name="hs&#9;a"'), "is not a relation between packages"),
        (lambda text: text.replace(b'flags="GE"', b'flags="XX"'), "is not a relation between packages"),
        (lambda text: text.replace(b"<name>hip</name>", b"<name>h ip</name>"), "has an entry that cannot be read"),
    ],
)
def test_a_signed_list_that_makes_no_sense_is_refused(site: RpmSite, change, said) -> None:
    _rewrite(site, change)

    assert said in refused(site)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace(b'href="Packages/', b'href="../../'), "no path in a repository"),
        (lambda text: text.replace(b'type="sha256"', b'type="sha"'), "is not a hash that can be trusted"),
        (lambda text: text.replace(b"<location ", b'<location xml:base="file:///etc" '), "is no http or https URL"),
        (lambda text: re.sub(rb'package="\d+"', b'package="99999999999999999"', text), "has the size"),
        (lambda text: text.replace(b'name="hsa"', b'name="(hsa or"'), "is not a dependency in words"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused_when_it_is_wanted(site: RpmSite, change, said) -> None:
    _rewrite(site, change)

    with pytest.raises(VerificationFailed, match=said):
        site.versions()


def test_a_way_of_packing_that_is_not_read_is_named(site: RpmSite) -> None:
    text = site.repository.repomd.read_text()
    site.repository.repomd.write_text(text.replace("primary.xml.gz", "primary.xml.zck"))
    site.repository.sign()

    assert refused(site).endswith("primary.xml.zck` is packed in a way that is not read: only gz, xz and zst are")


def _owners(site: RpmSite, path: str) -> list[str]:
    return [one.name for index, _ in site.open().indexes for one in index.providers(path)]


@pytest.mark.parametrize("name", ("size", "open-size"))
def test_a_list_that_would_fill_the_memory_is_not_fetched(site: RpmSite, name: str) -> None:
    """Who signs nothing may state anything, and what is stated is read whole."""
    text = site.repository.repomd.read_text()
    site.repository.repomd.write_text(re.sub(rf"<{name}>\d+", f"<{name}>{1 << 31}", text))
    site.repository.sign(False)
    site.server.requests.clear()

    assert f"is said to have {1 << 31} bytes" in refused(site)
    assert not any("primary" in request.path for request in site.server.requests)


def test_an_index_is_made_anew_where_only_the_list_of_files_is_another(site: RpmSite) -> None:
    """The first may be of somebody who signs nothing, with the right primary.xml beside it."""
    script = "/usr/libexec/platform-python"
    site.repository.add(Rpm("asking", requires=(script,)), Rpm("having", files={script[1:]: "x"})).publish()
    _rewrite(site, lambda text: text.replace(script.encode(), b"/usr/libexec/nothing"), "filelists")
    site.repository.sign(False)
    assert _owners(site, script) == []
    _rewrite(site, lambda text: text.replace(b"/usr/libexec/nothing", script.encode()), "filelists")

    assert _owners(site, script) == ["having"]


def test_a_list_that_grows_beyond_what_is_stated_is_refused(site: RpmSite) -> None:
    text = site.repository.repomd.read_text()
    site.repository.repomd.write_text(re.sub(r"<open-size>\d+", "<open-size>100", text))
    site.repository.sign()

    assert "has more than 100 bytes when decompressed" in refused(site)
