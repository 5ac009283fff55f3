"""Bundles that LLVM's own tool has written."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from rocmswitch.metadata.offloadbundle import parse_gpu_code
from rocmswitch.model.gpucode import GpuCode

TARGETS = ("gfx10-1-generic", "gfx1010", "gfx90a:xnack+")


@cache
def bundler() -> tuple[str, str]:
    """The newest one, and what it says of its options. Skips the test where there is none that is new enough."""
    numbered = Path("/usr/lib").glob("llvm-*/bin/clang-offload-bundler")
    newest = sorted(map(str, numbered), key=lambda one: int(re.findall(r"\d+", one)[0]))
    found = newest[-1] if newest else shutil.which("clang-offload-bundler")
    options = subprocess.run([found, "--help"], capture_output=True, text=True, check=False).stdout if found else ""
    if not found or "--input=" not in options:
        pytest.skip("no clang-offload-bundler of LLVM 15 or newer here: install clang-tools-19")
    return found, options


def bundled(folder: Path, *options: str) -> GpuCode:
    made, code = folder / "code.hipfb", folder / "code.o"
    code.write_bytes(b"\x7fELF and so on" * 999)
    names = ["host-x86_64-unknown-linux", *(f"hipv4-amdgcn-amd-amdhsa--{one}" for one in TARGETS)]
    inputs = ["-input=/dev/null", *(f"-input={code}" for _ in TARGETS)]
    command = [
        bundler()[0],
        "-type=o",
        f"-targets={','.join(names)}",
        *inputs,
        f"-output={made}",
        "-bundle-align=4096",
    ]
    subprocess.run([*command, *options], check=True, capture_output=True)
    with made.open("rb") as file:
        return parse_gpu_code(file)


def test_a_plain_bundle_of_the_real_tool_is_read(tmp_path: Path):
    assert bundled(tmp_path) == GpuCode(1, tuple((one, 1) for one in TARGETS))


def test_a_packed_bundle_of_the_real_tool_is_read(tmp_path: Path):
    if "--compress " not in bundler()[1]:
        pytest.skip("this clang-offload-bundler packs nothing: install clang-tools-19")

    assert bundled(tmp_path, "-compress") == GpuCode(1, tuple((one, 1) for one in TARGETS))
