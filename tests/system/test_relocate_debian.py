"""Debian's real compiler set: unpacked, moved, and run under an LD_LIBRARY_PATH that is meant to break it."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from rocmswitch.fetch.place import ARCHIVES
from rocmswitch.host.apt import host_mirror
from rocmswitch.host.facts import read_host
from rocmswitch.host.libraries import HostLibraries
from rocmswitch.metadata.elf import parse_elf
from rocmswitch.metadata.lock import parse_lock
from rocmswitch.model.package import Digest
from rocmswitch.store.members import Limits
from rocmswitch.store.relocate import Machine, Relocated, relocate
from rocmswitch.store.unpack import Unpacker, Unpacking, merge_entries
from rocmswitch.system.disk import Disk

pytestmark = pytest.mark.system("debian")

LOCK = Path(__file__).parents[2] / "manifests" / "debian-5.2.3.lock"
NAMES = [
    "clang-15",
    "clang-tools-15",
    "hipcc",
    "libamd-comgr-dev",
    "libamd-comgr2",
    "libamdhip64-5",
    "libamdhip64-dev",
    "libclang-common-15-dev",
    "libclang-cpp15",
    "libclang1-15",
    "libhiprtc-builtins5",
    "libhsa-runtime-dev",
    "libhsa-runtime64-1",
    "libhsakmt1",
    "libllvm15",
    "lld-15",
    "llvm-15",
    "llvm-15-linker-tools",
    "llvm-15-runtime",
    "rocm-device-libs",
    "rocminfo",
]
PROGRAM = """
#include <hip/hip_runtime.h>
#include <cstdio>
__global__ void twice(float *x) { x[threadIdx.x] *= 2; }
int main() {
    int version = 0;
    hipRuntimeGetVersion(&version);
    std::printf("%d\\n", version);
    char line[4096];
    std::FILE *maps = std::fopen("/proc/self/maps", "r");
    while (std::fgets(line, sizeof line, maps)) std::fputs(line, stdout);
}
"""
MEMORY_LIMIT = 200 * 1024 * 1024
MEASURED = """
import json, sys
from pathlib import Path
from rocmswitch.model.package import Digest
from tests.system.test_relocate_debian import make
words = json.load(sys.stdin)
archives = {name: (Path(path), Digest.sha256(sha256), size) for name, (path, sha256, size) in words.items()}
make(archives, Path(sys.argv[1]))
status = Path("/proc/self/status").read_text()
print(1024 * int(status.partition("VmHWM:")[2].split()[0]))
"""
"""In an interpreter of its own, by its own high-water mark: ru_maxrss still counts what forked it (proc(5))."""


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Digest, int]]:
    """The packages as the shipped lock has them, by name, with their hash and installed size."""
    mirror = (host_mirror(Path("/"), "debian", read_host()) or ARCHIVES["debian"]).rstrip("/")
    folder = tmp_path_factory.mktemp("archives")
    found = {}
    for one in parse_lock(LOCK.read_bytes(), str(LOCK)).packages:
        if one.name in NAMES:
            path = folder / f"{one.name}.deb"
            urllib.request.urlretrieve(f"{mirror}/{one.filename}", path)
            found[one.name] = (path, Digest.sha256(one.sha256), one.installed_size)
    assert sorted(found) == NAMES
    return found


@pytest.fixture(scope="module")
def prefix(archives: dict[str, tuple[Path, Digest, int]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set, relocated and then moved to where it was not made."""
    made = tmp_path_factory.mktemp("made") / "tree"
    make(archives, made)
    return made.rename(tmp_path_factory.mktemp("moved") / "debian 5.2.3")


def make(archives: dict[str, tuple[Path, Digest, int]], tree: Path) -> Relocated:
    tree.mkdir()
    disk = Disk()
    with Unpacker(disk, jobs=2) as unpacker:
        for name, (path, digest, size) in archives.items():
            limits = Limits.for_installed_size(size)
            unpacker.submit(Unpacking(name, path, tree, digest=digest, limits=limits))
        entries = merge_entries(one.entries for one in unpacker.done())
    return relocate(tree, entries, root="usr", machine=Machine(HostLibraries(), "2.36"), disk=disk)


