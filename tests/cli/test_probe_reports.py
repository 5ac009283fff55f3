"""Reports that were kept, through the program: listed, shown again, made a page of, compared."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.metadata.probereport import parse_report
from rocmswitch.store.probes import Probes
from tests.support.commandline import CommandLine
from tests.support.disk import HastyDisk
from tests.support.furnished import environment
from tests.support.probereports import ON_CARD, ON_PROCESSOR, STACK, hanging_from, made_report, outcome

VENDOR = hanging_from()
FALLBACK = replace(
    hanging_from("224×224"),
    created="2026-11-20T18:00:00Z",
    surroundings=replace(ON_CARD, convolutions="fallback"),
)
WORKING = replace(
    made_report(outcome("gru")),
    created="2026-11-20T20:00:00Z",
    surroundings=replace(ON_PROCESSOR, stack="rocm-5.2.3"),
)


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """Three probes have run: on the card with MIOpen, without it, and on the processor, which is the newest."""
    line = CommandLine(tmp_path)
    for one in (VENDOR, FALLBACK, WORKING):
        Probes(line.layout, HastyDisk()).save(one)
    return line


def test_they_are_listed_with_their_numbers_and_what_they_came_to(line: CommandLine):
    rows = [row.split() for row in line.succeed("probe", "--list").splitlines()]

    assert [row[:2] for row in rows if row and row[0].isdigit()] == [
        ["1", "2026-11-20T20:00:00Z"],
        ["2", "2026-11-20T18:00:00Z"],
        ["3", "2026-11-20T16:00:00Z"],
    ]
    assert "(substitute)" in " ".join(rows[3])


def test_the_list_for_programs_says_which_ran_on_a_substitute(line: CommandLine):
    found = json.loads(line.succeed("probe", "--list", "--json"))

    assert [(one["number"], bool(one["substitute"]), one["failing"]) for one in found] == [
        (1, True, 0),
        (2, False, 9),
        (3, False, 21),
    ]


def test_where_nothing_was_kept_the_list_says_so(tmp_path: Path):
    outcome = CommandLine(tmp_path).run("probe", "--list")

    assert (outcome.code, outcome.out) == (0, "")
    assert "no probe has run on this machine yet" in outcome.err


def test_a_file_that_cannot_be_read_is_named(line: CommandLine):
    broken = Probes(line.layout, HastyDisk()).folder / STACK / "broken\x1b[31m.json"
    broken.write_bytes(b"{")

    outcome = line.run("probe", "--list")

    assert (outcome.code, "broken\ufffd[31m.json` is passed over (Expecting" in outcome.err) == (0, True), (
        outcome.err
    )


def test_one_with_failures_is_shown_with_each_and_what_to_do(line: CommandLine):
    found = line.run("probe", "--show", "3")

    lines = found.out.splitlines()
    assert (found.code, found.error, found.hint) == (4, "21 operations do not work here", "run `rocmswitch doctor`")
    assert lines[0].startswith("Radeon RX 5700 XT (gfx1010), rocm-6.2.4: 20 of 41 work; ")
    assert sum(": hang: " in line and line.startswith("conv2d ") for line in lines) == 18
    assert "`rocmswitch use rocm-6.2.4 --venv myproj --conv-fallback` does without it\n" in found.err
    assert "`rocmswitch recommend`" in found.err


def test_a_way_that_was_not_tried_on_this_card_is_not_promised(tmp_path: Path):
    line = CommandLine(tmp_path)
    Probes(line.layout, HastyDisk()).save(VENDOR)

    assert "--conv-fallback` does without it (not tried on this card yet)\n" in line.run("probe", "--show", "1").err


def test_one_in_which_all_works_says_first_that_it_ran_on_a_substitute(line: CommandLine):
    found = line.run("probe", "--show", "5.2")

    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(
        "substitute: this ran on a processor, as a substitute: it says nothing of any card\n"
    )


def test_what_programs_get_is_the_report_itself_and_can_be_compared(line: CommandLine, tmp_path: Path):
    found = line.run("probe", "--show", "3", "--json")
    (tmp_path / "theirs.json").write_text(found.out)

    assert parse_report(found.out.encode()) == VENDOR
    assert "41 as before" in line.succeed("probe", "--compare", "3", str(tmp_path / "theirs.json"))


def test_a_page_is_written_and_can_be_compared(line: CommandLine, tmp_path: Path):
    file = tmp_path / "a folder" / "a page.html"
    file.parent.mkdir()
    file.write_text("an older one")

    shown = line.run("probe", "--show", "3", "--html", str(file))

    assert (shown.code, f"wrote {file}: attach it to an issue\n" in shown.err) == (4, True)
    assert "41 as before" in line.succeed("probe", "--compare", str(file), "3")


@pytest.mark.parametrize("name", ["no folder/a.html", ".", "fifo"])
def test_a_page_that_could_not_be_written_is_refused_before_anything_else(
    line: CommandLine, tmp_path: Path, name: str
):

    os.mkfifo(tmp_path / "fifo")

    found = line.run("probe", "--show", "3", "--html", str(tmp_path / name))

    assert (found.code, found.out) == (2, "")


def test_what_got_better_is_told_and_is_no_fault(line: CommandLine):
    found = line.run("probe", "--compare", "3", "2")

    assert (found.code, found.err) == (0, "")
    assert "convolutions: vendor → fallback\nbetter (12)\n" in found.out
    assert found.out.endswith("\n29 as before\n")


def test_what_got_worse_is_a_fault(line: CommandLine):
    found = line.run("probe", "--compare", "2", "3")

    assert (found.code, found.error) == (4, "12 operations that worked in A fail in B")
    assert "worse (12)\n" in found.out


def test_a_comparison_for_programs(line: CommandLine):
    found = line.run("probe", "--compare", "2", "3", "--json")

    said = json.loads(found.out)
    assert (found.code, said["is_worse"], said["unchanged"]) == (4, True, 29)
    assert {one["kind"] for one in said["changes"]} == {"worse"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say one of `VENV`, `--compare`, `--list` and `--show`"),
        (("demo", "--list"), "say one of `VENV`, `--compare`, `--list` and `--show`"),
        (("--list", "--html", "x.html"), "--html goes with VENV or --show"),
        (("demo", "--deadline", "0"), "invalid value for `--deadline`"),
        (("demo", "--device", "tpu"), "invalid value for `--device`"),
        (("--compare", "1"), "option `--compare` requires 2 arguments"),
    ],
)
def test_what_makes_no_sense_is_refused(line: CommandLine, words: tuple[str, ...], said: str):
    found = line.run("probe", *words)

    assert (found.code, found.out, said in found.error) == (2, "", True), found.err


def test_removing_an_environment_leaves_what_was_found_in_it(line: CommandLine):
    environment(line.layout, "myproj", STACK, bound=False)

    line.succeed("venv", "remove", "myproj", "--yes")

    assert "3 " in line.succeed("probe", "--list") and not (line.layout.venvs / "myproj").exists()


def test_the_newest_of_a_stack_is_told_where_the_stack_is_shown(line: CommandLine):
    assert "\nprobed here on 2026-11-20: 32 of 41 work; " in line.succeed("show", STACK)
    assert "\nprobed here on 2026-11-20 on a substitute: 1 of 1 work\n" in line.succeed("show", "rocm-5.2.3")
    assert "probed" not in line.succeed("show", "rocm-5.4.3")
