"""What a wheel says of itself, read from a server in parts; and a wheel made of source."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.errors import Failed, NotFound
from rocmswitch.fetch.contents import read_contents
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.metadata.wheelindex import IndexedFile
from rocmswitch.model.package import Artifact, Digest
from rocmswitch.store.cache import Cache
from rocmswitch.store.sourcewheel import LARGEST, pack_source
from rocmswitch.system.disk import Disk
from tests.support.server import Fault, Server

HURRY = Patience(connect=2, stall=2, attempts=2, pause=0.01)
METADATA = "Metadata-Version: 2.1\nName: big\nVersion: 1.0\n"
WHEEL = "big-1.0-py3-none-any.whl"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Has a wheel of some megabytes with its metadata in the middle, as torch has it."""
    folder = tmp_path / "served"
    folder.mkdir()
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        archive.writestr("big/a.bin", random.Random(1).randbytes(2_000_000))
        archive.writestr("big-1.0.dist-info/METADATA", METADATA)
        archive.writestr("big/b.bin", random.Random(2).randbytes(2_000_000))
    with Server(folder) as server:
        yield server


def listed(server: Server, *, metadata: bool = False, name: str = WHEEL) -> IndexedFile:
    path = server.folder / name
    return IndexedFile(name, server.url(name), None, path.stat().st_size, metadata=metadata)


def test_metadata_and_size_on_disk_are_read_without_the_whole_file(server: Server) -> None:
    said = read_contents(Http(HURRY), listed(server))

    assert (said.metadata.decode(), said.unpacked) == (METADATA, 4_000_000 + len(METADATA))
    assert all(one.range for one in server.requests)


def test_a_wheel_in_the_cache_is_asked_instead_of_the_server(server: Server) -> None:
    assert read_contents(Http(HURRY), listed(server), server.folder / WHEEL).metadata.decode() == METADATA
    assert server.requests == []


def test_a_server_of_whole_files_only_may_have_the_metadata_beside_the_wheel(server: Server) -> None:
    server.misbehave(WHEEL, Fault(ignore_range=True))
    (server.folder / f"{WHEEL}.metadata").write_text(METADATA)

    assert read_contents(Http(HURRY), listed(server, metadata=True)).metadata.decode() == METADATA
    with pytest.raises(Failed) as caught:
        read_contents(Http(HURRY), listed(server))
    assert "is sent as a whole only" in caught.value.message


def test_a_server_that_breaks_off_is_asked_again(server: Server) -> None:
    server.misbehave(WHEEL, Fault(cut_after=10, times=1))

    assert read_contents(Http(HURRY), listed(server)).metadata.decode() == METADATA


@pytest.mark.parametrize("content", (b"", b"PK", b"<html>" * 1000, b"PK\x05\x06" + bytes(18)))
def test_what_is_no_wheel_is_said_to_be_none(content: bytes, server: Server) -> None:
    (server.folder / "x.whl").write_bytes(content)

    with pytest.raises(Failed) as caught:
        read_contents(Http(HURRY), listed(server, name="x.whl"))

    assert caught.value.message.startswith("`x.whl` is not a wheel")


def test_a_wheel_that_is_gone_is_not_found(server: Server) -> None:
    file = listed(server)
    (server.folder / WHEEL).unlink()

    with pytest.raises(NotFound):
        read_contents(Http(HURRY), file)


SOURCE = {
    "rocm-1.0/PKG-INFO": "Metadata-Version: 2.4\nName: rocm\nVersion: 1.0\nRequires-Dist: evil\n",
    "rocm-1.0/setup.py": "raise SystemExit(1)\n",
    "rocm-1.0/src/rocm_sdk/__init__.py": "x = 1\n",
    "rocm-1.0/src/rocm.egg-info/entry_points.txt": "[console_scripts]\nrocm-sdk = rocm_sdk:x\n",
}


def packed(folder: Path, files: dict[str, str], *more: tarfile.TarInfo) -> Path:
    path = folder / "rocm-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
        for member in more:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return path


def made(folder: Path, source: Path) -> bytes:
    artifact = Artifact("rocm", "1.0", source.name, ("https://x",), 1, Digest.sha256("a" * 64), "pinned")
    wheel = pack_source(artifact, source, Cache(folder / "sha256", folder / "partial", Disk()))
    assert wheel.filename == "rocm-1.0-py3-none-any.whl"
    return wheel.path.read_bytes()


def test_source_becomes_the_same_wheel_every_time_and_nothing_of_it_runs(tmp_path: Path) -> None:
    source = packed(tmp_path, SOURCE)

    content = made(tmp_path, source)

    assert made(tmp_path, packed(tmp_path, dict(reversed(SOURCE.items())))) == content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert set(archive.namelist()) == {
            "rocm_sdk/__init__.py",
            *(f"rocm-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")),
        }
        assert b"evil" not in archive.read("rocm-1.0.dist-info/METADATA")


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def huge(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = LARGEST + 1
    return member


@pytest.mark.parametrize(
    "member",
    (
        link("rocm-1.0/src/rocm_sdk/passwd", "/etc/passwd"),
        tarfile.TarInfo("rocm-1.0/src/../../../x"),
        tarfile.TarInfo("/rocm-1.0/src/x.py"),
        huge("rocm-1.0/src/rocm_sdk/big"),
    ),
    ids=lambda member: member.name,
)
def test_a_hostile_archive_of_source_is_refused(member: tarfile.TarInfo, tmp_path: Path) -> None:
    with pytest.raises(Failed):
        made(tmp_path, packed(tmp_path, SOURCE, member))


@pytest.mark.parametrize("missing", ("rocm-1.0/PKG-INFO", "rocm-1.0/src/rocm_sdk/__init__.py"))
def test_source_of_another_layout_is_refused(missing: str, tmp_path: Path) -> None:
    files = {name: text for name, text in SOURCE.items() if name != missing}

    with pytest.raises(Failed) as caught:
        made(tmp_path, packed(tmp_path, files))

    assert "could be packed as it is" in caught.value.message