def test_the_tree_is_what_dpkg_deb_makes_but_for_search_paths(
    archives: dict[str, tuple[Path, Digest, int]], tmp_path: Path
) -> None:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("needs dpkg-deb")
    relocated = make(archives, tmp_path / "ours")
    changed = {one.path for one in relocated.entries if one.reason}
    for path, _, _ in archives.values():
        subprocess.run(["dpkg-deb", "-x", path, tmp_path / "theirs"], check=True)

    assert listing(tmp_path / "ours") == listing(tmp_path / "theirs")
    different = subprocess.run(
        ["diff", "-rq", "--no-dereference", "ours", "theirs"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    assert {line.split()[1].removeprefix("ours/") for line in different} == changed
    assert relocated.notes == ()


def test_a_program_of_the_tree_maps_only_the_trees_libraries(prefix: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in (
        "libamdhip64.so.5",
        "libhsa-runtime64.so.1",
        "libhsakmt.so.1",
        "libamd_comgr.so.2",
        "libLLVM-15.so.1",
    ):
        fake(hostile / name)
    libraries = prefix / "usr/lib/x86_64-linux-gnu"
    program = compiled(prefix, tmp_path, {"LD_LIBRARY_PATH": str(hostile)})

    done = subprocess.run(
        [program], env={"LD_LIBRARY_PATH": str(hostile)}, capture_output=True, text=True, check=True
    )

    version, *maps = done.stdout.splitlines()
    mapped = {line.split(maxsplit=5)[-1] for line in maps if any(one in line for one in ("amdhip", "hsa"))}
    assert version == "50221153"
    assert mapped == {
        str(libraries / one)
        for one in ("libamdhip64.so.5.2.21153", "libhsa-runtime64.so.1.5.0", "libhsakmt.so.1.0.6")
    }


def test_every_library_is_found_by_the_loader_without_any_variable(prefix: Path) -> None:
    missing = [
        f"{path.name}: {line.strip()}"
        for path in sorted(prefix.rglob("*"))
        if is_program_or_library(path)
        for line in subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout.splitlines()
        if "not found" in line
    ]

    assert missing == []


def test_making_it_needs_little_memory(archives: dict[str, tuple[Path, Digest, int]], tmp_path: Path) -> None:
    words = {name: (str(path), digest.value, size) for name, (path, digest, size) in archives.items()}

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, tmp_path / "tree"],
        input=json.dumps(words),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert int(done.stdout) < MEMORY_LIMIT


def compiled(prefix: Path, folder: Path, environment: dict[str, str]) -> Path:
    usr, libraries = prefix / "usr", prefix / "usr/lib/x86_64-linux-gnu"
    if " " in str(prefix):
        # hipcc puts its own place into a shell's command line without quotes.
        (folder / "prefix").symlink_to(prefix)
        usr, libraries = folder / "prefix/usr", folder / "prefix/usr/lib/x86_64-linux-gnu"
    (folder / "twice.hip").write_text(PROGRAM)
    variables = {
        "PATH": f"{usr}/bin:/usr/bin:/bin",
        "HIP_PLATFORM": "amd",
        "LIBRARY_PATH": str(libraries),
        "ROCM_PATH": str(usr),
        "HIP_CLANG_PATH": f"{usr}/bin",
        "HIPCC_LINK_FLAGS_APPEND": f"-Wl,-rpath,{libraries},--disable-new-dtags",
    }
    command = [f"{usr}/bin/hipcc", "--offload-arch=gfx1010", "twice.hip", "-o", "twice"]
    done = subprocess.run(
        command, cwd=folder, env={**variables, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "twice"


def fake(path: Path) -> None:
    """A library that does nothing and says so by its name."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    subprocess.run(
        ["gcc", "-shared", "-o", path, f"-Wl,-soname,{path.name}", "-x", "c", "/dev/null"],
        check=True,
        stdout=sys.stderr,
    )


def is_program_or_library(path: Path) -> bool:
    if path.is_symlink() or not stat.S_ISREG(path.lstat().st_mode):
        return False
    with path.open("rb") as file:
        facts = parse_elf(file)
    return facts is not None and facts.bits == 64 and facts.machine == "EM_X86_64" and bool(facts.needed)


def listing(tree: Path) -> list[tuple[str, str]]:
    """Every path with its kind, and the target of links."""
    return sorted(
        (
            str(path.relative_to(tree)),
            str(path.readlink()) if path.is_symlink() else "folder" if path.is_dir() else "file",
        )
        for path in tree.rglob("*")
    )
