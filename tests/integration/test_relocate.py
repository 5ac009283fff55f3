"""Trees of real small libraries, moved and run: each file finds its own, whatever LD_LIBRARY_PATH says."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rocmswitch.errors import MachineLacks, VerificationFailed
from rocmswitch.host.libraries import HostLibraries
from rocmswitch.metadata.elf import ElfFacts, parse_elf
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.relocate import STACK_REASON, Machine, Relocated, relocate
from rocmswitch.system.disk import Disk

GCC = shutil.which("gcc")
pytestmark = [
    pytest.mark.skipif(GCC is None, reason="needs gcc"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="needs an x86-64 machine"),
]
ROOT = "opt/rocm-6.2.4"
HSA, HIP = "libhsa-runtime64.so.1", "libamdhip64.so.6"
MACHINE = Machine(HostLibraries(), glibc="2.36")


@dataclass
class Tree:
    """A tree below *path* and the entries that an unpacked package would have for it."""

    path: Path
    links: dict[str, str] = field(default_factory=dict)

    def library(self, path: str, *needs: str, value: int = 1, options: tuple[str, ...] = ()) -> None:
        """A library whose function, named after its soname, returns *value* times what it needs returns."""
        target = self.path / path
        soname = target.name
        calls = " * ".join([str(value), *(f"{symbol(Path(one).name)}()" for one in needs)])
        declarations = "".join(f"int {symbol(Path(one).name)}(void);" for one in needs)
        source = f"{declarations} int {symbol(soname)}(void) {{ return {calls}; }}"
        self._link(source, target, ("-shared", "-fPIC", f"-Wl,-soname,{soname}", *options), needs)

    def program(self, path: str, *needs: str, options: tuple[str, ...] = ()) -> None:
        """A program that prints what its libraries return, then which files it has mapped."""
        calls = " * ".join(f"{symbol(Path(one).name)}()" for one in needs) or "1"
        source = (
            "#include <stdio.h>\n"
            + "".join(f"int {symbol(Path(one).name)}(void);" for one in needs)
            + f'int main(void) {{ printf("%d\\n", {calls}); char line[4096];'
            'FILE *maps = fopen("/proc/self/maps", "r");'
            "while (fgets(line, sizeof line, maps)) fputs(line, stdout); return 0; }"
        )
        self._link(source, self.path / path, options, needs)

    def link(self, path: str, target: str, original: str = "") -> None:
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).symlink_to(target)
        self.links[path] = original

    def entries(self) -> tuple[FileEntry, ...]:
        return tuple(self._entry(path) for path in sorted(self.path.rglob("*")))

    def relocate(self, machine: Machine = MACHINE, root: str = ROOT) -> Relocated:
        return relocate(self.path, self.entries(), root=root, machine=machine, disk=Disk())

    def _entry(self, path: Path) -> FileEntry:
        name = str(path.relative_to(self.path))
        if path.is_symlink():
            original = self.links[name]
            return FileEntry(name, "link", 0o777, target=str(path.readlink()), original_target=original)
        if path.is_dir():
            return FileEntry(name, "directory", 0o755)
        return FileEntry(name, "file", path.stat().st_mode & 0o7777, path.stat().st_size, sha256_of(path))

    def _link(self, source: str, target: Path, options: tuple[str, ...], needs: tuple[str, ...]) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        libraries = [str(self.path / one) for one in needs]
        folders = {f"-Wl,-rpath-link,{path.parent}" for path in self.path.rglob("*.so.*")}
        command = ["gcc", "-O1", "-x", "c", "-", "-x", "none", *options, "-Wl,--no-as-needed", *libraries, *folders]
        subprocess.run([*command, "-o", str(target)], input=source.encode(), check=True)


def symbol(soname: str) -> str:
    return soname.partition(".")[0].replace("-", "_")


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def facts(path: Path) -> ElfFacts:
    with path.open("rb") as file:
        found = parse_elf(file)
    assert found is not None
    return found


def run(program: Path, environment: Mapping[str, str] | None = None) -> tuple[str, set[str]]:
    """What *program* printed first, and the libraries that it had mapped."""
    done = subprocess.run([program], env=dict(environment or {}), capture_output=True, text=True, check=True)
    answer, *maps = done.stdout.splitlines()
    return answer, {line.split(maxsplit=5)[-1] for line in maps if ".so" in line}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """HSA and HIP, and a program that needs both, as AMD lays them out."""
    tree = Tree(tmp_path / "made")
    tree.library(f"{ROOT}/lib/{HSA}", value=3)
    tree.library(f"{ROOT}/lib/{HIP}", f"{ROOT}/lib/{HSA}", value=5)
    tree.program(f"{ROOT}/bin/hipinfo", f"{ROOT}/lib/{HIP}")
    return tree


def test_a_program_of_the_tree_ignores_a_hostile_ld_library_path(tree: Tree, tmp_path: Path) -> None:
    foreign = Tree(tmp_path / "foreign")
    foreign.library(HSA, value=0)
    foreign.library(HIP, value=0)
    tree.relocate()
    moved = tree.path.rename(tmp_path / "moved elsewhere")

    answer, mapped = run(moved / ROOT / "bin/hipinfo", {"LD_LIBRARY_PATH": str(foreign.path)})

    ours = {str(moved / ROOT / "lib" / one) for one in (HSA, HIP)}
    assert (answer, {one for one in mapped if "hsa" in one or "hip" in one}) == ("15", {*ours})


def test_only_files_that_need_one_of_the_tree_are_changed_and_say_so(tree: Tree) -> None:
    before = {one.path: one for one in tree.entries()}

    relocated = tree.relocate()

    changed = {one.path: one for one in relocated.entries if one.reason}
    assert {path: one.reason for path, one in changed.items()} == {
        f"{ROOT}/bin/hipinfo": "DT_RPATH $ORIGIN/../lib",
        f"{ROOT}/lib/{HIP}": "DT_RPATH $ORIGIN",
    }
    for entry in relocated.entries:
        if entry.kind == "file":
            assert sha256_of(tree.path / entry.path) == entry.sha256
            assert (entry.original_sha256 or entry.sha256) == before[entry.path].sha256


def test_relocating_twice_changes_nothing_more(tree: Tree) -> None:
    first = tree.relocate()
    again = relocate(tree.path, first.entries, root=ROOT, machine=MACHINE, disk=Disk())

    assert again == first


@pytest.mark.parametrize("tags", ["--enable-new-dtags", "--disable-new-dtags"])
@pytest.mark.parametrize(
    ("named", "becomes"),
    [
        ("$ORIGIN/../lib", "$ORIGIN/../lib"),
        (f"/{ROOT}/lib", "$ORIGIN/../lib"),
        ("/opt/rocm/lib", "$ORIGIN/../lib"),
        ("/build/rocm/lib:$ORIGIN/../../../../..", "$ORIGIN/../lib"),
        ("$ORIGIN/../lib64:$ORIGIN/../lib", "$ORIGIN/../lib64:$ORIGIN/../lib"),
    ],
)
def test_what_a_file_has_already_is_kept_where_it_is_right(tree: Tree, tags: str, named: str, becomes: str) -> None:
    program = f"{ROOT}/bin/other"
    tree.program(program, f"{ROOT}/lib/{HIP}", options=(f"-Wl,{tags}", f"-Wl,-rpath,{named}"))

    tree.relocate()

    found = facts(tree.path / program)
    assert (found.rpath, found.runpath) == (becomes, "")
    assert run(tree.path / program)[0] == "15"


@pytest.mark.parametrize(
    "options",
    [(), ("-Wl,-z,noseparate-code",), ("-Wl,--spare-dynamic-tags=0",), ("-no-pie",), ("-s",)],
    ids=["plain", "packed", "no free entry", "fixed address", "stripped"],
)
def test_files_without_room_for_a_search_path_get_one_too(tree: Tree, options: tuple[str, ...]) -> None:
    program = f"{ROOT}/bin/other"
    tree.program(program, f"{ROOT}/lib/{HIP}", options=options)

    tree.relocate()

    assert facts(tree.path / program).rpath == "$ORIGIN/../lib"
    assert run(tree.path / program)[0] == "15"
    assert not list(tree.path.rglob(".*"))


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld"])
def test_programs_can_be_linked_with_a_relocated_library(tree: Tree, linker: str, tmp_path: Path) -> None:
    if shutil.which(f"ld.{linker}") is None:
        pytest.skip(f"no ld.{linker} here")
    tree.relocate()
    user = Tree(tmp_path / "user")
    folder = tree.path / ROOT / "lib"

    user.program("mine", str(folder / HIP), options=(f"-fuse-ld={linker}", f"-Wl,-rpath,{folder}"))

    assert run(user.path / "mine")[0] == "15"


def test_a_relocated_library_survives_strip(tree: Tree) -> None:
    tree.relocate()
    library = tree.path / ROOT / "lib" / HIP
    library.chmod(0o755)

    subprocess.run(["strip", library], check=True)

    assert run(tree.path / ROOT / "bin/hipinfo")[0] == "15"


def test_libraries_that_the_host_lacks_are_found_in_base(tree: Tree) -> None:
    tree.library("base/lib/libtinfo.so.5", value=7)
    tree.library(f"{ROOT}/lib/libllvm.so.15", "base/lib/libtinfo.so.5", value=11)
    tree.program(f"{ROOT}/llvm/bin/clang", f"{ROOT}/lib/libllvm.so.15")

    tree.relocate()

    assert facts(tree.path / ROOT / "lib/libllvm.so.15").rpath == "$ORIGIN/../../../base/lib"
    assert run(tree.path / ROOT / "llvm/bin/clang")[0] == "77"


def test_a_library_that_is_loaded_by_a_link_elsewhere_still_finds_its_own(tree: Tree) -> None:
    tree.library(f"{ROOT}/lib/deep/down/libclang.so.15", f"{ROOT}/lib/{HSA}", value=2)
    tree.link(f"{ROOT}/alias/libclang.so.15", "../lib/deep/down/libclang.so.15")
    tree.program(
        f"{ROOT}/bin/clang", f"{ROOT}/lib/deep/down/libclang.so.15", options=("-Wl,-rpath,$ORIGIN/../alias",)
    )

    tree.relocate()

    assert run(tree.path / ROOT / "bin/clang")[0] == "6"


def test_a_changed_file_that_another_tree_shares_stays_as_it_was_there(tree: Tree, tmp_path: Path) -> None:
    library = tree.path / ROOT / "lib" / HIP
    other = tmp_path / HIP
    other.hardlink_to(library)
    before = sha256_of(other)

    tree.relocate()

    assert (sha256_of(other), sha256_of(library) == before) == (before, False)


def test_modes_and_times_survive(tree: Tree) -> None:
    library = tree.path / ROOT / "lib" / HIP
    library.chmod(0o444)
    os.utime(library, (1_234_567_890, 1_234_567_890))

    tree.relocate()

    assert (library.stat().st_mode & 0o7777, int(library.stat().st_mtime)) == (0o444, 1_234_567_890)


@pytest.mark.parametrize(("glibc", "asks"), [("2.40", True), ("2.41", False), ("2.41.9000", False)])
def test_an_executable_stack_is_given_up_where_glibc_would_refuse_it(tree: Tree, glibc: str, asks: bool) -> None:
    path = f"{ROOT}/lib/libold.so.1"
    tree.library(path, options=("-Wl,-z,execstack",))

    relocated = tree.relocate(Machine(HostLibraries(), glibc))

    reasons = [one.reason for one in relocated.entries if one.path == path]
    assert (facts(tree.path / path).executable_stack, reasons) == (asks, ["" if asks else STACK_REASON])


def test_a_library_that_nothing_has_is_an_error_that_names_it(tree: Tree) -> None:
    tree.library("elsewhere/libnowhere.so.3")
    tree.library(f"{ROOT}/lib/librocblas.so.4", "elsewhere/libnowhere.so.3")
    (tree.path / "elsewhere/libnowhere.so.3").unlink()

    with pytest.raises(MachineLacks) as caught:
        tree.relocate()

    assert caught.value.message == (
        f"neither the tree nor this machine has `libnowhere.so.3` for `{ROOT}/lib/librocblas.so.4`"
    )


def test_what_only_a_plugin_or_a_program_lacks_is_noted(tree: Tree) -> None:
    tree.library("elsewhere/libpython3.8.so.1.0")
    tree.program(f"{ROOT}/bin/lldb", "elsewhere/libpython3.8.so.1.0")
    (tree.path / "elsewhere/libpython3.8.so.1.0").unlink()

    assert tree.relocate().notes == (
        f"`{ROOT}/bin/lldb` needs `libpython3.8.so.1.0`, which neither the tree nor this machine has",
    )


def test_a_symbol_version_that_the_host_does_not_define_is_a_gap(tree: Tree) -> None:
    class OldHost(HostLibraries):
        def defined_versions(self, soname: str) -> tuple[str, ...]:
            return ("GLIBC_2.0",) if soname == "libc.so.6" else super().defined_versions(soname)

    with pytest.raises(MachineLacks, match=r"this machine has `libc.so.6 \(GLIBC_2.*\)` for `.*/libamdhip64.so.6`"):
        tree.relocate(Machine(OldHost(), "2.36"))


def test_a_library_of_the_tree_without_the_version_that_is_asked_for_is_a_gap(tree: Tree, tmp_path: Path) -> None:
    script = tmp_path / "versions"
    script.write_text("HIP_6.2 { global: *; };")
    versioned = f"{ROOT}/lib/librocfft.so.0"
    tree.library(versioned, options=(f"-Wl,--version-script={script}",))
    tree.library(f"{ROOT}/lib/libhipfft.so.0", versioned)
    script.write_text("HIP_5.7 { global: *; };")
    tree.library(versioned, options=(f"-Wl,--version-script={script}",))

    with pytest.raises(MachineLacks, match=r"has `librocfft.so.0 \(HIP_6.2\)` for `.*/libhipfft.so.0`"):
        tree.relocate()


def test_a_symlink_that_leaves_the_tree_by_way_of_another_is_refused(tree: Tree) -> None:
    (tree.path / "a/b/c").mkdir(parents=True)
    tree.link("short", "a/b/c")
    tree.link("a/b/c/out", "../../../short/../../../..")

    with pytest.raises(VerificationFailed, match="`a/b/c/out` of `` is a symlink out of the tree"):
        tree.relocate()


def test_an_absolute_link_to_nothing_is_noted(tree: Tree) -> None:
    tree.link("usr/bin/cc", "../../etc/alternatives/cc", original="/etc/alternatives/cc")

    assert tree.relocate().notes == ("`usr/bin/cc` leads to nothing in this tree",)


def test_a_garbled_library_is_left_alone(tree: Tree) -> None:
    path = tree.path / ROOT / "lib/libbroken.so.1"
    path.write_bytes(b"\x7fELF" + bytes(range(200)))

    tree.relocate()

    assert path.read_bytes() == b"\x7fELF" + bytes(range(200))


@pytest.mark.parametrize("jobs", [0, 3])
def test_any_number_of_jobs_makes_the_same_tree(tree: Tree, jobs: int) -> None:
    relocated = tree.relocate(Machine(HostLibraries(), "2.36", jobs=jobs))

    assert len([one for one in relocated.entries if one.reason]) == 2
