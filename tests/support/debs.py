"""Real .deb files from a few lines: dpkg-deb packs them, gcc makes the libraries in them.

deb = Deb("rocblas", "2.44.0", depends="hip", files={"opt/lib/librocblas.so.0": Library("librocblas.so.0")})
path = build_deb(deb, folder)
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DPKG_DEB = shutil.which("dpkg-deb")
GCC = shutil.which("gcc")


@dataclass(frozen=True)
class Link:
    """A symlink that says *target*."""

    target: str


@dataclass(frozen=True)
class Library:
    """A shared library, linked by gcc: it defines *functions*, each of which returns *value*.

    `needs` are the sonames in its DT_NEEDED. `version` is the version of its symbols (`HIP_5.2`).
    """

    soname: str
    needs: tuple[str, ...] = ()
    functions: tuple[str, ...] = ("answer",)
    value: int = 42
    version: str = ""
    rpath: str = ""
    executable_stack: bool = False


@dataclass(frozen=True)
class Program:
    """An executable that exits with what *calls* of the library *needs* returns, or 0 where nothing is called."""

    needs: str = ""
    calls: str = ""
    rpath: str = ""


@dataclass(frozen=True)
class Copy:
    """The bytes and the mode of a file of this machine."""

    path: Path


Content = bytes | str | Link | Library | Program | Copy


@dataclass(frozen=True)
class Deb:
    """A binary package to be. `files` are paths without a leading slash; text files below bin/ are executable."""

    name: str
    version: str = "1.0"
    depends: str = ""
    pre_depends: str = ""
    provides: str = ""
    conflicts: str = ""
    breaks: str = ""
    architecture: str = "amd64"
    files: Mapping[str, Content] = field(default_factory=dict)
    compression: str = "xz"
    """dpkg-deb's -Z: `xz`, `gzip`, `zstd`, `none`."""

    @property
    def filename(self) -> str:
        """As in a pool: without the epoch."""
        return f"{self.name}_{self.version.partition(':')[2] or self.version}_{self.architecture}.deb"

    def control(self) -> str:
        """The control file's fields, without those that only an index has."""
        fields = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": self.architecture,
            "Maintainer": "Archive Team <archive@example.org>",
            "Pre-Depends": self.pre_depends,
            "Depends": self.depends,
            "Provides": self.provides,
            "Conflicts": self.conflicts,
            "Breaks": self.breaks,
            "Section": "devel",
            "Priority": "optional",
            "Description": f"{self.name} as a test needs it\n A longer line: with a colon.\n .\n And an end.",
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


_built: dict[str, bytes] = {}
"""Packages made in this process: those of AMD's layout take seconds, and several tests want them."""


def build_deb(deb: Deb, folder: Path) -> Path:
    """Make *deb* in *folder* and give its path. The same description gives the same bytes."""
    path = folder / deb.filename
    if repr(deb) in _built:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_built[repr(deb)])
    else:
        _pack(deb, path)
        _built[repr(deb)] = path.read_bytes()
    return path


def _pack(deb: Deb, target: Path) -> None:
    if DPKG_DEB is None:
        import pytest

        pytest.skip("no dpkg-deb here: install dpkg")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rs-deb-") as scratch:
        tree = Path(scratch) / "tree"
        control = tree / "DEBIAN" / "control"
        control.parent.mkdir(parents=True)
        control.write_text(deb.control())
        for path, content in deb.files.items():
            put(tree / path, content)
        _run("dpkg-deb", "--root-owner-group", f"-Z{deb.compression}", "-z1", "--build", tree, target)


def put(path: Path, content: Content) -> None:
    """Make *path*, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Link):
        path.symlink_to(content.target)
    elif isinstance(content, Library):
        make_library(content, path)
    elif isinstance(content, Program):
        make_program(content, path)
    elif isinstance(content, Copy):
        shutil.copy(content.path, path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o755 if path.parent.name == "bin" else 0o644)


def make_library(library: Library, path: Path) -> None:
    """Link *library* at *path*."""
    source = "".join(f"int {name}(void) {{ return {library.value}; }}\n" for name in library.functions)
    options = ["-shared", "-fPIC", f"-Wl,-soname,{library.soname}"]
    if library.rpath:
        options += ["-Wl,--disable-new-dtags", f"-Wl,-rpath,{library.rpath}"]
    if library.executable_stack:
        options += ["-Wl,-z,execstack"]
    with tempfile.TemporaryDirectory(prefix="rs-gcc-") as scratch:
        if library.version:
            script = Path(scratch) / "versions"
            script.write_text(f"{library.version} {{ global: *; }};\n")
            options += [f"-Wl,--version-script={script}"]
        stubs = [_stub(Path(scratch), soname, "") for soname in library.needs]
        _gcc(source, path, *options, "-Wl,--no-as-needed", *stubs)


def make_program(program: Program, path: Path) -> None:
    """Link *program* at *path*, dynamically."""
    call = f"int {program.calls}(void);" if program.calls else ""
    source = f"{call}\nint main(void) {{ return {program.calls + '()' if program.calls else '0'}; }}\n"
    options = ["-Wl,--disable-new-dtags", f"-Wl,-rpath,{program.rpath}"] if program.rpath else []
    with tempfile.TemporaryDirectory(prefix="rs-gcc-") as scratch:
        stubs = [_stub(Path(scratch), program.needs, program.calls)] if program.needs else []
        _gcc(source, path, *options, "-Wl,--no-as-needed", *stubs)


def _stub(folder: Path, soname: str, function: str) -> Path:
    """A library that only lends its soname to the linker."""
    path = folder / soname
    source = f"int {function}(void) {{ return 0; }}\n" if function else "\n"
    _gcc(source, path, "-shared", "-fPIC", f"-Wl,-soname,{soname}")
    return path


def _gcc(source: str, target: Path, *options: str | Path) -> None:
    if GCC is None:
        import pytest

        pytest.skip("no gcc here")
    # The source comes first: with --as-needed as a default, libraries before it would be dropped.
    _run("gcc", "-O1", "-x", "c", "-", "-x", "none", "-o", target, *options, stdin=source.encode())


def _run(*command: str | Path, stdin: bytes = b"") -> None:
    done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"
