"""Archives made to do harm: each is refused with its package's name, and nothing appears outside the tree."""

from __future__ import annotations

import lzma
import tarfile
from pathlib import Path

import pytest
import zstandard

from rocmswitch.errors import VerificationFailed
from rocmswitch.store.members import Limits
from rocmswitch.store.unpack import Unpacking
from rocmswitch.system.disk import Disk
from tests.support.archives import COMPRESS, TarMember, ar, deb, deb_of, folder, hard_link, symlink, tar
from tests.support.unpacking import refusal, unpack

EVIL = TarMember("lib/evil", b"evil")
HOSTILE = {
    "absolute name": [TarMember("/etc/evil", b"x")],
    "dots": [TarMember("usr/../../evil", b"x")],
    "dots behind a dot": [TarMember("./../evil", b"x")],
    "symlink out": [symlink("lib/evil", "../../etc")],
    "symlink far out": [symlink("a/b/c", "../../../../../../etc/passwd")],
    "empty symlink": [symlink("evil", "")],
    "hard link out": [hard_link("lib/evil", "../../etc/passwd")],
    "absolute hard link": [hard_link("lib/evil", "/etc/passwd")],
    "hard link to nothing": [hard_link("lib/evil", "lib/missing")],
    "hard link to a symlink": [symlink("lib/a", "b"), hard_link("lib/evil", "lib/a")],
    "write through a symlink": [folder("real"), symlink("lib", "real"), EVIL],
    "write through a late symlink": [folder("real"), EVIL, symlink("lib", "real")],
    "folder in place of a symlink": [folder("real"), symlink("lib", "real"), folder("lib")],
    "below a file": [TarMember("lib", b"x"), EVIL],
    "character device": [TarMember("dev/null", type=tarfile.CHRTYPE)],
    "block device": [TarMember("dev/sda", type=tarfile.BLKTYPE)],
    "FIFO": [TarMember("run/pipe", type=tarfile.FIFOTYPE)],
    "sparse file": [TarMember("lib/a", type=tarfile.GNUTYPE_SPARSE)],
    "PAX header": [TarMember("lib/a", b"13 path=/etc\n", type=tarfile.XHDTYPE)],
    "global PAX header": [TarMember("lib/a", b"13 path=/etc\n", type=tarfile.XGLTYPE)],
    "unknown type": [TarMember("lib/a", type=b"Z")],
    "the same file twice": [EVIL, EVIL],
    "the same folder twice": [folder("lib"), folder("lib/")],
    "the same name spelled twice": [EVIL, TarMember("./lib//evil", b"other")],
    "content in a symlink": [TarMember("a", b"x" * 512, type=tarfile.SYMTYPE, target="b")],
    "a file as the root": [TarMember("./", b"x", type=tarfile.REGTYPE)],
    "new line in a name": [TarMember("lib/a\nb", b"x")],
    "escape sequence in a name": [TarMember("lib/\x1b[2Ja", b"x")],
    "right-to-left override": [TarMember("lib/a\u202eb", b"x")],
    "control character in a target": [symlink("a", "b\x07")],
    "too deep": [TarMember("a/" * 65 + "b", b"x")],
    "too long a part": [TarMember("a" * 256, b"x")],
    "too long a path": [TarMember("/".join(["a" * 200] * 6), b"x")],
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "outside" / "tree"
    made.mkdir(parents=True)
    return made


def refused(archive: Path, tree: Path, limits: Limits | None = None) -> str:
    return refusal(Unpacking("rocblas", archive, tree, limits=limits or Limits()))


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_members_are_refused(tmp_path: Path, tree: Path, members: list[TarMember]) -> None:
    assert "`" in refused(deb(tmp_path / "a.deb", *members), tree)


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path, tree: Path) -> None:
    data = COMPRESS[".xz"](tar([TarMember("lib/caf\xe9", b"x")], encoding="latin-1"))

    assert "a name that is not UTF-8" in refused(deb_of(tmp_path / "a.deb", data), tree)


def test_names_of_other_scripts_are_accepted(tmp_path: Path, tree: Path) -> None:
    unpack(Unpacking("fonts", deb(tmp_path / "a.deb", TarMember("share/Főtanúsítvány.crt", b"x")), tree), Disk())

    assert (tree / "share/Főtanúsítvány.crt").read_bytes() == b"x"


def test_devices_and_setuid_bits_of_hard_links_do_not_slip_in(tmp_path: Path, tree: Path) -> None:
    members = (TarMember("bin/su", b"x", mode=0o4777), hard_link("bin/sudo", "bin/su"))
    unpack(Unpacking("su", deb(tmp_path / "a.deb", *members), tree), Disk())

    assert (tree / "bin/sudo").stat().st_mode & 0o7777 == 0o555


