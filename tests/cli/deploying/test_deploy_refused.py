"""`deploy` where it is not done: what does not fit, what changes meanwhile, words that mean nothing together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.patched import MIOPEN, hashes, original, patched, write


def environment(site: Path) -> str:
    return str(site.parents[2])


def test_without_consent_nothing_is_changed(line: CommandLine, site: Path, library: Path):
    outcome = line.run("deploy", str(library), "--into", environment(site))

    assert (outcome.code, outcome.error) == (5, "this changes files and needs your consent")
    assert (site / MIOPEN).read_bytes() == original()


def test_who_says_no_at_the_terminal_has_changed_nothing(line: CommandLine, site: Path, library: Path):
    outcome = line.at_terminal("deploy", str(library), "--into", environment(site), answers="n\n")

    assert (outcome.code, outcome.error) == (5, "nothing was changed")
    assert (site / MIOPEN).read_bytes() == original()


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


def test_the_right_library_fits_after_a_wrong_one_was_forced(line: CommandLine, site: Path, tmp_path: Path):
    """What stood there by itself is what others were linked with, not what was forced upon them."""
    wrong = write(tmp_path / "wrong/libMIOpen.so", patched(soname="libMIOpen.so.2"))
    right = write(tmp_path / "right/libMIOpen.so", patched())
    words = ("--into", environment(site), "--as", MIOPEN, "--yes")
    line.succeed("deploy", str(wrong), *words, "--force", "to see what happens")

    wrong_again = line.run("deploy", str(write(wrong, patched(soname="libMIOpen.so.2", value=7))), *words)
    outcome = line.run("deploy", str(right), *words)

    assert (wrong_again.code, outcome.code, "problem:" in outcome.err) == (5, 0, False), outcome
    assert (site / MIOPEN).read_bytes() == right.read_bytes()


def test_where_the_original_was_let_go_what_stands_there_has_to_do(line: CommandLine, site: Path, tmp_path: Path):
    library = write(tmp_path / "libMIOpen.so", patched())
    words = ("--into", environment(site), "--yes")
    line.succeed("deploy", str(library), *words)
    line.succeed("backup", "prune", "1", "--yes")

    line.succeed("deploy", str(write(library, patched(value=7))), *words)

    assert (site / MIOPEN).read_bytes() == patched(value=7)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "say what to deploy: a `FILE`, or `--again`, `--adopt`, `--gpu-kernels`"),
        (("x.so",), "say where it goes: `--into VENV` is missing"),
        (("", "--into", "user"), "a `FILE` is empty: a variable that is not set, perhaps"),
        (("x.so", "--into", "user", "--as", ""), "`--as` is empty: a variable that is not set, perhaps"),
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


def test_a_file_that_is_built_anew_while_the_question_stands_is_not_put_unjudged(
    line: CommandLine, site: Path, library: Path
):
    other = patched(value=7)
    assert len(other) == library.stat().st_size

    def meanwhile() -> str:
        library.write_bytes(other)
        return "y\n"

    outcome = line.at_terminal("deploy", str(library), "--into", environment(site), answers=meanwhile)

    assert (outcome.code, outcome.hint) == (5, "run the same command again"), outcome
    assert (site / MIOPEN).read_bytes() == original()


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


def test_the_name_of_a_file_that_is_refused_makes_no_second_line(line: CommandLine, site: Path, tmp_path: Path):
    write(tmp_path / "kernels/\x1b[31ma\nhint: run `sudo reboot`.so", b"no library")

    outcome = line.run("deploy", str(tmp_path / "kernels"), "--into", environment(site), "--yes")

    assert (outcome.code, len(outcome.err.splitlines())) == (5, 2), outcome
    assert "\x1b" not in outcome.err
    assert outcome.hint.startswith("run the same command with `--as`")
