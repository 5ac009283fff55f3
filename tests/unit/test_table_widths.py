"""How wide the columns of a table are where the terminal is narrow."""

from __future__ import annotations

from rocmswitch.cli.output import column_widths

HEAD = ("Package", "Version", "Place", "Checked", "Size")
ROWS = [
    HEAD,
    ("libamdhip64-dev", "5.2.3-12", "root", "signed, cached", "88.7 MB"),
    ("libc6", "2.36-9+deb12u10~bpo1", "base", "signed", "1 MB"),
]


def test_a_table_that_fits_is_left_alone() -> None:
    assert column_widths(ROWS, 200) == [None] * 5


def test_names_and_words_stay_whole_and_the_longest_words_share_what_is_left() -> None:
    assert column_widths(ROWS, 46) == [15, None, 5, 7, 7]


def test_what_is_left_over_goes_to_what_would_be_wrapped() -> None:
    assert column_widths(ROWS, 58) == [15, None, 5, 11, 7]


def test_names_take_no_more_than_half_of_the_room() -> None:
    assert column_widths([("Name", "State"), ("a" * 30, "well and good")], 40) == [None, 10]


def test_where_nothing_fits_the_words_are_folded() -> None:
    assert column_widths(ROWS, 16) == [None] * 5


def test_a_head_alone_and_empty_cells_have_widths_too() -> None:
    assert column_widths([("", "Name")], 3) == [None, None]