@pytest.mark.parametrize("compression", sorted(COMPRESS))
def test_an_archive_cut_anywhere_is_refused(tmp_path: Path, tree: Path, compression: str) -> None:
    whole = deb(tmp_path / "a.deb", TarMember("a", bytes(range(256)) * 200), compression=compression).read_bytes()
    for number, length in enumerate([0, 4, 30, 70, 150, len(whole) // 2, len(whole) - 600, len(whole) - 2]):
        archive = tmp_path / "cut.deb"
        archive.write_bytes(whole[:length])
        own = tree / str(number)
        own.mkdir()

        with pytest.raises(VerificationFailed, match="the archive of `cut`"):
            unpack(Unpacking("cut", archive, own), Disk())


@pytest.mark.parametrize("compression", [".gz", ".xz", ".bz2"])
def test_a_garbled_archive_is_refused(tmp_path: Path, tree: Path, compression: str) -> None:
    archive = deb(tmp_path / "a.deb", TarMember("a", bytes(range(256)) * 200), compression=compression)
    content = bytearray(archive.read_bytes())
    content[-40] ^= 0xFF
    archive.write_bytes(content)

    refused(archive, tree)


def test_a_garbled_tar_header_is_refused(tmp_path: Path, tree: Path) -> None:
    content = bytearray(tar([TarMember("a", b"a")]))
    content[120] ^= 0xFF

    assert "bad checksum" in refused(deb_of(tmp_path / "a.deb", bytes(content), name="data.tar"), tree)


def test_bytes_hidden_behind_the_end_of_the_tar_archive_are_refused(tmp_path: Path, tree: Path) -> None:
    data = tar([TarMember("a", b"a")]) + tar([TarMember("b", b"b")])

    assert "after the end of its archive" in refused(deb_of(tmp_path / "a.deb", data, name="data.tar"), tree)


@pytest.mark.parametrize("name", [".xz", ".gz", ".bz2", ".zst"])
def test_bytes_hidden_behind_the_compressed_data_are_refused(tmp_path: Path, tree: Path, name: str) -> None:
    data = COMPRESS[name](tar([TarMember("a", b"a")])) + b"hidden"

    refused(deb_of(tmp_path / "a.deb", data, name=f"data.tar{name}"), tree)


DATA = ("data.tar.xz", COMPRESS[".xz"](tar([EVIL])))
BINARY = ("debian-binary", b"2.0\n")
CONTROL = ("control.tar", tar([]))
ENVELOPES = {
    "nothing": [],
    "no data.tar": [BINARY, CONTROL],
    "no control.tar": [BINARY, DATA],
    "no debian-binary": [CONTROL, DATA],
    "data.tar first": [DATA, BINARY, CONTROL],
    "two data.tar": [BINARY, CONTROL, DATA, DATA],
    "another member": [BINARY, CONTROL, DATA, ("setup.sh", b"rm")],
    "format 3": [("debian-binary", b"3.0\n"), CONTROL, DATA],
    "unknown compression": [BINARY, CONTROL, ("data.tar.rar", DATA[1])],
    "data.tar that is not xz": [BINARY, CONTROL, ("data.tar.xz", tar([EVIL]))],
}


@pytest.mark.parametrize("members", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_an_envelope_that_is_not_as_deb_5_says_is_refused(
    tmp_path: Path, tree: Path, members: list[tuple[str, bytes]]
) -> None:
    archive = tmp_path / "a.deb"
    archive.write_bytes(ar(members))

    refused(archive, tree)


@pytest.mark.parametrize("size", [b"99999999  ", b"1         ", b"-1        ", b"          ", b"0x10      "])
def test_a_member_that_states_a_wrong_size_is_refused(tmp_path: Path, tree: Path, size: bytes) -> None:
    archive = deb(tmp_path / "a.deb", EVIL)
    content = bytearray(archive.read_bytes())
    place = content.index(b"data.tar.xz") + 48
    content[place : place + 10] = size
    archive.write_bytes(content)

    refused(archive, tree)


@pytest.mark.parametrize("compression", [".xz", ".zst", ".gz", ".bz2"])
def test_a_bomb_is_refused_after_as_much_as_its_package_may_hold(
    tmp_path: Path, tree: Path, compression: str
) -> None:
    header = tarfile.TarInfo("bomb")
    header.size = 1 << 30
    head = header.tobuf(tarfile.GNU_FORMAT)
    pieces = head + bytes(200 * 1024 * 1024)
    data = {
        ".xz": lambda: lzma.compress(pieces, preset=0),
        ".zst": lambda: zstandard.compress(pieces),
        ".gz": lambda: COMPRESS[".gz"](pieces),
        ".bz2": lambda: COMPRESS[".bz2"](pieces),
    }[compression]()
    archive = deb_of(tmp_path / "a.deb", data, name=f"data.tar{compression}")

    said = refused(archive, tree, Limits.for_installed_size(1024 * 1024))

    assert "far more than its package states" in said
    assert (tree / "bomb").stat().st_size <= 70 * 1024 * 1024


def test_a_million_members_are_refused_before_they_are_made(tmp_path: Path, tree: Path) -> None:
    header = tarfile.TarInfo("x")
    block = header.tobuf(tarfile.GNU_FORMAT)
    archive = tmp_path / "a.deb"
    unique = b"".join(_renamed(block, f"{number:07}") for number in range(2_500))
    million = unique * 400
    deb_of(archive, zstandard.compress(million + bytes(1024)), name="data.tar.zst")

    said = refused(archive, tree, Limits(members=2_000))

    assert "more than 2000 members" in said
    assert sum(1 for _ in tree.iterdir()) == 2_000


def test_how_many_members_a_package_may_have_follows_from_its_size() -> None:
    sizes = (0, 1, 10 * 1024 * 1024, 1 << 40)

    assert [Limits.for_installed_size(one).members for one in sizes] == [200_000, 20_000, 40_480, 200_000]


def _renamed(block: bytes, name: str) -> bytes:
    """A tar header with another name of seven bytes and the checksum that belongs to it."""
    changed = name.encode() + block[7:148] + b" " * 8 + block[156:]
    return changed[:148] + f"{sum(changed):06o}\0 ".encode() + changed[156:]
