"""A small project for cards, and the CMake that builds it: the language HIP, a library of it, and a C++ program."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine

UV = Path(sys.executable).with_name("uv")
SAXPY = Path(__file__).resolve().parents[2] / "scripts/saxpy.hip"
LISTS = """\
cmake_minimum_required(VERSION 3.21)
project(tried LANGUAGES CXX HIP)
add_executable(saxpy saxpy.hip)
add_library(kernels SHARED kernels.hip)
find_package(hip CONFIG REQUIRED)
add_executable(asking asking.cpp)
target_link_libraries(asking PRIVATE kernels hip::host)
"""
KERNELS = """\
#include <hip/hip_runtime.h>
__global__ void twice(float *x) { x[threadIdx.x] *= 2; }
void launch() { twice<<<1, 1>>>(nullptr); }
"""
ASKING = """\
#include <hip/hip_runtime_api.h>
#include <cstdio>
void launch();
int main() {
    int version = 0;
    launch();
    (void)hipRuntimeGetVersion(&version);
    std::printf("%d\\n", version);
}
"""


@dataclass(frozen=True)
class CMake:
    """A release of it, and a ninja, as the package index has them."""

    program: Path
    ninja: Path

    @classmethod
    def installed(cls, version: str, folder: Path) -> CMake:
        """30 MB to download."""
        if shutil.which("c++") is None:
            pytest.skip("needs c++ (apt install g++)")
        command = [UV, "pip", "install", "--quiet", "--python", sys.executable, "--target", folder]
        subprocess.run([*command, f"cmake=={version}", "ninja"], check=True, timeout=300)
        (ninja,) = (one for one in folder.rglob("ninja") if one.is_file() and one.stat().st_size > 1 << 16)
        return cls(folder / "cmake/data/bin/cmake", ninja)

    def build(self, line: CommandLine, stack: str, folder: Path, *options: str) -> Path:
        """Build the project for gfx1010 inside *stack*; where its programs are."""
        sources, made = folder / "project", folder / "made"
        sources.mkdir()
        for name, content in (("CMakeLists.txt", LISTS), ("kernels.hip", KERNELS), ("asking.cpp", ASKING)):
            (sources / name).write_text(content)
        shutil.copy(SAXPY, sources)
        inside, program = ("run", stack, "--"), str(self.program)
        places = ("-S", str(sources), "-B", str(made), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={self.ninja}")
        line.succeed(*inside, program, *places, "-DCMAKE_HIP_ARCHITECTURES=gfx1010", *options)
        line.succeed(*inside, program, "--build", str(made))
        return made
