"""Small real shared libraries with the names, the sonames and the loader tags of large ones, linked once by gcc.

hsa = Library("libhsa-runtime64.so", "libhsa-runtime64.so.1", "hsa_init", version="ROCR_1")
hip = Library("libamdhip64.so", "libamdhip64.so.6", "hipInit", calls=(hsa,), version="hip_4.2")
(folder / hip.file).write_bytes(linked(hip))

What was linked is kept in a folder for temporary files, by the hash of its source and options.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pytest


@dataclass(frozen=True)
class Library:
    """A library that defines *function*, which returns *value*, and `FUNCTION_all`, which calls those of *calls*.

    As in a wheel, it stands in DT_NEEDED of others by its `file`, whatever its own soname is.
    """

    file: str
    soname: str
    function: str
    value: int = 42
    calls: tuple[Library, ...] = ()
    version: str = ""
    """The version of its symbols: `hip_4.2`."""
    search: Literal["", "rpath", "runpath"] = "rpath"
    """Which tag says that what it needs lies in `folders`."""
    folders: tuple[str, ...] = ("$ORIGIN",)
    executable_stack: bool = False

    @property
    def source(self) -> str:
        """In C."""
        declared = "".join(f"int {one.function}(void);\n" for one in self.calls)
        called = " + ".join([str(self.value), *(f"{one.function}()" for one in self.calls)])
        return (
            f"{declared}int {self.function}(void) {{ return {self.value}; }}\n"
            f"int {self.function}_all(void) {{ return {called}; }}\n"
        )

    @property
    def options(self) -> tuple[str, ...]:
        """For the linker, without what stands in a folder of its own."""
        options = [f"-Wl,-soname,{self.soname}", "-Wl,--no-as-needed"]
        if self.search:
            tags = "--disable-new-dtags" if self.search == "rpath" else "--enable-new-dtags"
            options += [f"-Wl,{tags}", f"-Wl,-rpath,{':'.join(self.folders)}"]
        return (*options, f"-Wl,-z,{'execstack' if self.executable_stack else 'noexecstack'}")


@cache
def linked(library: Library) -> bytes:
    """The bytes of *library*; the same description gives the same bytes."""
    name = hashlib.sha256(repr((library, _compiler())).encode()).hexdigest()[:32]
    kept = _folder() / f"{name}.so"
    if not kept.is_file():
        with tempfile.TemporaryDirectory(dir=_folder()) as scratch:
            _link(library, Path(scratch)).replace(kept)
    return kept.read_bytes()


def _link(library: Library, scratch: Path) -> Path:
    stubs = [_stub(one, scratch) for one in library.calls]
    return _compile(library, scratch / "made", [*library.options, *stubs])


def _stub(library: Library, scratch: Path) -> str:
    """What the linker takes *library* for: its functions, and its file's name as its soname."""
    alone = Library(library.file, library.file, library.function, version=library.version, search="")
    return str(_compile(alone, scratch / library.file, list(alone.options)))


def _compile(library: Library, target: Path, options: list[str]) -> Path:
    if library.version:
        script = target.with_suffix(".versions")
        script.write_text(f"{library.version} {{ global: *; }};\n")
        options = [*options, f"-Wl,--version-script={script}"]
    # The source comes first: with --as-needed as a default, libraries before it would be dropped.
    command = ["gcc", "-O1", "-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-o", str(target), *options]
    done = subprocess.run(command, input=library.source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@cache
def _compiler() -> str:
    """Which gcc it is. Skips the test where there is none."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here: install gcc")
    return subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=True).stdout


@cache
def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"test-libraries-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    assert folder.stat().st_uid == os.getuid(), f"{folder} belongs to somebody else"
    return folder
