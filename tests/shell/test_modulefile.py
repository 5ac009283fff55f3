"""Modulefiles in real Tcl, real Environment Modules and real Lmod."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocmswitch.errors import UsageMistake
from rocmswitch.model.activation import CardVariable, ResolvedActivation
from rocmswitch.operations.rendering import carried
from rocmswitch.shell.modulefile import quote, render
from tests.support.kfd import MI210, RX5700XT, plug
from tests.support.shells import account, dumped, dumping

HOSTILE = 'it\'s "a" $(touch pwned) [exec touch pwned] \\ ; {x} #é $env(HOME)'
"""Without what Lmod 8 itself cannot pass on: tabs, and blanks at the end (its tcl2lua.tcl)."""
ACTIVATION = ResolvedActivation(
    (("ROCMSWITCH_ACTIVE", "rocm-6.2.4"), ("HIP_PLATFORM", "amd"), ("ROCM_NOTE", HOSTILE), ("ROCM_EMPTY", "")),
    (("LIBRARY_PATH", ("/p/lib", "/p/lib64")), ("PATH", ("/p/bin with space", "/p/tools"))),
    (
        CardVariable("gfx1010", "HSA_X", "plain"),
        CardVariable("gfx1010", "HSA_X", "safe", "rdna1-safe"),
        CardVariable("gfx90a", "HSA_Y", "other"),
    ),
    ("PYTHONHOME",),
)
INIT = Path("/usr/share/modules/init/bash")
LMOD_PACKAGES = (
    "lmod",
    "lua5.3",
    "lua-posix",
    "lua-filesystem",
    "lua-term",
    "lua-json",
    "lua-lpeg",
    "liblua5.3-0",
    "tcl",
)
text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


@pytest.mark.skipif(shutil.which("tclsh") is None, reason="no tclsh here: apt install tcl")
def test_any_value_is_one_word_of_tcl(tmp_path: Path):
    """Thousands of values in one script, which one tclsh reads as it reads modulefiles: UTF-8."""
    values: list[str] = []

    @given(text)
    @settings(max_examples=1000, database=None)
    def collect(value: str) -> None:
        values.append(value)

    collect()
    lines = [f"puts -nonewline {quote(value)}; puts -nonewline \\0" for value in values]
    script = tmp_path / "script"
    script.write_text("\n".join(("fconfigure stdout -encoding utf-8 -translation lf", *lines)), "utf-8", newline="")

    done = subprocess.run(["tclsh", "-encoding", "utf-8", str(script)], capture_output=True, check=True)

    assert done.stdout.decode().split("\0")[:-1] == values


@pytest.mark.skipif(shutil.which("tclsh") is None, reason="no tclsh here: apt install tcl")
def test_a_long_code_point_may_lie_anywhere_in_the_file(tmp_path: Path):
    """Tcl 8.6 reads 4096 bytes at a time, and loses one that is in two of these parts."""
    values = [chr(0x1F600 + number) * 9 for number in range(2000)]
    script = tmp_path / "script"
    lines = [f"puts -nonewline {quote(value)}" for value in values]
    script.write_text("\n".join(("fconfigure stdout -encoding utf-8", *lines)), "utf-8")

    done = subprocess.run(["tclsh", "-encoding", "utf-8", str(script)], capture_output=True, check=True)

    assert done.stdout.decode() == "".join(values)


def test_what_tcl_would_not_give_back_is_refused():
    for value in ("a\0b", "/home/\udcff"):
        with pytest.raises(UsageMistake):
            quote(value)


@dataclass(frozen=True)
class Modules:
    """One implementation: the line of bash that defines `module`."""

    start: str


def environment_modules(folder: Path) -> Modules:
    if not INIT.is_file():
        pytest.skip("no Environment Modules here: apt install environment-modules")
    return Modules(f". {INIT}")


def lmod(folder: Path) -> Modules:
    """From the machine's packages, only unpacked: Debian has no machine with both."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("needs apt-get and dpkg-deb to unpack lmod")
    fetched = subprocess.run(["apt-get", "download", *LMOD_PACKAGES], cwd=folder, capture_output=True, check=False)
    root = folder / "root"
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True)
    program = root / "usr/share/lmod/lmod/libexec/lmod"
    if fetched.returncode or not program.exists():
        pytest.skip(f"apt-get has no lmod here: {fetched.stderr.decode().strip()[-200:]}")
    elsewhere = re.compile(rb"/usr/(?=(share|lib(/[^/\s;\"]+)?)/(lmod|lua)/)")
    for file in (path for path in program.resolve().parent.iterdir() if path.is_file()):
        file.write_bytes(elsewhere.sub(os.fsencode(f"{root}/usr/"), file.read_bytes()))
    (libraries,) = (root / "usr/lib").glob("*-linux-gnu")
    # Not by LD_LIBRARY_PATH, which is what a modulefile changes.
    loader = next(path for place in ("/lib64", "/lib") for path in Path(place).glob("ld-linux-*.so.*"))
    start = f"{loader} --library-path {libraries} {root}/usr/bin/lua5.3 {program} bash"
    return Modules(f'module() {{ eval "$({start} "$@")"; }}')


