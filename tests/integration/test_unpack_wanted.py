"""Packages of which not every file is wanted."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.store.members import Member
from rocmswitch.store.target import HEAD
from rocmswitch.store.unpack import Unpacked, Unpacker, Unpacking
from rocmswitch.system.disk import Disk
from tests.support.archives import TarMember, deb, folder, hard_link, symlink, tar

Wanted = Callable[[Member, bytes], bool]


def without_red(member: Member, head: bytes) -> bool:
    return "red" not in member.path


def test_what_is_not_wanted_is_neither_written_nor_listed_but_counted(tmp_path: Path):
    done = unpacked(tmp_path, without_red, TarMember("usr/red", b"123"), TarMember("usr/blue", b"45"))

    assert (listed(done), done.left_out) == (["usr", "usr/blue"], (("usr/red", 3),))
    assert sorted(path.name for path in (tmp_path / "tree/usr").iterdir()) == ["blue"]


def test_the_first_bytes_of_a_file_are_shown_before_it_is_written(tmp_path: Path):
    content = bytes(range(256)) * (HEAD // 256 + 4)
    seen: dict[str, bytes] = {}

    def look(member: Member, head: bytes) -> bool:
        seen[member.path] = head
        return True

    unpacked(tmp_path, look, TarMember("large", content), TarMember("small", b"abc"), TarMember("empty"))

    assert seen == {"large": content[:HEAD], "small": b"abc", "empty": b""}
    assert (tmp_path / "tree/large").read_bytes() == content


def test_links_are_asked_for_by_their_names(tmp_path: Path):
    members = [TarMember("blue", b"1"), symlink("red-link", "blue"), hard_link("red-name", "blue")]

    done = unpacked(tmp_path, without_red, *members)

    assert (listed(done), done.left_out) == (["blue"], (("red-link", 0), ("red-name", 0)))


@pytest.mark.parametrize(
    "links",
    [
        [symlink("lib/blue", "red")],
        [symlink("lib/blue", "/lib/red")],
        [symlink("blue", "lib/red")],
        [hard_link("lib/blue", "lib/red")],
        [symlink("lib/blue", "../other/blue"), symlink("other/blue", "../lib/red")],
        [hard_link("lib/blue", "lib/red"), symlink("blue", "lib/blue")],
    ],
)
def test_a_file_that_a_wanted_link_leads_to_is_kept(tmp_path: Path, links: list[TarMember]):
    members = [folder("other"), TarMember("lib/red", b"colour"), TarMember("lib/red2", b"12")]

    done = unpacked(tmp_path, without_red, *members, *links)

    assert done.left_out == (("lib/red2", 2),)
    assert [(tmp_path / "tree" / one.name).read_bytes() for one in links] == [b"colour"] * len(links)


def test_links_in_a_circle_keep_nothing(tmp_path: Path):
    done = unpacked(tmp_path, without_red, TarMember("red", b"1"), symlink("a", "b"), symlink("b", "a"))

    assert (listed(done), done.left_out) == (["a", "b"], (("red", 1),))


@pytest.mark.parametrize("top", ["", "rocm-10.1.0/"])
def test_a_tarball_is_treated_alike_with_a_folder_around_it_and_without(tmp_path: Path, top: str):
    members = [
        TarMember(f"{top}lib/red1", b"12"),
        TarMember(f"{top}lib/red2", b"colour"),
        hard_link(f"{top}lib/blue", f"{top}lib/red2"),
        TarMember(f"{top}bin/tool", b"#!"),
    ]
    archive = tmp_path / "flat.tar.gz"
    archive.write_bytes(gzip.compress(tar(members)))

    done = run(Unpacking("flat", archive, tree(tmp_path), root="opt/rocm", wanted=without_red))

    assert done.left_out == (("opt/rocm/lib/red1", 2),)
    assert (tmp_path / "tree/opt/rocm/lib/blue").read_bytes() == b"colour"
    assert [one for one in listed(done) if "rocm-10" in one] == []


def test_an_archive_is_read_to_its_end_though_nothing_of_it_is_wanted(tmp_path: Path):
    archive = deb(tmp_path / "a.deb", TarMember("red", b"1" * 100_000))
    archive.write_bytes(archive.read_bytes()[:-40])

    with pytest.raises(VerificationFailed):
        run(Unpacking("a", archive, tree(tmp_path), wanted=without_red))


def test_a_name_that_comes_twice_is_refused_though_it_is_not_wanted(tmp_path: Path):
    with pytest.raises(VerificationFailed, match="has `red` twice"):
        unpacked(tmp_path, without_red, TarMember("red", b"1"), TarMember("red", b"2"))


def test_nothing_may_lie_below_a_file_that_is_not_wanted(tmp_path: Path):
    with pytest.raises(VerificationFailed, match="has a member below `red`"):
        unpacked(tmp_path, lambda member, _: member.path != "red", TarMember("red", b"1"), TarMember("red/x", b"2"))


def unpacked(folder: Path, wanted: Wanted, *members: TarMember) -> Unpacked:
    return run(Unpacking("a", deb(folder / "a.deb", *members), tree(folder), wanted=wanted))


def run(work: Unpacking) -> Unpacked:
    with Unpacker(Disk(), 0) as unpacker:
        unpacker.submit(work)
        (done,) = unpacker.done()
    return done


def tree(folder: Path) -> Path:
    made = folder / "tree"
    made.mkdir()
    return made


def listed(done: Unpacked) -> list[str]:
    return sorted(one.path for one in done.entries)
