"""A stack for a newer system than this machine: carried whole, with its own C library, and started by that."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.debs import Deb, Library
from tests.support.elflibraries import Library as Real
from tests.support.elflibraries import linked
from tests.support.keys import SigningKey
from tests.support.ownlibc import FOLDER, VERSION, family, libc_deb, teller
from tests.support.trees import replace_content

TABLE = {"libc6": ["libc.so.6"], "libextra": ["libextra.so.1"], "binutils": ["bin/sh"]}
PYTHON = """
import ctypes, multiprocessing, os, ssl, subprocess, sys
inner = subprocess.run([sys.executable, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True)
host = subprocess.run(["sh", "-c", "env | grep ^LD_; cat /proc/self/maps"], capture_output=True, text=True).stdout
ctypes.CDLL(os.environ["ROCMSWITCH_HOME"] + "/data/prefixes/acme-1.0/usr/lib/" + os.environ["ACME"])
def twice(number): return number * 2
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(twice, [21]) == [42]
    print(sys.executable, sys.prefix, sys.base_prefix, inner.stdout, sep="\\n", end="")
    print(host.startswith("LD_"), os.environ["ROCMSWITCH_HOME"] in host, "libc.so.6" in host)
    files = (line.split(maxsplit=5)[-1].strip() for line in open("/proc/self/maps"))
    print(*sorted({file for file in files if ".so" in file}), sep="\\n")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Iterator[AcmeSite]:
    """Has acme-1.0 as it is built for a system whose C library is newer than any."""
    tools = Deb(
        "acme-tools",
        "2.0-1",
        f"acme-core (>= 1.0), libextra, binutils, libc6 (>= {VERSION})",
        files={"usr/bin/teller": teller(), "usr/bin/lister": "#!/usr/bin/perl\n"},
    )
    core = {f"{FOLDER}/libacme.so.1": Library("libacme.so.1", needs=("libc.so.6",))}
    extra = {f"{FOLDER}/libextra.so.1": Library("libextra.so.1")}
    with AcmeSite(tmp_path_factory.mktemp("server"), key) as made:
        made.repository.add(tools, Deb("acme-core", "2.0-1", files=core), Deb("libextra", files=extra), libc_deb())
        made.repository.add(Deb("binutils", files={"usr/bin/ld": "#!/bin/sh\n"}))
        made.publish()
        yield made


def person(site: AcmeSite, folder: Path) -> CommandLine:
    line = site.person(folder)
    site.let(line, rocm={"host": TABLE, "version": "2.0.0"})
    return line


@pytest.fixture
def line(site: AcmeSite, tmp_path: Path) -> CommandLine:
    """Somebody who has installed nothing."""
    return person(site, tmp_path)


@pytest.fixture(scope="module")
def installed(site: AcmeSite, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Somebody who has installed it, and whose tree all tests share that do not change it."""
    line = person(site, tmp_path_factory.mktemp("person"))
    line.succeed("install", NAME, "--yes")
    return line


@pytest.fixture
def own(line: CommandLine) -> CommandLine:
    """The same with a tree of its own."""
    line.succeed("install", NAME, "--yes")
    return line


def tree(line: CommandLine) -> Path:
    return (line.layout.prefixes / NAME).resolve()


def loaded(printed: str) -> set[Path]:
    return {Path(text) for text in printed.splitlines() if text.startswith("/")}


def of_the_tree(line: CommandLine) -> set[Path]:
    """What the teller runs with: a program of the tree."""
    folder = tree(line) / "base" / FOLDER
    return {folder / name for name in ("libc.so.6", "libm.so.6", next(iter(family())))}


def test_the_plan_takes_all_along_and_says_why_in_one_line(line: CommandLine):
    outcome = line.run("install", NAME, "--dry-run")
    said = json.loads(line.succeed("install", NAME, "--dry-run", "--json"))

    why = [text for text in outcome.err.splitlines() if "carried along" in text]
    assert len(why) == 1
    assert why[0].startswith("note: carried along, with its own C library, because this machine has glibc ")
    assert why[0].endswith(f" and acme-tools needs {VERSION}")
    places = {one["name"]: one["place"] for one in said["packages"]}
    base = dict.fromkeys(("binutils", "libc6", "libextra"), "base")
    assert places == {"acme-core": "rocm", "acme-tools": "rocm", **base}
    assert said["host"] == []


@pytest.mark.parametrize(("folder", "is_said"), [("a b", True), ("a,b", True), ("ab", False)])
def test_who_cannot_use_hipcc_where_their_stacks_are_is_told(
    site: AcmeSite, tmp_path: Path, folder: str, is_said: bool
):
    outcome = person(site, tmp_path / folder).run("install", NAME, "--dry-run")

    assert outcome.code == 0
    assert ("note: hipcc does not work below" in outcome.err) is is_said


def test_a_repaired_tree_offers_the_same_and_no_more(own: CommandLine):
    def offered() -> list[str]:
        return [one["path"] for one in json.loads((tree(own) / ".rocmswitch/files.json").read_text())]

    before = offered()
    replace_content(tree(own) / "usr/bin/lister", b"#!/bin/sh\n")

    own.succeed("repair", NAME, "--yes")

    assert "base/linker/ld" in before
    assert offered() == before


def test_programs_run_with_the_tree_s_c_library_alone(installed: CommandLine):
    assert loaded(installed.succeed("run", NAME, "--", "teller")) == of_the_tree(installed)


def test_programs_need_no_rocmswitch_to_start(installed: CommandLine):
    printed = subprocess.check_output([installed.layout.prefixes / NAME / "usr/bin/teller"], env={}, text=True)

    assert loaded(printed) == of_the_tree(installed)


def test_a_library_path_of_the_user_s_brings_nothing_else_in(installed: CommandLine, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/libm.so.6").write_bytes(linked(Real("libm.so.6", "libm.so.6", "pow")))

    printed = installed.succeed("run", NAME, "--", "env", f"LD_LIBRARY_PATH={tmp_path}/mine", "teller")

    assert loaded(printed) == of_the_tree(installed)


def test_what_they_start_of_the_machine_s_runs_with_the_machine_s(installed: CommandLine):
    printed = installed.succeed("run", NAME, "--", "teller", "echo; cat /proc/self/maps; env")

    own, _, others = printed.partition("\n\n")
    assert loaded(own) == of_the_tree(installed)
    maps, _, environment = others.partition("[vsyscall]")
    assert "libc.so.6" in maps
    assert str(tree(installed)) not in maps
    assert "LD_LIBRARY_PATH" not in environment


def test_an_older_tree_s_programs_do_not_start_by_the_loader_of_a_newer_one(own: CommandLine):
    before = tree(own)
    replace_content(before / "usr/bin/lister", b"#!/bin/sh\n")
    own.succeed("repair", NAME, "--yes")

    assert tree(own) != before
    assert loaded(own.succeed("run", NAME, "--", "teller")) == of_the_tree(own)
    assert own.run("verify", NAME).code == 0


def test_every_changed_file_is_listed_with_what_it_was(installed: CommandLine):
    listed = json.loads((tree(installed) / ".rocmswitch/files.json").read_text())

    (entry,) = (one for one in listed if one["path"] == "usr/bin/teller")
    assert entry["original_sha256"] == hashlib.sha256(teller()).hexdigest()
    assert entry["reason"].startswith(f"loader {tree(installed)}/base/")
    libc = {one["path"]: one for one in listed if one.get("package") == "libc6" and one["kind"] == "file"}
    assert not [path for path, one in libc.items() if "reason" in one]
    assert installed.run("verify", NAME).code == 0


def test_folders_of_the_carried_system_are_merged_as_those_of_a_running_one(installed: CommandLine):
    base = tree(installed) / "base"

    assert {one.name: str(one.readlink()) for one in base.iterdir() if one.is_symlink()} == {
        "bin": "usr/bin",
        "lib": "usr/lib",
        "lib64": "usr/lib64",
    }


def test_scripts_go_on_asking_for_the_machine_s_interpreter(installed: CommandLine):
    assert (tree(installed) / "usr/bin/lister").read_text() == "#!/usr/bin/perl\n"


def test_a_variant_starts_by_its_own_loader(own: CommandLine, tmp_path: Path):
    mine = tmp_path / "libacme.so.1"
    mine.write_bytes(linked(Real("libacme.so.1", "libacme.so.1", "answer", value=43, search="")))
    own.succeed("deploy", str(mine), "--into", NAME, "--name", "mine", "--yes")

    printed = own.succeed("run", f"{NAME}+mine", "--", "teller")

    variant = (own.layout.prefixes / f"{NAME}+mine").resolve()
    assert {path.is_relative_to(variant) for path in loaded(printed)} == {True}
    assert own.run("verify", f"{NAME}+mine").code == 0


def test_it_all_works_in_a_folder_with_a_space(site: AcmeSite, tmp_path: Path):
    line = person(site, tmp_path / "my folder")
    line.succeed("install", NAME, "--yes")

    printed = line.succeed("run", NAME, "--", "teller")

    assert loaded(printed) == of_the_tree(line)


def test_an_environment_s_python_starts_by_the_prefix_s_loader_and_the_machine_s_stays_as_it_is(
    own: CommandLine,
):
    interpreter = Path(sys.executable).resolve()
    before = interpreter.read_bytes()
    own.succeed("use", NAME, "--venv", "demo", "--yes")
    place = own.layout.venvs / "demo"
    script = own.home / "script.py"
    script.write_text(PYTHON)

    executable, prefix, base_prefix, inner, of_the_child, *files = own.succeed(
        "run", "demo", "--", "python", str(script), ACME=f"{Path(FOLDER).name}/libacme.so.1"
    ).splitlines()

    assert (executable, prefix, inner) == (str(place / "bin/python"), str(place), str(place))
    assert (base_prefix, of_the_child) == (sys.base_prefix, "False False True")
    folder = tree(own) / "base" / FOLDER
    assert {str(folder / name) for name in family() if name in ("libc.so.6", "libm.so.6")} <= {*files}
    assert not [one for one in files if Path(one).name in family() and not one.startswith(str(folder))]
    assert interpreter.read_bytes() == before
    listed = json.loads((place / ".rocmswitch/files.json").read_text())
    (entry,) = (one for one in listed if one["path"] == "bin/python")
    assert (entry["kind"], entry["original_sha256"]) == ("file", hashlib.sha256(before).hexdigest())
    assert entry["reason"].startswith(f"loader {own.layout.prefixes / NAME}/base/")
    assert own.run("verify", "demo").code == 0


def test_an_environment_outlives_another_tree_of_its_prefix(own: CommandLine):
    own.succeed("use", NAME, "--venv", "demo", "--yes")
    before = tree(own)
    own.succeed("install", NAME, "--set", "compiler", "--yes")
    maps = "print(open('/proc/self/maps').read())"

    printed = own.succeed("run", "demo", "--", "python", "-c", maps)

    assert tree(own) != before
    assert str(tree(own) / "base" / FOLDER / "libc.so.6") in printed
    assert str(before) not in printed


def test_a_prefix_that_an_environment_starts_by_is_not_removed_without_a_word(own: CommandLine):
    own.succeed("use", NAME, "--venv", "demo", "--yes")

    outcome = own.run("remove", NAME, "--yes")

    assert outcome.code == 5
    assert "demo" in outcome.err