@pytest.fixture(
    scope="module", params=[environment_modules, pytest.param(lmod, marks=pytest.mark.network("debian"))]
)
def modules(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Modules]:
    yield request.param(tmp_path_factory.mktemp("modules"))


@dataclass(frozen=True)
class Visit:
    before: dict[bytes, bytes]
    inside: dict[bytes, bytes]
    after: dict[bytes, bytes]
    said: str


def visit(modules: Modules, folder: Path, second: str = "true", **environment: str) -> Visit:
    """Load rocm/6.2.4 in bash, do *second*, unload; what a program sees at each moment."""
    place = folder / "modulefiles/rocm"
    place.mkdir(parents=True)
    for name in ("6.2.4", "5.2.0"):
        (place / name).write_text(render(f"rocm-{name}", ACTIVATION, carried("modulefile.tcl")), "utf-8")
    files = [folder / name for name in ("before", "inside", "after")]
    lines = (
        modules.start,
        dumping(files[0]),
        "module load rocm/6.2.4",
        dumping(files[1]),
        second,
        "module unload rocm/6.2.4",
        dumping(files[2]),
    )
    variables = account(folder, MODULEPATH=str(place.parent), PYTHONHOME="/x", **environment)
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return Visit(*(_of_users(dumped(file)) for file in files), done.stderr)


def _of_users(environment: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Without what belongs to the modules' own bookkeeping."""
    own = (b"MODULE", b"_LM", b"LMOD", b"__LMOD", b"__MODULES", b"LOADEDMODULES", b"BASH_", b"_ModuleTable", b"_")
    return {name: value for name, value in environment.items() if not name.startswith(own)}


def test_a_module_sets_every_value_byte_for_byte_and_unloading_takes_it_back(modules: Modules, tmp_path: Path):
    root = plug(tmp_path / "sys root", RX5700XT, MI210)

    seen = visit(modules, tmp_path, ROCMSWITCH_SYSROOT=str(root), LIBRARY_PATH="/mine")

    changed = {name: value for name, value in seen.inside.items() if seen.before.get(name) != value}
    assert changed == {
        b"HIP_PLATFORM": b"amd",
        b"ROCM_NOTE": os.fsencode(HOSTILE),
        b"ROCM_EMPTY": b"",
        b"LIBRARY_PATH": b"/p/lib:/p/lib64:/mine",
        b"PATH": b"/p/bin with space:/p/tools:" + seen.before[b"PATH"],
        b"HSA_X": b"plain",
        b"ROCMSWITCH_ACTIVE": b"rocm-6.2.4",
        b"ROCMSWITCH_WHY": b"module",
    }
    assert b"PYTHONHOME" not in seen.inside
    assert {**seen.after, b"PYTHONHOME": b"/x"} == {**seen.before, b"PYTHONHOME": b"/x"}
    assert not list(tmp_path.rglob("pwned"))


def test_a_module_takes_other_rocms_out_of_the_loaders_path(modules: Modules, tmp_path: Path):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "libamdhip64.so.6").touch()

    seen = visit(modules, tmp_path, LD_LIBRARY_PATH=f"/opt/rocm-5/lib:/mine:{bundle}", ROCMSWITCH_GPU="gfx90a")

    assert (seen.inside[b"LD_LIBRARY_PATH"], seen.inside[b"HSA_Y"]) == (b"/mine", b"other")
    assert b"HSA_X" not in seen.inside


@pytest.mark.parametrize("between", [":", " "])
def test_a_module_keeps_what_only_lies_beside_a_rocm_s_library(modules: Modules, tmp_path: Path, between: str):
    shared = tmp_path / "shared"
    shared.mkdir()
    mine, theirs = shared / "libjemalloc.so.2", shared / "libamdhip64.so.5"
    mine.touch()
    theirs.touch()

    preload = between.join((str(mine), str(theirs), "//opt/rocm/lib/libx.so"))
    seen = visit(modules, tmp_path, LD_PRELOAD=preload, ROCMSWITCH_GPU="gfx90a")

    assert seen.inside[b"LD_PRELOAD"] == os.fsencode(mine)


def test_a_profile_is_chosen_by_the_environment(modules: Modules, tmp_path: Path):
    seen = visit(modules, tmp_path, ROCMSWITCH_GPU="gfx1010", ROCMSWITCH_PROFILE="rdna1-safe")

    assert seen.inside[b"HSA_X"] == b"safe"


def test_two_stacks_are_never_loaded_together(modules: Modules, tmp_path: Path):
    seen = visit(modules, tmp_path, "module load rocm/5.2.0; echo $ROCMSWITCH_ACTIVE >&2", ROCMSWITCH_GPU="none")

    assert "conflict" in seen.said or "rocm-5.2.0" in seen.said
    assert seen.inside[b"ROCMSWITCH_ACTIVE"] == b"rocm-6.2.4"
