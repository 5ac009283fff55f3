"""The main job on Debian's real archive: installed, compiled for gfx1010, spoken to from Python."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cmakeproject import CMake
from tests.support.commandline import CommandLine, Outcome
from tests.support.debs import Library, make_library

pytestmark = [
    pytest.mark.network,
    pytest.mark.system,
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="the stack is for x86-64"),
]

NAME = "debian-5.2.3"
HIP = "50221153"
CHECKOUT = Path(__file__).resolve().parents[2]
NETWORK = re.compile(r"(?i)PIP_.*|.*_proxy|.*_CA_BUNDLE|SSL_CERT_.*")
PIP = Path.home() / ".config/pip/pip.conf"
"""How this machine reaches package indexes, read before the tests get an account of their own."""
QUESTION = """
from hip import hip
print(hip.hipRuntimeGetVersion()[1])
for line in open("/proc/self/maps"):
    if any(name in line for name in ("libamdhip64", "libhsa-runtime64", "libamd_comgr", "libLLVM")):
        print(line.split()[-1])
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """An account with the compiler set and an environment. The last test removes them."""
    folder = tmp_path_factory.mktemp("main-job")
    reached = {name: value for name, value in os.environ.items() if NETWORK.fullmatch(name)}
    line = CommandLine(folder, {**({"PIP_CONFIG_FILE": str(PIP)} if PIP.exists() else {}), **reached})
    line.succeed("install", NAME, "--set", "compiler", "--yes")
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    yield line
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)  # or pytest could not remove it


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of libraries with the prefix's names, that would break every program which loads them."""
    folder = tmp_path_factory.mktemp("hostile")
    for soname in (
        "libamdhip64.so.5",
        "libamdhip64.so",
        "libhsa-runtime64.so.1",
        "libamd_comgr.so.2",
        "libLLVM-15.so.1",
    ):
        make_library(Library(soname, functions=("hipRuntimeGetVersion", "hsa_init"), value=7), folder / soname)
    return folder


