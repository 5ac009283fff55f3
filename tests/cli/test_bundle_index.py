"""The list of packages in a bundle: packed to unpack fastest, and believed by the hash of what comes out."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import zstandard
from msgspec.structs import replace

from rocmswitch.metadata.bundle import BundledFile
from rocmswitch.store.bundle import BundleFile, write_bundle
from rocmswitch.system.disk import Disk
from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine


@pytest.fixture
def bundle(line: CommandLine, tmp_path: Path) -> Path:
    path = tmp_path / "acme.tar"
    line.succeed("bundle", "create", NAME, "-o", str(path), "--yes")
    return path


@pytest.fixture
def other(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "another machine")


def packed_of(file: BundleFile) -> BundledFile:
    (found,) = (one for one in file.bundle.members if one.packed)
    return found


def with_list(path: Path, content: bytes) -> Path:
    """The same bundle, its list of packages replaced by *content*, with everything that a bundle itself states."""
    forged = path.with_name("forged.tar")
    with BundleFile.opened(path) as file:
        old, bundle = packed_of(file), file.bundle
        contents = {one.path: b"".join(file.pieces(one)) for one in bundle.members}
    made = replace(old, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    members = tuple(made if one is old else one for one in bundle.members)
    write_bundle(forged, replace(bundle, members=members), {**contents, old.path: content}, Disk())
    return forged


def test_a_list_of_packages_is_kept_once_as_zstd_of_what_was_signed(
    line: CommandLine, site: AcmeSite, bundle: Path
):
    with BundleFile.opened(bundle) as file:
        packed = packed_of(file)
        lists = [one.urls for one in file.bundle.members if any("Packages" in url for url in one.urls)]
        plain = zstandard.ZstdDecompressor().decompressobj().decompress(file.read(packed))

    assert lists == [packed.urls]
    assert packed.path.endswith("-Packages.zst")
    assert plain.startswith(b"Package: ")
    assert packed.urls[0].endswith("/Packages")


def test_a_list_that_is_not_what_was_signed_is_refused_however_it_is_packed(other: CommandLine, bundle: Path):
    with BundleFile.opened(bundle) as file:
        plain = b"".join(file.unpacked(packed_of(file)))
    forged = with_list(bundle, zstandard.compress(plain.replace(b"acme-core", b"evil-core")))

    outcome = other.run("bundle", "install", str(forged), "--yes")

    assert outcome.code == 4, outcome
    assert "is not what its Release file says" in outcome.error
    assert not other.layout.prefixes.exists()


@pytest.mark.parametrize("content", (b"no zstd", zstandard.compress(b"a" * 10_000)[:-9]), ids=("other", "cut off"))
def test_a_list_that_does_not_unpack_is_damaged(content: bytes, other: CommandLine, bundle: Path):
    outcome = other.run("bundle", "install", str(with_list(bundle, content)), "--yes")

    assert outcome.code == 4, outcome
    assert "is damaged" in outcome.error or "is not what its Release file says" in outcome.error


def test_a_list_that_unpacks_to_more_than_was_signed_is_given_up(other: CommandLine, bundle: Path):
    forged = with_list(bundle, zstandard.compress(b"\n" * 300_000_000))

    outcome = other.run("bundle", "install", str(forged), "--yes")

    assert outcome.code == 4, outcome
    assert "bytes when decompressed" in outcome.error
