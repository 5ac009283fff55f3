"""Flat trees in one archive: every way to pack them gives the same tree, and nothing leaves it."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.unpack import MADE_RELATIVE, Unpacking
from rocmswitch.system.disk import Disk
from tests.support.archives import COMPRESS, TarMember, folder, hard_link, symlink, tar
from tests.support.unpacking import unpack

ROOT = "opt/rock"
LONG = "share/" + "a-long-name-" * 12
FILES = {"bin/tool": b"#!/bin/sh\n", "lib/liba.so.1": b"library" * 9000, LONG: b"long", ".info/version": b"1\n"}


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """A tree to be packed, with a symlink and a hard link."""
    made = tmp_path / "flat"
    for path, content in FILES.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_bytes(content)
    (made / "bin/tool").chmod(0o6755)
    (made / "lib/liba.so").symlink_to("liba.so.1")
    (made / "lib/copy").hardlink_to(made / "lib/liba.so.1")
    return made


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "outside" / "tree"
    made.mkdir(parents=True)
    return made


def pack(flat: Path, name: str, form: str, *, wrapped: bool) -> Path:
    path = flat.with_name(name)
    words = ["tar", "--create", "--auto-compress", f"--format={form}", "--file", path]
    subprocess.run([*words, *(["-C", flat.parent, flat.name] if wrapped else ["-C", flat, "."])], check=True)
    return path


def entries_of(archive: Path, tree: Path) -> dict[str, FileEntry]:
    return {one.path: one for one in unpack(Unpacking("rock", archive, tree, root=ROOT), Disk())}


def raw(path: Path, *members: TarMember) -> Path:
    path.write_bytes(tar(members))
    return path


def said(*records: str) -> TarMember:
    """A PAX header with `keyword=value` records."""
    content = b"".join(_record(one) for one in records)
    return TarMember("PaxHeaders/x", content, type=tarfile.XHDTYPE)


def _record(text: str) -> bytes:
    length = len(text.encode()) + 2
    length += len(str(length + len(str(length))))
    return f"{length} {text}\n".encode()


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar.lzma"])
@pytest.mark.parametrize("form", ["gnu", "pax"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["flat", "wrapped"])
def test_every_way_to_pack_gives_the_same_tree(
    flat: Path, tree: Path, suffix: str, form: str, wrapped: bool
) -> None:
    found = entries_of(pack(flat, f"rock{suffix}", form, wrapped=wrapped), tree)

    there = {path.relative_to(flat).as_posix() for path in flat.rglob("*")}
    assert set(found) == {"opt", ROOT, *(f"{ROOT}/{path}" for path in there)}
    assert {path: (tree / ROOT / path).read_bytes() for path in FILES} == FILES
    assert (tree / ROOT / "lib/liba.so").read_bytes() == FILES["lib/liba.so.1"]
    assert (tree / ROOT / "lib/copy").samefile(tree / ROOT / "lib/liba.so.1")
    assert (tree / ROOT / "bin/tool").stat().st_mode & 0o7777 == 0o555
    assert sorted(one.name for one in (tree / ROOT).iterdir()) == [".info", "bin", "lib", "share"]


def test_a_folder_that_a_tree_is_made_of_is_not_taken_away(tmp_path: Path, tree: Path) -> None:
    found = entries_of(raw(tmp_path / "a.tar", TarMember("lib/a", b"a")), tree)

    assert list(found) == ["opt", ROOT, f"{ROOT}/lib", f"{ROOT}/lib/a"]


def test_a_folder_in_a_folder_of_its_name_takes_its_place(tmp_path: Path, tree: Path) -> None:
    found = entries_of(raw(tmp_path / "a.tar", TarMember("rock/rock/a", b"a"), TarMember("rock/b", b"b")), tree)

    assert list(found) == ["opt", ROOT, f"{ROOT}/rock", f"{ROOT}/rock/a", f"{ROOT}/b"]
    assert (tree / ROOT / "rock/a").read_bytes() == b"a"


def test_what_is_in_a_wrapping_folder_may_have_any_name(tmp_path: Path, tree: Path) -> None:
    names = [f".{word}" for word in ("rock.unwrapped", "unwrapped", "unwrapped-0", "unwrapped-1")]
    members = (TarMember(f"rock/{name}", b"x") for name in (*names, "bin/tool"))

    entries_of(raw(tmp_path / "a.tar", *members), tree)

    assert {path.name for path in (tree / ROOT).iterdir()} == {"bin", *names}


@pytest.mark.parametrize("around", ["", "rock-1.0/"])
def test_an_absolute_symlink_means_the_root_of_the_tree(tmp_path: Path, tree: Path, around: str) -> None:
    members = (TarMember(f"{around}lib/a", b"a"), symlink(f"{around}bin/a", "/lib/a"))

    link = entries_of(raw(tmp_path / "a.tar", *members), tree)[f"{ROOT}/bin/a"]

    assert (link.target, link.original_target, link.reason) == ("../lib/a", "/lib/a", MADE_RELATIVE)
    assert (tree / ROOT / "bin/a").read_bytes() == b"a"


A = TarMember("a", b"x")
HOSTILE = {
    "out by name": [TarMember("../evil", b"x")],
    "absolute name": [TarMember("/tmp/evil", b"x")],
    "out by a symlink": [symlink("lib/x", "../../evil")],
    "through a symlink": [symlink("lib", "share"), TarMember("lib/evil", b"x")],
    "a hard link out": [hard_link("lib/evil", "../../etc/passwd")],
    "a device": [TarMember("dev/null", type=tarfile.CHRTYPE)],
    "twice": [A, A],
    "a sparse file": [TarMember("lib/a", type=tarfile.GNUTYPE_SPARSE)],
    "out once the folder around it is gone": [TarMember("top/lib/a", b"x"), symlink("top/evil", "../top/lib/a")],
    "a name for all members": [TarMember("g", _record("path=etc"), type=tarfile.XGLTYPE), A],
    "out by a name in a PAX header": [said("path=../evil"), A],
    "out by a target in a PAX header": [said("linkpath=../../evil"), symlink("a", "b")],
    "a size in a PAX header": [said("size=99999"), A],
    "a size that is no number": [said("size=-1"), A],
    "GNU's sparse files": [said("GNU.sparse.major=1"), A],
    "another charset": [said("hdrcharset=BINARY"), A],
    "a PAX header that ends too early": [TarMember("x", b"99 path=a\n", type=tarfile.XHDTYPE), A],
    "a PAX header of no length": [TarMember("x", b"0 path=a\n", type=tarfile.XHDTYPE), A],
    "a PAX header without a keyword": [said("=a"), A],
    "a PAX header with a name twice": [said("path=a", "path=b"), A],
    "two PAX headers": [said("path=a"), said("path=b"), A],
    "a huge PAX header": [TarMember("x", bytes(100_000), type=tarfile.XHDTYPE), A],
    "a PAX header at the end": [said("path=a")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_members_are_refused(tmp_path: Path, tree: Path, members: list[TarMember]) -> None:
    with pytest.raises(VerificationFailed, match="the archive of `rock` "):
        entries_of(raw(tmp_path / "a.tar", *members), tree)

    assert [path.name for path in tree.parent.iterdir()] == ["tree"]


NO_ARCHIVES = {
    "nothing": b"",
    "too short": b"short",
    "a page of a server": b"<html>not found</html>" * 100,
    "compressed words": COMPRESS[".gz"](b"no tar"),
}


@pytest.mark.parametrize("content", NO_ARCHIVES.values(), ids=NO_ARCHIVES.keys())
def test_what_is_no_archive_is_refused(tmp_path: Path, tree: Path, content: bytes) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(content)

    with pytest.raises(VerificationFailed, match="the archive of `rock` "):
        entries_of(archive, tree)


def test_words_of_portable_archives_that_a_tree_does_not_keep_are_passed_over(tmp_path: Path, tree: Path) -> None:
    members = (
        TarMember("g", _record("comment=hello"), type=tarfile.XGLTYPE),
        folder("lib"),
        said("mtime=1700000000.5", "uid=4000000000", "uname=builder", "SCHILY.xattr.user.a=b", "path=lib/Ünicode"),
        TarMember("lib/U", b"a"),
    )

    entries_of(raw(tmp_path / "a.tar", *members), tree)

    assert (tree / ROOT / "lib/Ünicode").read_bytes() == b"a"
