"""Whatever an archive holds, unpacking it makes what its entries say, below the tree, or refuses it."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rocmswitch.errors import VerificationFailed
from rocmswitch.store.unpack import Unpacking
from rocmswitch.system.disk import Disk
from tests.support.archives import COMPRESS, TarMember, deb, deb_of, tar
from tests.support.unpacking import unpack

PARTS = st.sampled_from(["a", "b", "c", "..", ".", "", "lib", "\n", "é"])
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
TYPES = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
MEMBERS = st.builds(
    lambda name, kind, target, content, mode: TarMember(
        name, content if kind == tarfile.REGTYPE else b"", kind, target, mode
    ),
    NAMES,
    TYPES,
    NAMES,
    st.binary(max_size=40),
    st.integers(0, 0o7777),
)


@settings(deadline=None)
@given(st.lists(MEMBERS, max_size=6), st.sampled_from(sorted(COMPRESS)))
def test_what_appears_is_what_the_entries_say_and_nothing_else(members: list[TarMember], compression: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "outside" / "tree"
        tree.mkdir(parents=True)
        archive = deb(Path(scratch) / "a.deb", *members, compression=compression)

        try:
            entries = unpack(Unpacking("any", archive, tree), Disk())
        except VerificationFailed:
            entries = None

        assert [one.name for one in tree.parent.iterdir()] == ["tree"]
        if entries is not None:
            assert {one.path: _said(one.kind, one.target, one.sha256) for one in entries} == _found(tree)
            assert not [one for one in entries if one.kind == "link" and one.target.startswith("/")]


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2000), st.sampled_from(sorted(COMPRESS)))
def test_bytes_put_anywhere_into_an_archive_never_do_more_than_make_it_refused(
    rubbish: bytes, place: int, compression: str
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "outside" / "tree"
        tree.mkdir(parents=True)
        data = COMPRESS[compression](tar([TarMember("lib/a", b"a" * 700), TarMember("lib/b", b"b")]))
        archive = deb_of(Path(scratch) / "a.deb", data, name=f"data.tar{compression}")
        content = archive.read_bytes()
        archive.write_bytes(content[:place] + rubbish + content[place + len(rubbish) :])

        try:
            unpack(Unpacking("any", archive, tree), Disk())
        except VerificationFailed as error:
            assert error.message.startswith("the archive of `any` ")

        assert [one.name for one in tree.parent.iterdir()] == ["tree"]


def _said(kind: str, target: str, sha256: str) -> str:
    return {"directory": "directory", "link": f"-> {target}"}.get(kind, sha256)


def _found(tree: Path) -> dict[str, str]:
    found = {}
    for path in tree.rglob("*"):
        name = str(path.relative_to(tree))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"  # noqa: PTH115 - a Path would lose `/.`
        elif path.is_dir():
            found[name] = "directory"
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
