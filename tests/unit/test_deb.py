"""Release files, Packages files and relations, from text."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.deb import MAX_STANZA, parse_relations, parse_release, read_packages
from rocmswitch.metadata.debversion import satisfies, version_key
from rocmswitch.model.package import Digest, Relation

SHA256 = "9e0b5aabb2465b3d2e7a7fe27f9913846277833f7a2826e7767acccff5b588c5"
RELEASE = f"""Origin: Debian
Suite: oldstable
Codename: bookworm
Version: 12.15
Date: Sat, 11 Jul 2026 10:16:37 UTC
Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC
Acquire-By-Hash: yes
No-Support-for-Architecture-all: Packages
Architectures: all amd64
Components: main contrib
Description: Debian 12.15
MD5Sum:
 b838d31986207780a596ce3e8010f90f  8790396 main/binary-amd64/Packages.xz
SHA256:
 {SHA256}  8790396 main/binary-amd64/Packages.xz
"""


def release(**changes: str) -> bytes:
    """RELEASE with other fields; an empty value leaves one out."""
    names = {name.lower(): name.replace("_", "-") for name in changes}
    lines = [line for line in RELEASE.splitlines() if line.partition(":")[0].lower().replace("-", "_") not in names]
    added = [f"{names[name.lower()]}: {value}" for name, value in changes.items() if value]
    return "\n".join([*added, *lines, ""]).encode()


def test_a_release_file_says_what_its_suite_has() -> None:
    found = parse_release(RELEASE.encode(), "stable")

    listed = found.files["main/binary-amd64/Packages.xz"]
    assert (found.suite, found.codename, found.version) == ("oldstable", "bookworm", "12.15")
    assert (found.date, found.valid_until) == (
        datetime(2026, 7, 11, 10, 16, 37, tzinfo=timezone.utc),
        datetime(2026, 7, 18, 10, 16, 37, tzinfo=timezone.utc),
    )
    assert (found.by_hash, found.all_apart, found.components) == (True, False, ("main", "contrib"))
    assert (listed.size, listed.digest) == (8790396, Digest("sha256", SHA256))


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("Wed, 06 Nov 2024 18:36:13 +0000", 18),
        ("Wed, 06 Nov 2024 18:36:13 -0000", 18),
        ("Wed, 06 Nov 2024 18:36:13 GMT", 18),
        ("Wed, 06 Nov 2024 18:36:13 +0200", 16),
        ("Wed,  6 Nov 2024 18:36:13 UTC", 18),
    ],
)
def test_dates_are_read_as_archives_write_them(written: str, hour: int) -> None:
    found = parse_release(release(Date=written), "stable")

    assert found.date == datetime(2024, 11, 6, hour, 36, 13, tzinfo=timezone.utc)


def test_packages_of_architecture_all_are_apart_where_the_release_does_not_say_otherwise() -> None:
    assert parse_release(release(No_Support_for_Architecture_all=""), "stable").all_apart


def test_sha512_is_believed_where_there_is_no_sha256() -> None:
    text = release().split(b"MD5Sum:")[0] + b"SHA512:\n " + b"ab" * 64 + b" 5 main/binary-amd64/Packages\n"

    found = parse_release(text, "stable")

    assert found.files["main/binary-amd64/Packages"].digest == Digest("sha512", "ab" * 64)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (release(Date=""), "`stable` has no `Date`"),
        (release(Date="yesterday"), "`Date` of `stable` is `yesterday`, which is no date"),
        (release(Valid_Until="soon"), "`Valid-Until` of `stable` is `soon`, which is no date"),
        (release().split(b"SHA256:")[0], "`stable` has only MD5 or SHA-1 sums, which can be forged"),
        (release().replace(b"SHA256:", b"SHA1:"), "`stable` has only MD5 or SHA-1 sums, which can be forged"),
        (release().split(b"MD5Sum:")[0], "`stable` lists no files"),
        (release() + b" abc 5 main/x\n", "`abc` is not a sha256 hash"),
        (release() + b" " + b"a" * 64 + b" -5 x\n", "is not a hash, a size and a path"),
        (release() + b" " + b"a" * 64 + b" 5\n", "is not a hash, a size and a path"),
        (release() + b" " + b"a" * 64 + b" " + b"9" * 30 + b" x\n", "is not a hash, a size and a path"),
        (release() + b"\xff\xfe\n", "`stable` is not text in UTF-8"),
        (b"", "`stable` has no `Date`"),
        (b"<html>Please log in</html>", "`stable` has no `Date`"),
    ],
)  # fmt: skip
def test_a_release_file_that_cannot_be_believed_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(VerificationFailed) as caught:
        parse_release(text, "stable")

    assert message in caught.value.message


PACKAGES = b"""Package: hip
Version: 5.2
Architecture: amd64
Depends: libc6 (>= 2.34),
 libgcc-s1,
