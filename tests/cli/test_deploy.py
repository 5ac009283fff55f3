"""`deploy`: a patched library in the place of a wheel's own, with all that is said before and after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.patched import MIOPEN, foreign, hashes, original, ours, patched, user_site, write


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path)
    line.home.mkdir(exist_ok=True)
    return line


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The site-packages of an environment that rocmswitch did not make."""
    return foreign(tmp_path / "my venv")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return write(tmp_path / "built here/libMIOpen.so", patched())


def environment(site: Path) -> str:
    return str(site.parents[2])


def test_a_library_goes_where_its_soname_says_and_nothing_else_changes(
    line: CommandLine, site: Path, library: Path
):
    before = hashes(site.parents[2])

    outcome = line.run("deploy", str(library), "--into", environment(site), "--yes")

    assert outcome.code == 0, outcome
    after = hashes(site.parents[2])
    assert (site / MIOPEN).read_bytes() == patched()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {str((site / MIOPEN).relative_to(site.parents[2]))}


def test_the_plan_says_what_goes_where_and_whose_it_was(line: CommandLine, site: Path, library: Path):
    outcome = line.run("deploy", str(library), "--into", environment(site), "--dry-run")

    told = outcome.err.replace(environment(site), "VENV")
    assert outcome.code == 0, outcome
    assert told.splitlines()[0] == "deploys 1 file into VENV"
    assert f"\n  {site.relative_to(site.parents[2])}/{MIOPEN}\n    from {library}, 15.4 kB\n" in told
    assert "    stands there: torch 2.7.1+rocm6.2.4's own, 15.4 kB; saved without a copy\n" in told
    assert "\n15.4 kB to write\n" in told
    assert (site / MIOPEN).read_bytes() == original()


def test_afterwards_the_ways_back_are_named(line: CommandLine, site: Path, library: Path):
    outcome = line.run("deploy", str(library), "--into", environment(site), "--yes")

    assert outcome.err.splitlines()[-2:] == [
        "deployed 1 file, recorded as generation 1",
        f"back: `rocmswitch restore '{environment(site)}'`, or `rocmswitch undo 1` for this one alone",
    ]


def test_without_consent_nothing_is_changed(line: CommandLine, site: Path, library: Path):
    outcome = line.run("deploy", str(library), "--into", environment(site))

    assert (outcome.code, outcome.error) == (5, "this changes files and needs your consent")
    assert (site / MIOPEN).read_bytes() == original()


def test_who_says_no_at_the_terminal_has_changed_nothing(line: CommandLine, site: Path, library: Path):
    outcome = line.at_terminal("deploy", str(library), "--into", environment(site), answers="n\n")

    assert (outcome.code, outcome.error) == (5, "nothing was changed")
    assert (site / MIOPEN).read_bytes() == original()


def test_who_says_yes_at_the_terminal_has_it(line: CommandLine, site: Path, library: Path):
    outcome = line.at_terminal("deploy", str(library), "--into", environment(site), answers="y\n")

    assert outcome.code == 0, outcome
    assert (site / MIOPEN).read_bytes() == patched()


def test_other_names_of_the_file_keep_the_old_bytes(line: CommandLine, site: Path, library: Path, tmp_path: Path):
    for name in ("one", "two"):
        os.link(site / MIOPEN, tmp_path / name)

    outcome = line.run("deploy", str(library), "--into", environment(site), "--yes")

    assert "    its link is broken: 2 other names keep the old bytes\n" in outcome.err
    assert (site / MIOPEN).read_bytes() == patched()
    assert {(tmp_path / name).read_bytes() for name in ("one", "two")} == {original()}


