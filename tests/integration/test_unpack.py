"""Packages become trees: every path with its hash, several packages at a time."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from pathlib import Path

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.package import Digest
from rocmswitch.store.unpack import MADE_RELATIVE, Unpacker, Unpacking, merge_entries
from rocmswitch.system.disk import Disk
from tests.support.archives import COMPRESS, TarMember, ar, deb, folder, hard_link, symlink, tar
from tests.support.debs import Deb, Link, build_deb
from tests.support.unpacking import unpack as unpack_archive

CONTENT = b"the same answer " * 40_000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    made.mkdir()
    return made


def unpack(archive: Path, tree: Path, **options: object) -> tuple[FileEntry, ...]:
    return unpack_archive(Unpacking("rocblas", archive, tree, **options), Disk())  # type: ignore[arg-type]


@pytest.mark.parametrize("compression", sorted(COMPRESS))
def test_every_compression_of_dpkg_gives_the_same_tree(tmp_path: Path, tree: Path, compression: str) -> None:
    members = (folder("./"), folder("./usr/"), folder("./usr/lib/"), TarMember("./usr/lib/librocblas.so", CONTENT))
    archive = deb(tmp_path / "a.deb", *members, compression=compression)

    entries = unpack(archive, tree)

    assert entries == (
        FileEntry("usr", "directory", 0o755, package="rocblas"),
        FileEntry("usr/lib", "directory", 0o755, package="rocblas"),
        FileEntry(
            "usr/lib/librocblas.so",
            "file",
            0o444,
            size=len(CONTENT),
            sha256=hashlib.sha256(CONTENT).hexdigest(),
            package="rocblas",
        ),
    )
    assert (tree / "usr/lib/librocblas.so").read_bytes() == CONTENT


@pytest.mark.parametrize("compression", ["xz", "gzip", "zstd", "none"])
def test_what_dpkg_deb_packs_comes_out_as_dpkg_deb_unpacks_it(tmp_path: Path, tree: Path, compression: str) -> None:
    long = "usr/share/" + "a-rather-long-name-" * 8 + "/" + "x" * 120
    files = {"usr/bin/tool": "#!/bin/sh\n", "usr/lib/liba.so.1": CONTENT, "usr/lib/liba.so": Link("liba.so.1")}
    archive = build_deb(Deb("tool", files={**files, long: "long"}, compression=compression), tmp_path)
    theirs = tmp_path / "theirs"
    subprocess.run(["dpkg-deb", "-x", archive, theirs], check=True)

    unpack(archive, tree)

    assert contents(tree) == contents(theirs)


def test_times_and_the_right_to_execute_are_kept_and_nobody_may_write(tmp_path: Path, tree: Path) -> None:
    archive = deb(tmp_path / "a.deb", TarMember("bin/tool", b"#!", mode=0o6777, mtime=1_234_567_890))

    entries = unpack(archive, tree)

    status = (tree / "bin/tool").stat()
    assert (status.st_mode & 0o7777, int(status.st_mtime)) == (0o555, 1_234_567_890)
    assert entries[-1].mode == 0o555


def test_an_absolute_symlink_means_the_root_of_its_own_tree(tmp_path: Path, tree: Path) -> None:
    archive = deb(
        tmp_path / "a.deb",
        TarMember("opt/rocm-6.2.4/lib/liba.so", b"a"),
        symlink("opt/rocm-6.2.4/bin/a", "/opt/rocm-6.2.4/lib/liba.so"),
    )

    entries = unpack(archive, tree)

    link = next(one for one in entries if one.kind == "link")
    assert (link.target, link.original_target, link.reason) == (
        "../lib/liba.so",
        "/opt/rocm-6.2.4/lib/liba.so",
        MADE_RELATIVE,
    )
    assert (tree / "opt/rocm-6.2.4/bin/a").resolve() == tree.resolve() / "opt/rocm-6.2.4/lib/liba.so"


def test_a_hard_link_is_the_same_file_twice(tmp_path: Path, tree: Path) -> None:
    archive = deb(tmp_path / "a.deb", TarMember("lib/a", b"a"), hard_link("lib/b", "lib/a"))

    entries = {one.path: one for one in unpack(archive, tree)}

    assert (tree / "lib/a").samefile(tree / "lib/b")
    assert entries["lib/b"].sha256 == entries["lib/a"].sha256


def test_what_the_host_lacks_goes_into_base_and_its_links_stay_there(tmp_path: Path, tree: Path) -> None:
    archive = deb(tmp_path / "a.deb", TarMember("lib/libtinfo.so.5", b"t"), symlink("usr/l", "/lib/libtinfo.so.5"))

    entries = unpack(archive, tree, place="base")

    assert [one.path for one in entries] == ["base", "base/lib", "base/lib/libtinfo.so.5", "base/usr", "base/usr/l"]
    assert (tree / "base/usr/l").read_bytes() == b"t"


def test_members_that_deb_5_lets_us_ignore_are_ignored(tmp_path: Path, tree: Path) -> None:
    data = COMPRESS[".xz"](tar([TarMember("a", b"a")]))
    plain = [("debian-binary", b"2.0\n"), ("control.tar", tar([])), ("_extra", b"odd"), ("data.tar.xz", data)]
    archive = tmp_path / "a.deb"
    archive.write_bytes(ar([*plain, ("_gpgorigin", b"signature")]))

    assert [one.path for one in unpack(archive, tree)] == ["a"]


def test_an_archive_with_another_hash_is_refused(tmp_path: Path, tree: Path) -> None:
    archive = deb(tmp_path / "a.deb", TarMember("a", b"a"))

    with pytest.raises(VerificationFailed, match=r"has the sha256 `.*` instead of `0000"):
        unpack(archive, tree, digest=Digest.sha256("0" * 64))


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_archive_with_the_hash_of_its_index_is_unpacked(tmp_path: Path, tree: Path, algorithm: str) -> None:
    archive = deb(tmp_path / "a.deb", TarMember("a", b"a"))
    digest = Digest(algorithm, hashlib.new(algorithm, archive.read_bytes()).hexdigest())

    assert [one.path for one in unpack(archive, tree, digest=digest)] == ["a"]


@pytest.mark.parametrize("jobs", [0, 2])
def test_packages_that_share_folders_and_equal_files_make_one_tree(tmp_path: Path, tree: Path, jobs: int) -> None:
    shared = (folder("usr"), TarMember("usr/share/license", b"MIT"))
    archives = [deb(tmp_path / f"{one}.deb", *shared, TarMember(f"usr/lib/{one}", one.encode())) for one in "abc"]

    with Unpacker(Disk(), jobs) as unpacker:
        for archive in archives:
            unpacker.submit(Unpacking(archive.stem, archive, tree))
        entries = merge_entries(one.entries for one in unpacker.done())

    assert [one.path for one in entries] == [
        "usr",
        "usr/lib",
        "usr/lib/a",
        "usr/lib/b",
        "usr/lib/c",
        "usr/share",
        "usr/share/license",
    ]
    assert contents(tree) == {"usr/lib/a": b"a", "usr/lib/b": b"b", "usr/lib/c": b"c", "usr/share/license": b"MIT"}


@pytest.mark.parametrize("jobs", [0, 2])
def test_one_path_with_two_contents_in_two_packages_is_refused(tmp_path: Path, tree: Path, jobs: int) -> None:
    one = deb(tmp_path / "one.deb", TarMember("usr/lib/a", b"one"))
    two = deb(tmp_path / "two.deb", TarMember("usr/lib/a", b"two"))

    with Unpacker(Disk(), jobs) as unpacker:
        unpacker.submit(Unpacking("one", one, tree))
        unpacker.submit(Unpacking("two", two, tree))
        batches = [unpacked.entries for unpacked in unpacker.done()]

    with pytest.raises(VerificationFailed, match=r"`usr/lib/a` of `.*` is not the one that `.*` has"):
        merge_entries(batches)


@pytest.mark.parametrize("target", ["a/b/c/../../../etc/passwd", "./a/b/c/../..", "a/b/d/../../../etc/passwd"])
def test_no_symlink_leads_out_of_the_tree_by_way_of_another_package_s(
    target: str, tmp_path: Path, tree: Path
) -> None:
    """As text each of them stays inside: what a link is called says nothing of where it leads."""
    one = deb(tmp_path / "one.deb", folder("a/b"), symlink("a/b/c", "../.."), symlink("a/b/d", "c/a"))
    two = deb(tmp_path / "two.deb", symlink("evil", target))
    batches = [unpack(archive, tree) for archive in (one, two)]

    with pytest.raises(VerificationFailed, match="has a symlink, `evil`, that leads out of the tree by way of"):
        merge_entries(batches)


@pytest.mark.parametrize("target", ["real/../link/../data", "link/sub/../../real", "loop/../x", "missing/../data"])
def test_symlinks_that_go_back_and_forth_in_the_tree_are_let_be(target: str, tmp_path: Path, tree: Path) -> None:
    links = (symlink("link", "real"), symlink("loop", "loop"), symlink("odd", target))
    batch = unpack(deb(tmp_path / "a.deb", folder("real/sub"), TarMember("data", b"x"), *links), tree)

    assert "odd" in {one.path for one in merge_entries([batch])}


def test_no_file_goes_through_a_symlink_of_another_package(tmp_path: Path, tree: Path) -> None:
    unpack(deb(tmp_path / "one.deb", folder("usr"), symlink("usr/lib", "../elsewhere")), tree)

    with pytest.raises(VerificationFailed, match="has a folder, `lib`, where another package has a file"):
        unpack(deb(tmp_path / "two.deb", TarMember("usr/lib/a", b"two")), tree)


def test_a_broken_package_ends_all_others_and_is_the_one_that_is_named(tmp_path: Path, tree: Path) -> None:
    good = [deb(tmp_path / f"good{n}.deb", TarMember(f"g{n}", bytes(2_000_000))) for n in range(8)]
    bad = tmp_path / "bad.deb"
    bad.write_bytes(b"!<arch>\nrubbish" * 1000)

    with pytest.raises(VerificationFailed, match="the archive of `bad`"), Unpacker(Disk(), 2) as unpacker:
        for archive in (bad, *good):
            unpacker.submit(Unpacking(archive.stem, archive, tree))
        list(unpacker.done())


def contents(tree: Path) -> dict[str, bytes | str]:
    """What lies below *tree*: bytes of files, targets of links."""
    paths = (path for path in tree.rglob("*") if path.is_symlink() or not path.is_dir())
    return {
        str(path.relative_to(tree)): f"-> {path.readlink()}" if path.is_symlink() else path.read_bytes()
        for path in paths
    }


def test_old_tar_headers_are_understood_too(tmp_path: Path, tree: Path) -> None:
    archive = deb(tmp_path / "a.deb", TarMember("lib/", type=tarfile.AREGTYPE), TarMember("lib/a", b"a"))

    assert [one.kind for one in unpack(archive, tree)] == ["directory", "file"]
