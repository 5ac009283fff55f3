"""Packages of rpm become trees, as rpm's own programs would unpack them, where there is no rpm."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.rpmheader import FILE_DIGESTS, SHA256_OF_HEADER, read_header
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.unpack import MADE_RELATIVE, Unpacker, Unpacking
from rocmswitch.system.disk import Disk
from tests.support.debs import Link
from tests.support.rpmrepository import PAYLOADS, Rpm, build_rpm, need
from tests.support.unpacking import unpack

CONTENT = b"the same answer " * 40_000
FILES = {
    "opt/rocm-6.2.4/bin/tool": "#!/bin/sh\necho tool\n",
    "opt/rocm-6.2.4/lib/liba.so.1": CONTENT,
    "opt/rocm-6.2.4/lib/liba.so": Link("liba.so.1"),
    "opt/rocm-6.2.4/lib/empty": "",
    "opt/rocm-6.2.4/lib/a name with spaces and ü": "odd",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    made.mkdir()
    return made


def entries_of(archive: Path, tree: Path) -> dict[str, FileEntry]:
    return {one.path: one for one in unpack(Unpacking("demo", archive, tree), Disk())}


def contents(tree: Path) -> dict[str, bytes | str]:
    """What lies below *tree*: bytes of files, targets of links."""
    paths = (path for path in tree.rglob("*") if path.is_symlink() or not path.is_dir())
    return {
        str(path.relative_to(tree)): f"-> {path.readlink()}" if path.is_symlink() else path.read_bytes()
        for path in paths
    }


def as_rpm_unpacks(archive: Path, folder: Path) -> dict[str, bytes | str]:
    """What rpm2cpio and cpio make of it."""
    folder.mkdir()
    payload = subprocess.run([need("rpm2cpio", "rpm"), archive], capture_output=True, check=True).stdout
    command = [need("cpio", "cpio"), "-idm", "--quiet", "--no-absolute-filenames"]
    subprocess.run(command, input=payload, cwd=folder, check=True)
    return contents(folder)


SPEC = """
Name: links
Version: 1
Release: 1
Summary: As a test needs it
License: MIT
AutoReqProv: no
%description
Made for a test.
%install
mkdir -p %{buildroot}/opt/lib %{buildroot}/opt/bin
echo content > %{buildroot}/opt/lib/a
ln %{buildroot}/opt/lib/a %{buildroot}/opt/lib/b
ln %{buildroot}/opt/lib/a %{buildroot}/opt/lib/c
: > %{buildroot}/opt/lib/nothing
ln %{buildroot}/opt/lib/nothing %{buildroot}/opt/lib/nothing-too
echo tool > %{buildroot}/opt/bin/tool
ln -s /opt/lib/a %{buildroot}/opt/bin/absolute
touch %{buildroot}/opt/lib/ghost
%post
touch /tmp/a-script-of-a-package-was-run
%files
%dir /opt
/opt/lib/a
/opt/lib/b
/opt/lib/c
/opt/lib/nothing
/opt/lib/nothing-too
%attr(6755,root,root) %caps(cap_net_admin=ep) /opt/bin/tool
/opt/bin/absolute
%ghost /opt/lib/ghost
"""


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with all that needs care: hard links, a ghost, a script, a capability, setuid."""
    folder = tmp_path_factory.mktemp("links")
    spec = folder / "links.spec"
    spec.write_text(SPEC)
    where = ("--define", f"_topdir {folder}", "--define", "_build_id_links none")
    plain = ("--define", "__os_install_post %{nil}", "--define", f"_rpmdir {folder}")
    subprocess.run(
        [need("rpmbuild", "rpm"), "-bb", "--quiet", *where, *plain, spec], check=True, capture_output=True
    )
    return next(folder.rglob("*.rpm"))


@pytest.mark.parametrize("payload", sorted(PAYLOADS))
def test_every_compression_gives_what_rpm_gives(tmp_path: Path, tree: Path, payload: str) -> None:
    archive = build_rpm(Rpm("demo", files=FILES, payload=payload), tmp_path)

    entries_of(archive, tree)

    assert contents(tree) == as_rpm_unpacks(archive, tmp_path / "theirs")


