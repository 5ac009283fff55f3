"""The file that a bundle is: every byte of it is expected, and what is not as expected is told."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import msgspec
import pytest

from rocmswitch.errors import NotFound, RocmswitchError, UsageMistake, VerificationFailed
from rocmswitch.fetch.recorded import Bundled
from rocmswitch.metadata.bundle import Bundle, BundledFile, MadeOn, member_path, parse_bundle, render_bundle
from rocmswitch.store.bundle import BundleFile, bundle_size, write_bundle
from rocmswitch.system.disk import Disk

CONTENTS = {"one.deb": b"first" * 300, "two.deb": b"second\n", "InRelease": b"signed\n" * 90}
HOST = MadeOn(distribution="debian", codename="bookworm", architecture="amd64")


def made() -> tuple[Bundle, dict[str, bytes]]:
    sources = {}
    members = []
    for name, content in CONTENTS.items():
        digest = hashlib.sha256(content).hexdigest()
        path = member_path("package", digest, name)
        urls = (f"http://mirror.example/{name}",)
        members.append(BundledFile(path=path, kind="package", size=len(content), sha256=digest, urls=urls))
        sources[path] = content
    ordered = tuple(sorted(members, key=lambda one: one.path))
    bundle = Bundle(
        schema=1, rocmswitch="1", created="2026-01-02T03:04:05+00:00", host=HOST, stacks=(), members=ordered
    )
    return bundle, sources


@pytest.fixture
def path(tmp_path: Path) -> Path:
    bundle, sources = made()
    path = tmp_path / "a.tar"
    write_bundle(path, bundle, sources, Disk())
    return path


def opened_and_checked(path: Path) -> None:
    with BundleFile.opened(path) as file:
        file.check()


def test_a_bundle_that_was_written_is_whole(path: Path):
    with BundleFile.opened(path) as file:
        file.check()
        contents = sorted(file.read(one) for one in file.bundle.members)

    assert contents == sorted(CONTENTS.values())
    assert path.stat().st_size == bundle_size(made()[0])


def test_no_byte_but_words_of_the_list_can_be_flipped_unnoticed(path: Path):
    whole = path.read_bytes()
    with tarfile.open(path) as tar:
        # The sum over a header is no part of it, and how its digits end means nothing.
        sums = {at for one in tar.getmembers() for at in range(one.offset + 148, one.offset + 156)}
    unnoticed = []
    for at in (at for at in range(0, len(whole), 7) if at not in sums):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        try:
            opened_and_checked(path)
        except VerificationFailed:
            continue
        unnoticed.append(at)

    # In the list there are words that only people read, and a date that nothing proves.
    head = render_bundle(made()[0])
    assert [at for at in unnoticed if not 512 <= at < 512 + len(head)] == []


def test_a_flipped_byte_of_a_member_is_told_with_its_name(path: Path):
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"second\n", b"secund\n"))

    with pytest.raises(VerificationFailed, match=r"-two\.deb` in the bundle .* is damaged"):
        opened_and_checked(path)


@pytest.mark.parametrize("left", (0, 100, 511, 512, 600, 3000, 10239))
def test_a_bundle_that_was_cut_off_is_told(path: Path, left: int):
    path.write_bytes(path.read_bytes()[:left])

    with pytest.raises(VerificationFailed, match=r"is cut off|is no bundle"):
        opened_and_checked(path)


def test_more_than_the_list_says_is_refused(path: Path):
    with path.open("ab") as file:
        file.write(b"\0" * 10240)

    with pytest.raises(VerificationFailed, match="more in it than its list says"):
        opened_and_checked(path)


@pytest.mark.parametrize("kind", (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE))
def test_a_member_that_is_no_file_is_damage(path: Path, kind: bytes):
    with tarfile.open(path) as tar:
        one = tar.getmembers()[1]
    forged = tarfile.TarInfo(one.name)
    forged.type, forged.linkname, forged.size = kind, "/etc/passwd", one.size
    whole = bytearray(path.read_bytes())
    whole[one.offset : one.offset + 512] = forged.tobuf(tarfile.USTAR_FORMAT)
    path.write_bytes(whole)

    with pytest.raises(VerificationFailed, match="is damaged"):
        opened_and_checked(path)


@pytest.mark.parametrize(
    "change",
    (
        {"path": "../../etc/passwd"},
        {"path": "/etc/passwd"},
        {"path": "packages/a\nb"},
        {"size": -1},
        {"size": 1 << 62},
        {"sha256": "0"},
        {"sha256": "Z" * 64},
    ),
)
def test_a_list_that_says_what_cannot_be_is_refused(change: dict[str, object]):
    bundle, _ = made()
    members = (msgspec.structs.replace(bundle.members[0], **change), *bundle.members[1:])
    text = render_bundle(msgspec.structs.replace(bundle, members=members))

    with pytest.raises(VerificationFailed):
        parse_bundle(text, "it")


@pytest.mark.parametrize(
    "created", ("", "2026-13-01", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
)
def test_a_day_that_cannot_be_is_refused(created: str):
    text = render_bundle(msgspec.structs.replace(made()[0], created=created))

    with pytest.raises(VerificationFailed, match="is no bundle that can be read"):
        parse_bundle(text, "it")


def test_a_bundle_of_a_later_version_says_so():
    with pytest.raises(VerificationFailed, match="`it` has schema 2, and this rocmswitch reads 1"):
        parse_bundle(b'{"schema": 2, "contents": []}', "it")


@pytest.mark.parametrize("text", (b"", b"[", b"[]", b"{}", b'{"schema": 2}', b"[" * 100_000, b"\xff\xfe"))
def test_a_list_that_is_none_is_refused(text: bytes):
    with pytest.raises(VerificationFailed):
        parse_bundle(text, "it")


def test_a_tar_that_somebody_else_made_is_no_bundle(tmp_path: Path):
    path = tmp_path / "other.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("bundle.json")
        info.size = 1 << 40  # and nothing behind it
        tar.fileobj.write(info.tobuf(tarfile.GNU_FORMAT)) if tar.fileobj else None

    with pytest.raises(VerificationFailed):
        opened_and_checked(path)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(UsageMistake):
        BundleFile.opened(tmp_path / "fifo")
    with pytest.raises(UsageMistake):
        BundleFile.opened(tmp_path)
    with pytest.raises(NotFound):
        BundleFile.opened(tmp_path / "nothing")


def test_a_source_that_has_changed_leaves_what_was_there(path: Path):
    before = path.read_bytes()
    bundle, sources = made()
    sources[bundle.members[0].path] += b"more"

    with pytest.raises(VerificationFailed, match="was changed while the bundle was written"):
        write_bundle(path, bundle, sources, Disk())

    assert path.read_bytes() == before
    assert list(path.parent.glob(".*")) == []


def test_the_list_comes_back_as_it_was():
    bundle, _ = made()

    assert parse_bundle(render_bundle(bundle), "it") == bundle


def test_http_from_a_bundle_knows_what_is_in_it_and_nothing_else(path: Path):
    with BundleFile.opened(path) as file:
        http = Bundled(file)

        assert http.read("http://mirror.example/two.deb", limit=100) == b"second\n"
        assert http.length("http://mirror.example/two.deb") == 7
        with http.stream("http://mirror.example/two.deb", offset=3) as answer:
            assert (answer.offset, b"".join(answer.chunks())) == (3, b"ond\n")
        with http.stream("http://mirror.example/two.deb", offset=3, validator='"another"') as answer:
            assert (answer.offset, b"".join(answer.chunks())) == (0, b"second\n")
        with pytest.raises(VerificationFailed):
            http.read("http://mirror.example/two.deb", limit=6)
        with pytest.raises(RocmswitchError, match="made for `bookworm`"):
            http.read("http://mirror.example/three.deb", limit=6)


def test_a_size_beyond_what_digits_can_say_is_written_and_read_the_same():
    """Eight GiB and more: only its header, nobody writes such a file here."""
    info = tarfile.TarInfo("packages/big")
    info.size = 9 * 1024**3
    block = info.tobuf(tarfile.GNU_FORMAT)

    assert len(block) == 512
    assert tarfile.TarInfo.frombuf(block, "utf-8", "strict").size == info.size
    assert io.BytesIO(block).read(12) == b"packages/big"


def test_nothing_but_an_index_may_be_packed():
    bundle, _ = made()
    first, *rest = (msgspec.structs.replace(one, packed=True) for one in bundle.members)
    index = msgspec.structs.replace(first, kind="index")

    parse_bundle(render_bundle(msgspec.structs.replace(bundle, members=(index,))), "it")
    with pytest.raises(VerificationFailed, match="is packed, which only indexes are"):
        parse_bundle(render_bundle(msgspec.structs.replace(bundle, members=(index, *rest))), "it")