\tcomgr
Description: a line
 Depends: this is not a field
Filename: pool/hip.deb
Size: 10

Package: other
Version: 1
Architecture: arm64

Package: docs
Version: 1
Architecture: all
"""


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_packages_are_read_in_pieces_of_any_size(size: int) -> None:
    pieces = (PACKAGES[start : start + size] for start in range(0, len(PACKAGES), size))

    found = list(read_packages(pieces, "amd64", "P"))

    assert found == [
        {
            b"Package": b"hip",
            b"Version": b"5.2",
            b"Architecture": b"amd64",
            b"Depends": b"libc6 (>= 2.34), libgcc-s1, comgr",
            b"Filename": b"pool/hip.deb",
            b"Size": b"10",
        },
        {b"Package": b"docs", b"Version": b"1", b"Architecture": b"all"},
    ]


def test_a_package_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    endless = (b"Package: x\n" + b" y" * 50_000 for _ in range(10**9))

    with pytest.raises(VerificationFailed, match=f"a package of `P` has an entry of more than {MAX_STANZA} bytes"):
        list(read_packages(endless, "amd64", "P"))


def test_relations_have_alternatives_bounds_and_qualifiers() -> None:
    found = parse_relations("libc6 (>= 2.34), python3:any | python3.11 (<<3.12~), a(= 1:2.0-1+b1),, b (> 1)")

    assert found == (
        (Relation("libc6", ">=", "2.34"),),
        (Relation("python3:any"), Relation("python3.11", "<<", "3.12~")),
        (Relation("a", "=", "1:2.0-1+b1"),),
        (Relation("b", ">=", "1"),),
    )


@pytest.mark.parametrize(
    "text", ["a b", "a (>= )", "a (1)", "a (== 1)", "(>= 1)", "a | ", "a (>= 1", "a\x00", "-a"]
)
def test_what_is_no_relation_is_refused(text: str) -> None:
    with pytest.raises(VerificationFailed):
        parse_relations(text)


def test_a_list_of_relations_has_a_longest_length() -> None:
    with pytest.raises(VerificationFailed, match="is longer than 262144 characters"):
        parse_relations("a, " * 100_000)


@pytest.mark.parametrize(
    ("version", "operator", "bound", "holds"),
    [
        ("1.0~rc1", "<<", "1.0", True),
        ("1:0.9", ">>", "2.0", True),
        ("5.2.3-8+b1", ">=", "5.2.3-8", True),
        ("1.10", ">>", "1.9", True),
        ("2.0", "=", "2.0-0", True),
        ("2.0-1", "<=", "2.0-0", False),
        ("4.2.4.60204-139~24.04", ">=", "4.2.4.60204", True),
        ("1.0", "", "", True),
    ],
)
def test_versions_are_compared_as_dpkg_does(version: str, operator: str, bound: str, holds: bool) -> None:
    assert satisfies(version, Relation("x", operator, bound)) is holds


@pytest.mark.parametrize("version", ["", "a b", "1:2:3 4", "1" * 300])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(VerificationFailed, match="is not a version of a Debian package"):
        version_key(version)
