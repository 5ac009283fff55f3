"""`deploy`: a patched library in the place of a wheel's own, with all that is said before and after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.commandline import CommandLine
from tests.support.patched import MIOPEN, hashes, original, ours, patched, user_site, write


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
    folder = f"VENV/{site.relative_to(site.parents[2])}"
    assert told.splitlines()[0] == f"deploys 1 file into VENV, below {folder}:"
    assert f"\n  {MIOPEN}\n    from {library}, 15.4 kB\n" in told
    assert "    stands there: torch 2.7.1+rocm6.2.4's own, 15.4 kB; saved without a copy\n" in told
    assert "\n15.4 kB to write\n" in told
    assert (site / MIOPEN).read_bytes() == original()


def test_afterwards_the_ways_back_are_named(line: CommandLine, site: Path, library: Path):
    outcome = line.run("deploy", str(library), "--into", environment(site), "--yes")

    assert outcome.err.splitlines()[-2:] == [
        "deployed 1 file, recorded as generation 1",
        f"back: `rocmswitch restore '{environment(site)}'`, or `rocmswitch undo 1` for this one alone",
    ]


def test_who_says_yes_at_the_terminal_has_it(line: CommandLine, site: Path, library: Path):
    outcome = line.at_terminal("deploy", str(library), "--into", environment(site), answers="y\n")

    assert outcome.code == 0, outcome
    assert (site / MIOPEN).read_bytes() == patched()


def test_other_names_of_the_file_keep_the_old_bytes(line: CommandLine, site: Path, library: Path, tmp_path: Path):
    for name in ("one", "two"):
        os.link(site / MIOPEN, tmp_path / name)

    outcome = line.run("deploy", str(library), "--into", environment(site), "--yes")

    assert "    its 2 other names (hard links, as to uv's cache) keep the old bytes\n" in outcome.err
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
    assert outcome.err.startswith(f"deploys 2 files into {environment(site)}, below {site}:\n")
    assert f"\n30.8 kB to write, from {tmp_path / 'new'}\n" in outcome.err
    assert f"\n  {MIOPEN}: 15.4 kB; stands there: torch 2.7.1+rocm6.2.4's own, 15.4 kB; " in outcome.err
    assert (site / "torch/lib/librocblas.so").read_bytes() == patched("librocblas.so")
    assert (site / MIOPEN).read_bytes() == patched()


def test_a_folder_is_all_the_files_in_it(line: CommandLine, site: Path, tmp_path: Path):
    for name in ("libMIOpen.so", "librocblas.so"):
        write(tmp_path / "new" / name, patched(name))

    outcome = line.run("deploy", str(tmp_path / "new"), "--into", environment(site), "--yes")

    assert "deployed 2 files, recorded as generation 1\n" in outcome.err
    assert outcome.err.startswith(f"deploys 2 files into {environment(site)}, below {site}:\n")
    assert f"\n30.8 kB to write, from {tmp_path / 'new'}\n" in outcome.err
    assert f"\n  {MIOPEN}: 15.4 kB; stands there: torch 2.7.1+rocm6.2.4's own, 15.4 kB; " in outcome.err
    assert (site / "torch/lib/librocblas.so").read_bytes() == patched("librocblas.so")


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


def test_several_at_once_come_one_after_the_other_and_all_are_recorded(
    line: CommandLine, site: Path, tmp_path: Path
):
    files = [write(tmp_path / f"{number}/libMIOpen.so", patched(value=number)) for number in range(4)]
    start = (sys.executable, "-m", "rocmswitch", "deploy")
    running = [
        subprocess.Popen(
            [*start, str(file), "--into", environment(site), "--yes"],
            env=line.variables(),
            stderr=subprocess.PIPE,
            text=True,
        )
        for file in files
    ]

    ended = [(one.communicate()[1], one.returncode) for one in running]

    assert [code for _, code in ended] == [0, 0, 0, 0], ended
    steps = [one["steps"][0] for one in json.loads(line.succeed("history", "--json"))]
    assert sorted(one["source"] for one in steps) == sorted(map(str, files))
    assert [one["before"]["sha256"] for one in steps[1:]] == [one["after"]["sha256"] for one in steps[:-1]]


def test_of_a_large_file_it_is_told_afterwards_that_it_was_not_the_wheels_own(
    line: CommandLine, site: Path, library: Path
):
    """Before, its size has to do: reading it takes its time, and saving it does that anyway."""
    large = 64 * 1000**2 + 1
    write(site / MIOPEN, original() + b"\0" * (large - len(original())))
    record = next(site.glob("torch-*.dist-info/RECORD"))
    rows = [f"{MIOPEN},{row.split(',')[1]},{large}" if MIOPEN in row else row for row in record.read_text().split()]
    record.write_text("\n".join(rows) + "\n")

    outcome = line.run("deploy", str(library), "--into", environment(site), "--yes")

    assert outcome.code == 0, outcome
    assert "stands there: torch 2.7.1+rocm6.2.4's own, 64.0 MB" in outcome.err
    assert f"`{MIOPEN}` was not torch 2.7.1+rocm6.2.4's own, though as large; it is saved\n" in outcome.err
