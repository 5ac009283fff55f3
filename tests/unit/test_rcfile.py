"""Finding in start-up files what sets a variable, without running them."""

from __future__ import annotations

import pytest

from rocmswitch.metadata.rcfile import parse_fish, parse_plain, parse_posix, parse_universal, read_along


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("export HSA_X=1", [("HSA_X", "1")]),
        ("HSA_X=1", [("HSA_X", "1")]),
        ("  export HSA_X='a b' HIP_Y=\"c\"  # why", [("HSA_X", "a b"), ("HIP_Y", "c")]),
        ("export A=1; export B=2 && C=3", [("A", "1"), ("B", "2"), ("C", "3")]),
        ("if true; then export A=1; fi", [("A", "1")]),
        (
            "[ -d /opt/rocm ] && export LD_LIBRARY_PATH=/opt/rocm/lib:$LD_LIBRARY_PATH",
            [("LD_LIBRARY_PATH", "/opt/rocm/lib:$LD_LIBRARY_PATH")],
        ),
        ("export PATH+=:/x", [("PATH", ":/x")]),
        ("declare -x A=1", [("A", "1")]),
        ("typeset -gx A=1", [("A", "1")]),
        ("setenv A 1", [("A", "1")]),
        ("export A=", [("A", "")]),
        ("# export A=1", []),
        ("A=1 python train.py", []),
        ("alias t='HSA_X=1 python'", []),
        ("export A", []),
        ("echo A=1", []),
        ("export A='open", []),
        ("export 1A=2", []),
        ("", []),
        (")(;&|", []),
    ],
)
def test_a_posix_line_is_read_as_a_person_reads_it(line: str, found: list[tuple[str, str]]):
    assert parse_posix(f"\n{line}\n") == tuple((2, *pair) for pair in found)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("set -gx HSA_X 10.3.0", [("HSA_X", "10.3.0")]),
        (
            "set -x LD_LIBRARY_PATH /opt/rocm/lib $LD_LIBRARY_PATH",
            [("LD_LIBRARY_PATH", "/opt/rocm/lib:$LD_LIBRARY_PATH")],
        ),
        ("set --global --export A 'b c'", [("A", "b c")]),
        ("set -Ux A 1; set -gx B 2", [("A", "1"), ("B", "2")]),
        ("test -d /x; and set -gx A 1", [("A", "1")]),
        ("export A=1", [("A", "1")]),
        ("set A 1", []),
        ("set -e A", []),
        ("set -q A; or echo", []),
        ("set -gx", []),
    ],
)
def test_a_line_of_fish_is_read(line: str, found: list[tuple[str, str]]):
    assert parse_fish(line) == tuple((1, *pair) for pair in found)


def test_the_variables_that_fish_keeps_are_read_with_their_escapes():
    text = (
        "# This file contains fish universal variable definitions.\n"
        "SETUVAR --export HSA_OVERRIDE_GFX_VERSION:10\\x2e3\\x2e0\n"
        "SETUVAR --export LD_LIBRARY_PATH:/a\\x1e/b\n"
        "SETUVAR fish_key_bindings:fish_default_key_bindings\n"
    )

    assert parse_universal(text) == ((2, "HSA_OVERRIDE_GFX_VERSION", "10.3.0"), (3, "LD_LIBRARY_PATH", "/a:/b"))


def test_plain_assignments_are_read_with_or_without_quotes():
    assert parse_plain('A="1 2"\nB=3\n') == ((1, "A", "1 2"), (2, "B", "3"))


def test_a_line_without_an_end_is_passed_over():
    assert parse_posix("export A=" + "x" * 1_000_000) == ()


def test_bytes_of_any_kind_are_no_error():
    assert parse_posix("\x00\x1b[2J\n\ufffd=1\nexport A=1\r\n")[-1][:2] == (3, "A")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("source ~/rocm_env.sh", ("~/rocm_env.sh",)),
        ('. "$HOME/a b.sh" argument', ("$HOME/a b.sh",)),
        ("[ -r /x ] && . /x; source /y", ("/x", "/y")),
        ("if test -r /x; then . /x; fi", ("/x",)),
        ("# . /x", ()),
        ("echo source /x", ()),
        ("source", ()),
        ("ls .", ()),
    ],
)
def test_files_that_a_start_up_file_reads_are_named_as_they_are_written(line: str, found: tuple[str, ...]):
    assert read_along(f"A=1\n{line}\n") == found