def test_programs_that_have_the_old_library_are_named(line: CommandLine, site: Path, library: Path):
    script = f"import ctypes; ctypes.CDLL({str(site / MIOPEN)!r}); print(flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe) as program:
        assert program.stdout is not None and program.stdout.readline() == b"\n"

        outcome = line.run("deploy", str(library), "--into", environment(site), "--yes")
        program.communicate(b"\n")

    assert outcome.code == 0, outcome
    assert f"({program.pid}): they keep the old library until they are started anew\n" in outcome.err


def test_several_files_are_one_generation(line: CommandLine, site: Path, tmp_path: Path):
    files = [write(tmp_path / f"new/{name}", patched(name)) for name in ("libMIOpen.so", "librocblas.so")]

    outcome = line.run("deploy", *map(str, files), "--into", environment(site), "--yes")

    assert "deployed 2 files, recorded as generation 1\n" in outcome.err
    assert (site / "torch/lib/librocblas.so").read_bytes() == patched("librocblas.so")
    assert (site / MIOPEN).read_bytes() == patched()


def test_a_folder_is_all_the_files_in_it(line: CommandLine, site: Path, tmp_path: Path):
    for name in ("libMIOpen.so", "librocblas.so"):
        write(tmp_path / "new" / name, patched(name))

    outcome = line.run("deploy", str(tmp_path / "new"), "--into", environment(site), "--yes")

    assert "deployed 2 files, recorded as generation 1\n" in outcome.err
    assert (site / "torch/lib/librocblas.so").read_bytes() == patched("librocblas.so")


def test_where_one_of_several_does_not_fit_none_is_put_in_place(line: CommandLine, site: Path, tmp_path: Path):
    good = write(tmp_path / "libMIOpen.so", patched())
    bad = write(tmp_path / "librocblas.so", patched("librocblas.so", version="", soname="librocblas.so.9"))
    before = hashes(site)

    outcome = line.run("deploy", str(good), str(bad), "--into", environment(site), "--yes")

    assert outcome.code in (3, 5), outcome
    assert hashes(site) == before


def test_what_does_not_fit_is_put_in_place_for_a_reason_that_is_recorded(
    line: CommandLine, site: Path, tmp_path: Path
):
    other = write(tmp_path / "libMIOpen.so", patched(soname="libMIOpen.so.2"))
    words = ("deploy", str(other), "--into", environment(site), "--as", MIOPEN, "--yes")

    refused = line.run(*words)
    forced = line.run(*words, "--force", "its soname does not matter here")

    assert refused.code == 5 and "libMIOpen.so.2" in refused.error, refused
    assert forced.code == 0, forced
    assert (site / MIOPEN).read_bytes() == other.read_bytes()
    (row,) = json.loads(line.succeed("history", "--json"))
    assert row["intent"]["reason"] == "its soname does not matter here"


def test_what_is_there_already_is_not_put_there_again(line: CommandLine, site: Path, library: Path):
    line.succeed("deploy", str(library), "--into", environment(site), "--yes")
    inode = (site / MIOPEN).stat().st_ino

    outcome = line.run("deploy", str(library), "--into", environment(site))

    assert outcome.code == 0, outcome
    assert outcome.err.splitlines()[-1] == "nothing to deploy: what is there holds the same"
    assert (site / MIOPEN).stat().st_ino == inode


def test_an_earlier_deployment_is_told_and_so_is_one_that_is_gone(
    line: CommandLine, site: Path, library: Path, tmp_path: Path
):
    line.succeed("deploy", str(library), "--into", environment(site), "--yes")
    second = write(tmp_path / "libMIOpen.so", patched(value=9002))
    words = ("deploy", str(second), "--into", environment(site), "--dry-run")

    over = line.run(*words)
    write(site / MIOPEN, patched(value=9003, folders=("$ORIGIN", "/somewhere/else")))
    replaced = line.run(*words)

    assert "stands there: what generation 1 (deploy) put there, 15.4 kB" in over.err
    assert "and not what generation 1 put there" in replaced.err, replaced


