"""What `show` says of a choice of cards."""

from __future__ import annotations

from rocmswitch.cli.show_gpus import choice_rows
from rocmswitch.model.receipt import LeftOut, Receipt

CHOSEN = Receipt("prefix", "a", "a", "1", "a-0", "", gpus=("gfx1010",))


def test_no_files_are_counted_where_none_was_left_out():
    assert choice_rows(CHOSEN) == [("cards", "gfx1010"), ("left out", "nothing, as its files tell")]


def test_files_that_were_left_out_are_counted():
    one = LeftOut("blas", "rocBLAS", "gfx90a", 3, 2_000_000)

    assert dict(choice_rows(Receipt("prefix", "a", "a", "1", "a-0", "", gpus=("gfx1010",), left_out=(one,)))) == {
        "cards": "gfx1010",
        "left out": "3 files of other cards, 2.0 MB",
    }
