"""How a table is folded that is wider than its place: 120 characters where there is no terminal."""

from __future__ import annotations

import pytest

from rocmswitch.cli.output import table

WIDTH = 120
HEAD = ("Package", "Version", "Size")
REST = "1.0+" * 60


def printed(capsys: pytest.CaptureFixture[str], name: str) -> list[str]:
    table(HEAD, [(name, REST, "88.7 MB")])
    return capsys.readouterr().out.splitlines()


def test_names_stay_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "n" * 55)

    assert any("n" * 55 in line for line in lines)
    assert max(map(len, lines)) <= WIDTH


def test_names_that_need_more_than_half_of_it_are_folded_too(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "n" * 110)

    assert sum("nnn" in line for line in lines) > 1
    assert max(map(len, lines)) <= WIDTH