def test_lzma_of_old_packages_is_understood(tmp_path: Path, tree: Path) -> None:
    archive = build_rpm(Rpm("demo", files=FILES, macros={"_binary_payload": "w6.lzdio"}), tmp_path)

    entries_of(archive, tree)

    assert contents(tree) == as_rpm_unpacks(archive, tmp_path / "theirs")


def test_each_path_has_its_hash_and_nobody_may_write(tmp_path: Path, tree: Path) -> None:
    archive = build_rpm(Rpm("demo", files=FILES), tmp_path)

    found = entries_of(archive, tree)

    assert found["opt/rocm-6.2.4/lib/liba.so.1"] == FileEntry(
        "opt/rocm-6.2.4/lib/liba.so.1",
        "file",
        0o444,
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        package="demo",
    )
    assert (tree / "opt/rocm-6.2.4/bin/tool").stat().st_mode & 0o7777 == 0o555


def test_hard_links_are_one_file_and_rpm_agrees(links: Path, tree: Path, tmp_path: Path) -> None:
    found = entries_of(links, tree)

    lib = tree / "opt/lib"
    assert lib.joinpath("a").samefile(lib / "b")
    assert lib.joinpath("b").samefile(lib / "c")
    assert lib.joinpath("nothing").samefile(lib / "nothing-too")
    assert {found[f"opt/lib/{name}"].sha256 for name in "abc"} == {hashlib.sha256(b"content\n").hexdigest()}
    mine, theirs = contents(tree), as_rpm_unpacks(links, tmp_path / "theirs")
    assert mine.keys() == theirs.keys()
    assert mine["opt/lib/b"] == theirs["opt/lib/b"] == b"content\n"


def test_no_script_runs_no_bit_gives_power_and_what_is_only_owned_is_absent(links: Path, tree: Path) -> None:
    found = entries_of(links, tree)

    assert (tree / "opt/bin/tool").stat().st_mode & 0o7777 == 0o555
    assert "opt/lib/ghost" not in found
    assert not Path("/tmp/a-script-of-a-package-was-run").exists()


def test_capabilities_that_are_left_out_are_told(links: Path, tree: Path) -> None:
    with Unpacker(Disk(), 0) as unpacker:
        unpacker.submit(Unpacking("links", links, tree))
        (done,) = unpacker.done()

    assert done.notes == ("`links` has files with capabilities, which only root could give them",)


def test_an_absolute_symlink_means_the_root_of_the_packages_own_tree(links: Path, tree: Path) -> None:
    link = entries_of(links, tree)["opt/bin/absolute"]

    assert (link.target, link.original_target, link.reason) == ("../lib/a", "/opt/lib/a", MADE_RELATIVE)
    assert (tree / "opt/bin/absolute").read_bytes() == b"content\n"


def test_a_package_without_files_is_a_package(tmp_path: Path, tree: Path) -> None:
    assert entries_of(build_rpm(Rpm("meta"), tmp_path), tree) == {}


@pytest.mark.parametrize(("number", "algorithm"), [(1, "md5"), (2, "sha1"), (8, "sha256"), (10, "sha512")])
def test_what_was_written_is_compared_with_every_kind_of_hash(
    tmp_path: Path, tree: Path, number: int, algorithm: str
) -> None:
    macros = {"_binary_filedigest_algorithm": str(number), "_source_filedigest_algorithm": str(number)}
    archive = build_rpm(Rpm("demo", files=FILES, macros=macros, payload=""), tmp_path)
    with archive.open("rb") as file:
        header = read_header(file).header
    assert hashlib.new(algorithm, CONTENT).hexdigest() in header.texts(FILE_DIGESTS)
    changed = tmp_path / "changed.rpm"
    changed.write_bytes(archive.read_bytes().replace(CONTENT, b"n" + CONTENT[1:]))

    with pytest.raises(VerificationFailed, match=r"has another content in `opt/rocm-6.2.4/lib/liba.so.1`"):
        unpack(Unpacking("demo", changed, tree), Disk())


def test_the_hash_of_the_header_is_over_the_bytes_that_are_called_signed(links: Path) -> None:
    with links.open("rb") as file:
        found = read_header(file)
        payload = file.read()

    assert hashlib.sha256(found.signed).hexdigest() == found.signature.text(SHA256_OF_HEADER)
    assert found.payload_digest == ("sha256", hashlib.sha256(payload).hexdigest())
