"""Packages of rpm made to do harm, and the rarer formats: what the header does not say is never written."""

from __future__ import annotations

import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
import zstandard

from rocmswitch.errors import VerificationFailed
from rocmswitch.store.members import Limits
from rocmswitch.store.unpack import Unpacking
from rocmswitch.system.disk import Disk
from tests.support.rawrpm import FOLDER, LINK, REGULAR, RawFile, member, newc, raw_rpm, stripped
from tests.support.rpmrepository import need
from tests.support.unpacking import refusal, unpack

ONE = RawFile("/opt/one", b"one")
TWO = RawFile("/opt/two", b"two and more")
TREE = (
    RawFile("/opt", kind=FOLDER, mode=0o755),
    RawFile("/opt/a", b"linked", inode=7),
    RawFile("/opt/b", b"linked", inode=7),
    RawFile("/opt/c", b"alone", mode=0o755),
    RawFile("/opt/link", b"a", kind=LINK, mode=0o777),
    RawFile("/opt/nothing"),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "outside" / "tree"
    made.mkdir(parents=True)
    return made


def refused(archive: Path, tree: Path, limits: Limits | None = None) -> str:
    return refusal(Unpacking("raw", archive, tree, limits=limits or Limits()))


@pytest.mark.parametrize("make", [newc, stripped])
def test_both_formats_of_the_archive_give_the_same_tree(tmp_path: Path, tree: Path, make) -> None:  # type: ignore[no-untyped-def]
    archive = raw_rpm(tmp_path / "a.rpm", *TREE, archive=make(*TREE))

    found = {one.path: (one.kind, one.size) for one in unpack(Unpacking("raw", archive, tree), Disk())}

    assert found == {
        "opt": ("directory", 0),
        "opt/a": ("file", 6),
        "opt/b": ("file", 6),
        "opt/c": ("file", 5),
        "opt/link": ("link", 0),
        "opt/nothing": ("file", 0),
    }
    assert (tree / "opt/a").samefile(tree / "opt/b")
    assert (tree / "opt/link").read_bytes() == b"linked"


@pytest.mark.parametrize("make", [newc, stripped])
def test_rpm_itself_reads_what_is_made_here_in_the_same_way(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    raw_rpm(tmp_path / "a.rpm", *TREE, archive=make(*TREE))
    command = [need("rpm2archive", "rpm"), "--nocompression", "a.rpm"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    with tarfile.open(tmp_path / "a.rpm.tar") as tar:
        found = {one.name: (one.type, one.size, one.linkname) for one in tar}

    assert found == {
        "./opt": (tarfile.DIRTYPE, 0, ""),
        "./opt/a": (tarfile.REGTYPE, 6, ""),
        "./opt/b": (tarfile.LNKTYPE, 0, "./opt/a"),
        "./opt/c": (tarfile.REGTYPE, 5, ""),
        "./opt/link": (tarfile.SYMTYPE, 0, "a"),
        "./opt/nothing": (tarfile.REGTYPE, 0, ""),
    }


HOSTILE = {
    "out by name": [RawFile("/../evil", b"x")],
    "out by a folder of the header": [RawFile("/opt/../../evil", b"x")],
    "a folder with a name of dots": [RawFile("/opt/..", kind=FOLDER)],
    "out by a symlink": [RawFile("/opt/evil", b"../../evil", kind=LINK)],
    "an empty symlink": [RawFile("/opt/evil", b"", kind=LINK)],
    "through a symlink": [RawFile("/opt/lib", b"share", kind=LINK), RawFile("/opt/lib/evil", b"x")],
    "below a file": [RawFile("/opt", b"x"), RawFile("/opt/evil", b"x")],
    "a character device": [RawFile("/dev/null", kind=stat.S_IFCHR)],
    "a block device": [RawFile("/dev/sda", kind=stat.S_IFBLK)],
    "a FIFO": [RawFile("/run/pipe", kind=stat.S_IFIFO)],
    "a socket": [RawFile("/run/socket", kind=stat.S_IFSOCK)],
    "an unknown kind": [RawFile("/run/what", kind=0o070000)],
    "the same path twice": [ONE, ONE],
    "the same path spelled twice": [ONE, RawFile("//opt/./one", b"one")],
    "escape sequence in a name": [RawFile("/opt/\x1b[2Ja", b"x")],
    "new line in a name": [RawFile("/opt/a\nb", b"x")],
    "a name that is not UTF-8": [RawFile("/opt/\udce4", b"x")],
    "too deep": [RawFile("/a" * 65, b"x")],
    "another hash": [RawFile("/opt/a", b"x", digest="0" * 64)],
    "another size": [RawFile("/opt/a", b"x", size=2)],
    "one inode, two sizes": [RawFile("/opt/a", b"x", inode=5), RawFile("/opt/b", b"xx", inode=5)],
    "one inode, two contents": [RawFile("/opt/a", b"x", inode=5), RawFile("/opt/b", b"y", inode=5)],
}


@pytest.mark.parametrize("files", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_headers_are_refused(tmp_path: Path, tree: Path, files: list[RawFile]) -> None:
    refused(
        raw_rpm(tmp_path / "a.rpm", *files, archive=newc(*files) if "\udce4" not in files[0].path else b""), tree
    )


def end(*parts: bytes) -> bytes:
    return b"".join(parts) + member("TRAILER!!!")


ARCHIVES = {
    "nothing": b"",
    "no end": member("./opt/one", b"one", REGULAR),
    "a file too few": end(member("./opt/one", b"one", REGULAR)),
    "a file that the header does not have": end(newc(ONE, TWO)[:-124], member("./opt/evil", b"x", REGULAR)),
    "a file twice": end(member("./opt/one", b"one", REGULAR), member("./opt/one", b"one", REGULAR)),
    "a folder where a file should be": end(
        member("./opt/one", b"", FOLDER), member("./opt/two", TWO.content, REGULAR)
    ),
    "a symlink where a file should be": end(member("./opt/one", b"etc", LINK)),
    "an absolute name": end(member("//opt/one", b"one", REGULAR)),
    "a name with dots": end(member("./opt/../opt/one", b"one", REGULAR)),
    "a longer content": end(member("./opt/one", b"one more", REGULAR)),
    "a shorter content": end(member("./opt/one", b"on", REGULAR)),
    "a size of four gigabytes": end(member("./opt/one", b"one", REGULAR, size=0xFFFFFFFF)),
    "a number of no file": end(b"07070X%08x\0\0" % 99),
    "a negative number": end(b"07070X-0000001\0\0"),
    "digits that Python takes and rpm does not": end(b"07070X0x000001\0\0"),
    "another format": b"070707" + bytes(200),
    "checksums": end(b"070702" + member("./opt/one", b"one", REGULAR)[6:]),
    "more behind its end": newc(ONE, TWO) + b"hidden",
    "a second archive behind its end": newc(ONE, TWO) + newc(ONE, TWO),
    "a tar archive": b"opt/one" + bytes(505),
    "cut": newc(ONE, TWO)[:150],
    "something compressed that is garbled": b"\x1f\x8b\x08\x00rubbish",
    "compressed and cut": zstandard.compress(newc(ONE, TWO))[:-10],
}


@pytest.mark.parametrize("archive", ARCHIVES.values(), ids=ARCHIVES.keys())
def test_archives_that_say_something_else_than_the_header_are_refused(
    tmp_path: Path, tree: Path, archive: bytes
) -> None:
    refused(raw_rpm(tmp_path / "a.rpm", ONE, TWO, archive=archive), tree)


def test_a_symlink_that_leads_elsewhere_than_the_header_says_is_refused(tmp_path: Path, tree: Path) -> None:
    link = RawFile("/opt/link", b"a", kind=LINK, mode=0o777)
    other = RawFile("/opt/link", b"b", kind=LINK, mode=0o777)

    assert "leads elsewhere" in refused(raw_rpm(tmp_path / "a.rpm", link, archive=newc(other)), tree)


def test_hard_links_without_a_content_are_refused(tmp_path: Path, tree: Path) -> None:
    archive = end(member("./opt/a", b"", REGULAR), member("./opt/b", b"", REGULAR))
    files = (RawFile("/opt/a", b"x", inode=5), RawFile("/opt/b", b"x", inode=5))

    refused(raw_rpm(tmp_path / "a.rpm", *files, archive=archive), tree)


def test_the_content_of_hard_links_may_come_with_any_of_them(tmp_path: Path, tree: Path) -> None:
    parts = [member(f"./opt/{name}", content, REGULAR) for name, content in (("a", b""), ("b", b"x"), ("c", b""))]
    files = [RawFile(f"/opt/{name}", b"x", inode=5) for name in "abc"]

    unpack(Unpacking("raw", raw_rpm(tmp_path / "a.rpm", *files, archive=end(*parts)), tree), Disk())

    assert [(tree / "opt" / name).read_bytes() for name in "abc"] == [b"x"] * 3


def test_a_bomb_is_refused_after_as_much_as_its_package_may_hold(tmp_path: Path, tree: Path) -> None:
    size = 1 << 30
    bomb = RawFile("/bomb", b"", size=size, digest="0" * 64)
    content = member("./bomb", b"", REGULAR, size=size) + bytes(200 * 1024 * 1024)
    archive = raw_rpm(tmp_path / "a.rpm", bomb, archive=zstandard.compress(content))

    said = refused(archive, tree, Limits.for_installed_size(1024 * 1024))

    assert "far more than its package states" in said
    assert (tree / "bomb").stat().st_size <= 70 * 1024 * 1024


def test_more_files_than_a_package_may_have_are_refused_before_one_is_made(tmp_path: Path, tree: Path) -> None:
    files = [RawFile(f"/opt/{number}") for number in range(50)]

    assert "more than 20 members" in refused(raw_rpm(tmp_path / "a.rpm", *files), tree, Limits(members=20))
    assert not list(tree.iterdir())


def test_a_header_cut_anywhere_is_refused(tmp_path: Path, tree: Path) -> None:
    whole = raw_rpm(tmp_path / "a.rpm", ONE, TWO).read_bytes()
    for length in range(8, len(whole) - 4, 37):
        archive = tmp_path / "cut.rpm"
        archive.write_bytes(whole[:length])
        own = tree / str(length)
        own.mkdir()

        with pytest.raises(VerificationFailed, match="the archive of `cut`"):
            unpack(Unpacking("cut", archive, own), Disk())