def test_an_environment_of_ours_is_named_and_looked_at_anew(line: CommandLine, library: Path):
    site = ours(line)
    checks = write(line.layout.checks / "demo.json", b'{"of": "something"}')

    outcome = line.run("deploy", str(library), "--into", "demo", "--yes")

    assert outcome.code == 0, outcome
    assert (site / MIOPEN).read_bytes() == patched()
    assert not checks.exists() or json.loads(checks.read_bytes())["of"] != "something"


def test_the_link_that_a_project_has_means_the_environment_behind_it(line: CommandLine, library: Path):
    site = ours(line)
    (line.home / ".venv").symlink_to(line.layout.venvs / "demo")

    outcome = line.run("deploy", str(library), "--into", ".venv", "--yes")

    assert outcome.code == 0, outcome
    assert (site / MIOPEN).read_bytes() == patched()
    assert "back: `rocmswitch restore demo`" in outcome.err


def test_a_users_own_packages_are_a_place_too(line: CommandLine, library: Path):
    site = user_site(line)

    outcome = line.run("deploy", str(library), "--into", "user", "--yes")

    assert outcome.code == 0, outcome
    assert (site / MIOPEN).read_bytes() == patched()
    assert "back: `rocmswitch restore user`" in outcome.err


def test_a_python_means_its_environment(line: CommandLine, site: Path, library: Path):
    outcome = line.run("deploy", str(library), "--into", f"{environment(site)}/bin/python", "--yes")

    assert outcome.code == 0, outcome
    assert (site / MIOPEN).read_bytes() == patched()


def test_programs_are_told_the_plan_and_the_generation(line: CommandLine, site: Path, library: Path):
    words = ("deploy", str(library), "--into", environment(site), "--json")
    planned = json.loads(line.succeed(*words, "--dry-run"))
    done = json.loads(line.succeed(*words, "--yes"))

    assert (planned.pop("generation"), done.pop("generation")) == (None, 1)
    (there,) = planned["standings"]
    assert (there["package"], there["is_own"], there["other_names"]) == ("torch 2.7.1+rocm6.2.4", True, 0)
    assert planned["problems"] == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "say what to deploy: a `FILE`, or `--again`, `--adopt`, `--gpu-kernels`"),
        (("x.so",), "say where it goes: `--into VENV` is missing"),
        (("x.so", "--into", ""), "say where it goes: `--into VENV` is missing"),
        (("x.so", "--again", "1"), "`FILE` and `--again` exclude each other"),
        (("--adopt", "user", "--gpu-kernels", "gfx1010"), "`--adopt` and `--gpu-kernels` exclude each other"),
        (("--again", "1", "--into", "user"), "`--into` goes with `--gpu-kernels`, not with `--again`"),
        (("--adopt", "user", "--as", "a"), "`--as` goes with `FILE`, not with `--adopt`"),
        (("x.so", "--into", "user", "--from", "rocm"), "`--from` goes with `--gpu-kernels`, not with `FILE`"),
        (("--gpu-kernels", "gfx1010", "--into", "user"), "say whose kernels: `--from STACK` is missing"),
        (("x.so", "--into", "user", "--force", " "), "`--force` wants the reason, which is recorded"),
        (("--again", "0"), "invalid value for `--again`: 0 is not in the range x>=1"),
    ],
)
def test_words_that_do_not_go_together_are_told(line: CommandLine, words: tuple[str, ...], error: str):
    outcome = line.run("deploy", *words, "--yes")

    assert (outcome.code, outcome.error, outcome.hint) == (2, error, "run `rocmswitch deploy --help`")


def test_the_name_of_a_variant_means_nothing_for_an_environment(line: CommandLine, site: Path, library: Path):
    outcome = line.run("deploy", str(library), "--into", environment(site), "--name", "mine", "--yes")

    assert (outcome.code, outcome.error) == (
        2,
        "`--name` is for a variant of a stack, and `--into` names an environment",
    )