def bash(line: CommandLine, script: str, **environment: str) -> Outcome:
    """What a shell says in which *script* was typed; `rocmswitch` is the one under test."""
    done = subprocess.run(
        ["bash", "-c", f'rocmswitch() {{ "{sys.executable}" -m rocmswitch "$@"; }}\n{script}'],
        env=line.variables(**environment),
        cwd=line.home,
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_what_is_installed_says_so(line: CommandLine):
    found = json.loads(line.succeed("list", "--json"))

    assert [(one["name"], one["kind"], one["stack"]) for one in found] == [
        (NAME, "prefix", NAME),
        ("demo", "venv", NAME),
    ]
    assert found[0]["sets"] == ["runtime", "compiler"]
    assert line.succeed("which", "hipcc", NAME) == f"{line.layout.prefixes / NAME}/usr/bin/hipcc\n"


def test_a_kernel_is_compiled_for_gfx1010_and_its_program_runs(line: CommandLine, tmp_path: Path):
    program = tmp_path / "saxpy"

    line.succeed(
        "run",
        NAME,
        "--",
        "hipcc",
        "--offload-arch=gfx1010",
        str(CHECKOUT / "scripts/saxpy.hip"),
        "-o",
        str(program),
    )

    looked = subprocess.run(
        [sys.executable, CHECKOUT / "scripts/code_object.py", program, "gfx1010"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (looked.returncode, looked.stdout.strip().endswith("gfx1010")) == (0, True), looked
    assert line.succeed("run", NAME, "--", str(program)).startswith(f"HIP runtime {HIP}\n")


def test_a_compiled_program_needs_no_environment(line: CommandLine, tmp_path: Path, hostile: Path):
    program = tmp_path / "saxpy"
    line.succeed(
        "run",
        NAME,
        "--",
        "hipcc",
        "--offload-arch=gfx1010",
        str(CHECKOUT / "scripts/saxpy.hip"),
        "-o",
        str(program),
    )

    alone = subprocess.run([program], env={}, capture_output=True, text=True, check=False)

    assert (alone.returncode, alone.stdout.splitlines()[0]) == (0, f"HIP runtime {HIP}")


@pytest.mark.parametrize("way", ["run", "use"])
def test_python_speaks_to_the_hip_of_the_prefix_whatever_ld_library_path_says(
    line: CommandLine, hostile: Path, way: str
):
    if way == "run":
        outcome = line.run("run", "demo", "--", "python", "-c", QUESTION, LD_LIBRARY_PATH=str(hostile))
    else:
        script = f'eval "$(rocmswitch use {NAME} --venv demo)" && exec python -c "$QUESTION"'
        outcome = bash(line, script, LD_LIBRARY_PATH=str(hostile), QUESTION=QUESTION)

    assert outcome.code == 0, outcome
    version, *mapped = outcome.out.splitlines()
    tree = (line.layout.prefixes / NAME).resolve()
    assert version == HIP
    assert {Path(one).name.partition(".so")[0] for one in mapped} >= {"libamdhip64", "libhsa-runtime64"}
    assert [one for one in mapped if not Path(one).is_relative_to(tree)] == []


def test_a_shell_is_entered_and_left_again(line: CommandLine):
    script = f"""
        before=$(env | sort)
        eval "$(rocmswitch use {NAME} --venv demo)"
        echo "$ROCMSWITCH_ACTIVE $(command -v python) $(command -v hipcc)"
        rocmswitch_off
        [ "$before" = "$(env | sort)" ] && echo same
    """

    outcome = bash(line, script)

    python, hipcc = line.layout.venvs / "demo/bin/python", line.layout.prefixes / NAME / "usr/bin/hipcc"
    assert outcome.out == f"demo {python} {hipcc}\nsame\n", outcome


def test_programs_of_the_prefix_pay_no_heed_to_ld_library_path(line: CommandLine, hostile: Path):
    outcome = line.run("run", NAME, "--", "clang++-15", "--version", LD_LIBRARY_PATH=str(hostile))

    assert (outcome.code, "clang version 15" in outcome.out) == (0, True), outcome


def test_every_file_is_as_it_was_installed(line: CommandLine):
    outcome = line.run("verify")

    assert outcome.code == 0, outcome
    assert outcome.out.count("every file as installed") == 2


@pytest.mark.parametrize("version", ["3.25.2", "4.1.0"])
def test_cmake_builds_for_a_card_by_its_language_hip(line: CommandLine, tmp_path: Path, version: str) -> None:
    cmake = CMake.installed(version, tmp_path / "cmake")

    made = cmake.build(line, NAME, tmp_path)

    code = [sys.executable, str(CHECKOUT / "scripts/code_object.py"), str(made / "saxpy"), "gfx1010"]
    assert "flags 0x133: gfx1010" in subprocess.check_output(code, text=True)
    assert f"HIP runtime {HIP}" in subprocess.check_output([made / "saxpy"], text=True, env={})
    if version >= "3.27":  # from then on it can be told which folders the loader does not know
        assert subprocess.check_output([made / "asking"], text=True, env={}) == f"{HIP}\n"


def test_a_second_installation_needs_no_network(line: CommandLine):
    outcome = line.run(
        "install", NAME, "--set", "compiler", http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9"
    )

    assert (outcome.code, "is installed already (runtime, compiler)" in outcome.err) == (0, True), outcome


def test_all_is_removed_and_nothing_was_written_elsewhere(line: CommandLine):
    line.succeed("remove", "demo", "--yes")
    line.succeed("remove", NAME, "--yes")
    line.succeed("backup", "prune", "--all", "--yes")
    line.succeed("cache", "prune", "--all", "--yes")

    assert line.succeed("list") == ""
    assert list(line.home.iterdir()) == []
    left = {
        path.relative_to(line.folder / "rocmswitch").parts[:2]
        for path in (line.folder / "rocmswitch").rglob("*")
        if not path.is_dir()
    }
    kept = {
        ("cache", "indexes"),
        ("cache", "locks"),
        *(("data", one) for one in ("backups", "locks", "seen", "resolutions", "shell")),
    }
    assert left <= kept, left
    assert not [*(line.layout.prefixes / ".trees").iterdir(), *(line.layout.venvs / ".trees").iterdir()]
