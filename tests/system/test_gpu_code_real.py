"""Which GPUs the libraries of real packages have code for: Debian's, plain and packed.

The bundles of rocRAND are plain, also in Debian's experimental; those of its rocBLAS 7.2 are packed by zstd.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.metadata.offloadbundle import parse_gpu_code
from rocmswitch.model.gpucode import plain, serves
from tests.support.debianarchive import unpacked

pytestmark = pytest.mark.system("debian")

ROCM_5 = ("gfx803", "gfx900", "gfx906", "gfx908", "gfx90a", "gfx1030")
ROCM_7 = (
    *("gfx803", "gfx900", "gfx906", "gfx908", "gfx90a", "gfx942", "gfx1010", "gfx1030"),
    *("gfx1100", "gfx1101", "gfx1102", "gfx1151", "gfx1200", "gfx1201"),
)


@pytest.mark.parametrize(
    ("package", "suite", "targets"),
    [
        ("librocrand1", "bookworm", ROCM_5),
        ("librocrand1", "experimental", ROCM_7),
        ("librocblas5", "experimental", ROCM_7),
    ],
)
def test_a_real_library_names_its_targets(package: str, suite: str, targets: tuple[str, ...], tmp_path: Path):
    found = unpacked(package, tmp_path, suite=suite, only=("*/lib*.so.*",))
    (library,) = (one for one in found.rglob("lib*.so.*") if one.is_file() and not one.is_symlink())
    with library.open("rb") as file:
        code = parse_gpu_code(file)

    assert (code.unread, plain(code.targets)) == ("", targets)
    assert {count for _, count in code.counts} == {code.bundles}
    assert bool(serves(code.targets, "gfx1010")) == ("gfx1010" in targets)
