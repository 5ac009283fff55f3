"""`deploy --again N`: what generation N put, put there once more."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.furnished import prefix
from tests.support.patched import MIOPEN, foreign, original, ours, patched, put_torch, user_site, write

PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def site(line: CommandLine, tmp_path: Path, library: Path) -> Path:
    """Of an environment into which the library was deployed as generation 1."""
    site = foreign(tmp_path / "my venv")
    line.succeed("deploy", str(library), "--into", str(tmp_path / "my venv"), "--yes")
    return site


def reasons(line: CommandLine) -> list[str]:
    return [one["intent"]["reason"] for one in json.loads(line.succeed("history", "--json"))]


def test_after_a_reinstall_of_torch_the_same_file_is_put_there_once_more(
    line: CommandLine, site: Path, library: Path
):
    library.unlink()
    put_torch(site)

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert outcome.code == 0, outcome
    assert (site / MIOPEN).read_bytes() == patched()
    assert "    stands there: torch 2.7.1+rocm6.2.4's own, and not what generation 1 put there" in outcome.err
    assert "recorded as generation 2\n" in outcome.err


def test_it_is_taken_back_like_any_other(line: CommandLine, site: Path):
    put_torch(site)
    line.succeed("deploy", "--again", "1", "--yes")

    line.succeed("undo", "--yes")

    assert (site / MIOPEN).read_bytes() == original()


def test_where_it_still_stands_nothing_is_done(line: CommandLine, site: Path):
    outcome = line.run("deploy", "--again", "1")

    assert outcome.code == 0, outcome
    assert outcome.err.splitlines()[-1] == "nothing to deploy: what is there holds the same"
    assert len(reasons(line)) == 1


def test_an_environment_that_was_made_anew_at_the_same_place_is_told(line: CommandLine, site: Path, tmp_path: Path):
    (tmp_path / "my venv").rename(tmp_path / "old venv")
    foreign(tmp_path / "my venv")

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert outcome.code == 0, outcome
    assert f"note: `{tmp_path}/my venv` was made anew since generation 1\n" in outcome.err
    assert (site / MIOPEN).read_bytes() == patched()


def test_an_environment_that_is_gone_is_told(line: CommandLine, site: Path, tmp_path: Path):
    shutil.rmtree(tmp_path / "my venv")

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert (outcome.code, outcome.error) == (3, f"there is no `{tmp_path}/my venv`")


def test_one_of_ours_that_was_made_anew_has_another_folder(line: CommandLine, library: Path):
    ours(line)
    line.succeed("deploy", str(library), "--into", "demo", "--yes")
    link = line.layout.venvs / "demo"
    shutil.copytree(link.resolve(), link.parent / ".trees/demo-0000000000ff", symlinks=True)
    link.unlink()
    link.symlink_to(".trees/demo-0000000000ff")
    site = next(link.glob("lib/python*/site-packages"))
    put_torch(site)

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert outcome.code == 0, outcome
    assert (site / MIOPEN).read_bytes() == patched()
    assert "note: `demo` was made anew since generation 1\n" in outcome.err


def test_a_name_that_means_a_stack_now_is_another_place(line: CommandLine, library: Path):
    ours(line)
    line.succeed("deploy", str(library), "--into", "demo", "--yes")
    (line.layout.venvs / "demo").unlink()
    prefix(line.layout, "demo")

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert (outcome.code, outcome.error) == (5, "`demo` of generation 1 is not what `demo` means now")


def test_the_packages_of_a_user_are_found_again(line: CommandLine, library: Path):
    site = user_site(line)
    line.succeed("deploy", str(library), "--into", "user", "--yes")
    put_torch(site)
    other = line.home / ".local/lib/python3.99/site-packages"
    other.mkdir(parents=True)
    put_torch(other)

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert outcome.code == 0, outcome
    assert ((site / MIOPEN).read_bytes(), (other / MIOPEN).read_bytes()) == (patched(), original())


def test_bytes_that_were_not_kept_are_taken_from_where_they_came_from(line: CommandLine, site: Path, library: Path):
    put_torch(site)
    forget_what_was_kept(line)

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert outcome.code == 0, outcome
    assert f"    from {library}, 15.4 kB\n" in outcome.err
    assert (site / MIOPEN).read_bytes() == patched()


def test_bytes_that_are_nowhere_any_more_are_missed_before_anything_is_changed(
    line: CommandLine, site: Path, library: Path
):
    put_torch(site)
    forget_what_was_kept(line)
    write(library, patched(value=7))

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert (outcome.code, outcome.error) == (
        5,
        f"the bytes of `{MIOPEN}` were not kept by generation 1, nor does `{library}` hold them any more",
    )
    assert (site / MIOPEN).read_bytes() == original()


def test_bytes_that_were_kept_and_are_damaged_are_not_put_there(line: CommandLine, site: Path):
    put_torch(site)
    kept = next((line.layout.backups / "1").glob("*.after"))
    write(kept, patched(value=7))

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert outcome.code == 4, outcome
    assert (site / MIOPEN).read_bytes() == original()


def test_a_reason_holds_for_what_it_was_given_for(line: CommandLine, tmp_path: Path):
    site = foreign(tmp_path / "my venv")
    odd = write(tmp_path / "odd/libMIOpen.so", patched(soname="libMIOpen.so.2"))
    line.succeed("deploy", str(odd), "--into", str(tmp_path / "my venv"), "--yes", "--force", "it is the same")
    put_torch(site)

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert outcome.code == 0, outcome
    assert (site / MIOPEN).read_bytes() == odd.read_bytes()
    assert reasons(line) == ["it is the same", "it is the same"]


def test_a_reason_does_not_hold_for_another_problem(line: CommandLine, tmp_path: Path):
    site = foreign(tmp_path / "my venv")
    odd = write(tmp_path / "odd/libMIOpen.so", patched(soname="libMIOpen.so.2"))
    line.succeed("deploy", str(odd), "--into", str(tmp_path / "my venv"), "--yes", "--force", "it is the same")
    put_torch(site)
    (site / "torch/lib/libamdhip64.so").unlink()

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert outcome.code == 5 and "libamdhip64.so" in outcome.error, outcome
    assert line.run("deploy", "--again", "1", "--yes", "--force", "it is not needed").code == 0
    assert (site / MIOPEN).read_bytes() == odd.read_bytes()


def test_several_files_are_put_there_together(line: CommandLine, tmp_path: Path):
    site = foreign(tmp_path / "my venv")
    files = [write(tmp_path / f"new/{name}", patched(name)) for name in ("libMIOpen.so", "librocblas.so")]
    line.succeed("deploy", *map(str, files), "--into", str(tmp_path / "my venv"), "--yes")
    put_torch(site)

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert "deployed 2 files, recorded as generation 2\n" in outcome.err
    assert (site / "torch/lib/librocblas.so").read_bytes() == patched("librocblas.so")


def test_one_that_put_no_files_is_refused(line: CommandLine, site: Path):
    line.succeed("undo", "--yes")

    outcome = line.run("deploy", "--again", "2", "--yes")

    assert (outcome.code, outcome.error) == (5, "generation 2 put no files into an environment")


def forget_what_was_kept(line: CommandLine) -> None:
    """As where the file system can neither link nor clone."""
    for path in (line.layout.backups / "1").glob("*.after"):
        path.unlink()


def test_kernels_are_put_there_once_more_too(line: CommandLine, tmp_path: Path):
    site = foreign(tmp_path / "my venv")
    place = "torch/lib/rocblas/library"
    for card in ("gfx1010", "gfx1030"):
        write(tmp_path / f"kernels/TensileLibrary_lazy_{card}.dat", b"mine")
    line.succeed("deploy", str(tmp_path / "kernels"), "--into", str(tmp_path / "my venv"), "--as", place, "--yes")
    (site / place / "TensileLibrary_lazy_gfx1010.dat").unlink()
    put_torch(site)

    outcome = line.run("deploy", "--again", "1", "--yes")

    assert outcome.code == 0, outcome
    assert {(site / place / f"TensileLibrary_lazy_{card}.dat").read_bytes() for card in ("gfx1010", "gfx1030")} == {
        b"mine"
    }
