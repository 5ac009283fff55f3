"""Debian's real rocBLAS for single cards: what stays, against a list that is made here from names and bundles.

Downloads 600 MB, so it runs where TEST_STACKS=all.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
import tarfile
from pathlib import Path
from typing import BinaryIO

import pytest
import zstandard

from rocmswitch.planning.gpufiles import kernels_for
from rocmswitch.store.gpufiles import kernel_bytes, wanted_members
from rocmswitch.store.unpack import Unpacker, Unpacking
from rocmswitch.system.disk import Disk
from tests.support.debianarchive import archive
from tests.support.disk import remove_folder

pytestmark = [
    pytest.mark.system("debian"),
    pytest.mark.skipif(os.environ.get("TEST_STACKS") != "all", reason="600 MB to download: set TEST_STACKS=all"),
]

CARDS = ("gfx1010", "gfx90a", "gfx1100")
MACHINES = {
    0x133: "gfx1010",
    0x136: "gfx1030",
    0x141: "gfx1100",
    0x146: "gfx1101",
    0x147: "gfx1102",
    0x14A: "gfx1151",
    0x148: "gfx1200",
    0x14E: "gfx1201",
    0x12A: "gfx803",
    0x12C: "gfx900",
    0x12F: "gfx906",
    0x130: "gfx908",
    0x13F: "gfx90a",
    0x14C: "gfx942",
}
"""By the lower bits of e_flags, with bit 8, which says that xnack is not chosen."""
FAMILIES = {"gfx10-1-generic": "gfx101", "gfx11-generic": "gfx11", "gfx9-generic": "gfx90"}


@pytest.fixture(
    scope="module", params=[("librocblas5", "experimental"), ("librocblas4", "sid")], ids=lambda one: one[0]
)
def deb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    package, suite = request.param
    return archive(package, tmp_path_factory.mktemp(package), suite)


def test_what_is_for_other_cards_alone_goes_and_all_else_stays(deb: Path):
    files = listed(deb)
    whole = sum(size for size, _ in files.values())
    counted = kernel_bytes(deb)

    for gpu in CARDS:
        stays = {path for path, (_, targets) in files.items() if not targets or is_for(targets, gpu)}
        goes = files.keys() - stays
        saved = sum(files[path][0] for path in goes)
        names = sorted({one for path in stays for one in files[path][1]})
        kernels = sum(1 for path in stays if files[path][1])
        print(
            f"{deb.name} {gpu}: {whole} -> {whole - saved} bytes, {kernels} kernel files of {' '.join(names)} stay"
        )
        assert saved == sum(size for target, size in counted.items() if target != gpu)
        assert kernels > 50


def test_unpacking_for_one_card_writes_what_stays(deb: Path, tmp_path: Path):
    gpu, files, tree = CARDS[0], listed(deb), tmp_path / "tree"
    tree.mkdir()
    work = Unpacking("rocblas", deb, tree, wanted=wanted_members(kernels_for([gpu]), "rocm"))
    try:
        with Unpacker(Disk(), 0) as unpacker:
            unpacker.submit(work)
            (done,) = unpacker.done()

        written = {one.path for one in done.entries if one.kind == "file"}
        assert written == {path for path, (_, targets) in files.items() if not targets or is_for(targets, gpu)}
        assert {path for path, _ in done.left_out} == files.keys() - written
    finally:
        remove_folder(tree)


def is_for(targets: frozenset[str], gpu: str) -> bool:
    return any(one == gpu or gpu.startswith(FAMILIES.get(one, "none")) for one in targets)


def listed(deb: Path) -> dict[str, tuple[int, frozenset[str]]]:
    """By path, size and the targets that the name or the content names; none where the two do not agree."""
    found = {}
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as packed,
        tarfile.open(fileobj=packed.stdout, mode="r|", bufsize=65536) as tar,
    ):
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None:
                path = member.name.removeprefix("./")
                found[path] = member.size, targets_of(path, file)
    return found


def targets_of(path: str, file: BinaryIO) -> frozenset[str]:
    folder, name = path.rsplit("/", 1)
    named = frozenset(re.findall(r"gfx[0-9a-f]+(?:-[0-9]+)*(?:-generic)?", name))
    if not folder.endswith("/library") or not named:
        return frozenset()
    if name.endswith(".dat"):
        return named
    head = file.read(1 << 18)
    if head.startswith(b"\x7fELF"):
        inside = {MACHINES[struct.unpack_from("<I", head, 48)[0] & 0xFF | 0x100]}
    else:
        if head.startswith(b"CCOB"):
            head = zstandard.ZstdDecompressor().stream_reader(head[32:]).read(4096)
        assert head.startswith(b"__CLANG_OFFLOAD_BUNDLE__")
        inside = {one.decode() for one in re.findall(rb"amdhsa--(gfx[0-9a-f]+)", head[:4096])}
    return named if named == inside else frozenset()
