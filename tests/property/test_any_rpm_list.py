"""Whatever stands in the lists of an rpm repository, reading them takes time and memory as they are long."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from rocmswitch.errors import RocmswitchError, VerificationFailed
from rocmswitch.metadata.primary import Listed, read_owners, read_primary
from rocmswitch.metadata.repomd import parse_repomd
from rocmswitch.metadata.rpmindex import RpmIndex, UnknownPaths, encode_index
from rocmswitch.model.package import Relation

RPM = "http://linux.duke.edu/metadata/rpm"
PRIMARY = f"""<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="{RPM}" packages="1">
<package type="rpm"><name>hip</name><arch>x86_64</arch><version epoch="1" ver="6.2" rel="1.el9"/>
<checksum type="sha256" pkgid="YES">{"ab" * 32}</checksum><size package="10" installed="20" archive="30"/>
<location xml:base="http://mirror.test/rocm" href="Packages/hip.rpm"/>
<format><rpm:provides><rpm:entry name="hip" flags="EQ" epoch="1" ver="6.2" rel="1.el9"/></rpm:provides>
<rpm:requires><rpm:entry name="(/usr/bin/clang or hsa &gt;= 1)"/><rpm:entry name="/usr/bin/env"/></rpm:requires>
<file>/usr/bin/hipcc</file></format></package>
</metadata>
""".encode()
REPOMD = f"""<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="{RPM}"><revision>1700000000</revision>
<data type="primary"><checksum type="sha256">{"cd" * 32}</checksum>
<open-checksum type="sha256">{"ef" * 32}</open-checksum>
<location href="repodata/primary.xml.gz"/><timestamp>1700000000</timestamp>
<size>9</size><open-size>99</open-size></data>
</repomd>
""".encode()
BITS = b'|<|>|"|&|&#0;|<a>|</package>|<package>|<!DOCTYPE a>|\xff|\0| |-1'.split(b"|")


def pieces(content: bytes, size: int = 1 << 20) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def packages_of(content: bytes, size: int = 1 << 20) -> list[Listed]:
    return list(read_primary(pieces(content, size), "x86_64", "primary.xml"))


def read_all(content: bytes) -> None:
    """Every way in which a list is read; to be refused is one of its ends."""
    unknown = UnknownPaths()
    owned = {("hip", "x86_64", "1:6.2-1.el9"): ["/a"]}
    index = RpmIndex(encode_index(unknown.listening(packages_of(content)), owned))
    for name in index.names():
        index.candidates(name)
    list(read_owners(pieces(content), unknown.paths, "filelists.xml"))


def ends_well(read: Callable[[bytes], object], content: bytes) -> bool:
    """Nothing but an error that is meant for people may come of it."""
    with contextlib.suppress(RocmswitchError):
        read(content)
    return True


@settings(deadline=None, max_examples=150)
@given(some.lists(some.tuples(some.integers(0), some.integers(0, 60), some.sampled_from(BITS)), max_size=4))
def test_a_list_that_was_changed_anywhere_is_read_or_refused(changes: list[tuple[int, int, bytes]]) -> None:
    for read, content in ((read_all, PRIMARY), (lambda text: parse_repomd(text, "repomd.xml"), REPOMD)):
        for at, count, bits in changes:
            at %= len(content)
            content = content[:at] + bits + content[at + count :]

        assert ends_well(read, content)


def test_a_package_has_the_server_that_its_location_names_and_no_other() -> None:
    (one,) = packages_of(PRIMARY)
    (other,) = packages_of(PRIMARY.replace(b"xml:base", b'xmlns:base="http://other.test" other'))

    assert (one.base, other.base) == ("http://mirror.test/rocm", "")


def test_a_list_is_the_same_in_pieces_of_any_size() -> None:
    assert packages_of(PRIMARY, 7) == packages_of(PRIMARY)


def test_an_address_of_a_namespace_is_no_longer_than_any_other_text() -> None:
    """It would be put before the name of each element, of which the file may have millions."""
    long = b'<metadata xmlns="' + b"u" * 1_500_000 + b'"/>'

    with pytest.raises(VerificationFailed, match="deeper or longer than any index"):
        packages_of(long)


def test_text_between_elements_is_not_kept() -> None:
    def content() -> Iterator[bytes]:
        yield b"<metadata>"
        yield from (b"t" * 1_000_000 + b"<b/>" for _ in range(48))
        yield b"</metadata>"

    tracemalloc.start()
    found = list(read_primary(content(), "x86_64", "primary.xml"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (found, peak < 12_000_000) == ([], True), peak


class Path(str):
    """Counts how often one is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Path.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_paths_of_the_second_list_are_not_compared_each_with_each() -> None:
    one = Listed("hip", "x86_64", "1", files=[Path(f"/usr/bin/{number}") for number in range(1000)])
    owned = [Path(f"/opt/{number}") for number in range(1000)]

    encode_index([one], {("hip", "x86_64", "1"): owned})

    assert Path.compared < 10_000


def test_paths_are_found_in_words_that_would_become_too_many_alternatives() -> None:
    text = "(" + " or ".join(f"(/opt/{letter} and {letter})" for letter in "abcdefghijkl") + ")"
    one = Listed("hip", relations={kind: [] for kind in ("provides", "conflicts", "obsoletes")})
    one.relations["requires"] = [Relation(text)]
    unknown = UnknownPaths()

    list(unknown.listening([one]))

    assert unknown.paths == {f"/opt/{letter}" for letter in "abcdefghijkl"}