def test_programs_are_told_why_it_is_refused(line: CommandLine, site: Path, tmp_path: Path):
    other = write(tmp_path / "libMIOpen.so", patched(soname="libMIOpen.so.2"))

    outcome = line.run("deploy", str(other), "--into", environment(site), "--yes", "--json")

    told = json.loads(outcome.out)
    assert (outcome.code, told["generation"], [one["kind"] for one in told["problems"]]) == (5, None, ["soname"])


def test_kernels_are_data_and_go_where_it_is_said(line: CommandLine, site: Path, tmp_path: Path):
    for card in ("gfx1030", "gfx1010"):
        write(tmp_path / f"kernels/TensileLibrary_lazy_{card}.dat", b"mine")
    place = site / "torch/lib/rocblas/library"

    words = ("--into", environment(site), "--as", "torch/lib/rocblas/library", "--yes")
    outcome = line.run("deploy", str(tmp_path / "kernels"), *words)

    assert outcome.code == 0, outcome
    assert {one.name: one.read_bytes() for one in place.glob("*10?0.dat")} == {
        "TensileLibrary_lazy_gfx1010.dat": b"mine",
        "TensileLibrary_lazy_gfx1030.dat": b"mine",
    }
    assert "nothing stands there\n" in outcome.err


def test_a_link_that_leads_out_of_the_environment_is_not_followed(
    line: CommandLine, site: Path, library: Path, tmp_path: Path
):
    elsewhere = write(tmp_path / "elsewhere/libMIOpen.so", original())
    (site / MIOPEN).unlink()
    (site / MIOPEN).symlink_to(elsewhere)

    outcome = line.run("deploy", str(library), "--into", environment(site), "--yes")

    assert outcome.code == 5, outcome
    assert elsewhere.read_bytes() == original()


def test_a_folder_that_is_swapped_for_a_link_while_the_question_stands_is_refused(
    line: CommandLine, site: Path, library: Path, tmp_path: Path
):
    elsewhere = write(tmp_path / "elsewhere/libMIOpen.so", original())

    def meanwhile() -> str:
        (site / "torch/lib").rename(site / "torch/before")
        (site / "torch/lib").symlink_to(elsewhere.parent)
        return "y\n"

    outcome = line.at_terminal("deploy", str(library), "--into", environment(site), answers=meanwhile)

    assert outcome.code == 5, outcome
    assert elsewhere.read_bytes() == original() == (site / "torch/before/libMIOpen.so").read_bytes()


def test_what_changes_while_the_question_stands_is_not_overwritten(line: CommandLine, site: Path, library: Path):
    theirs = patched(value=7)

    def meanwhile() -> str:
        write(site / MIOPEN, theirs)
        return "y\n"

    outcome = line.at_terminal("deploy", str(library), "--into", environment(site), answers=meanwhile)

    assert (outcome.code, outcome.hint) == (5, "run the same command again"), outcome
    assert (site / MIOPEN).read_bytes() == theirs


def test_another_deployment_while_the_question_stands_is_noticed(
    line: CommandLine, site: Path, library: Path, tmp_path: Path
):
    other = write(tmp_path / "librocblas.so", patched("librocblas.so"))

    def meanwhile() -> str:
        line.succeed("deploy", str(other), "--into", environment(site), "--yes")
        return "y\n"

    outcome = line.at_terminal("deploy", str(library), "--into", environment(site), answers=meanwhile)

    assert (outcome.code, outcome.hint) == (1, "run the same command again"), outcome
    assert (site / MIOPEN).read_bytes() == original()


def test_control_characters_in_names_do_not_reach_the_terminal(line: CommandLine, site: Path, tmp_path: Path):
    library = write(tmp_path / "\x1b]0;gone\x07/libMIOpen.so", patched())

    outcome = line.run("deploy", str(library), "--into", environment(site), "--yes")

    assert outcome.code == 0 and "\x1b" not in outcome.err, outcome
