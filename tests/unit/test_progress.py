"""What is shown of downloads: bytes are counted once, however often a file is begun."""

from __future__ import annotations

from dataclasses import replace

from rocmswitch.cli.progress import Tally
from tests.support.downloads import SIZE, artifact

ONE = artifact("http://example.org/a.deb")
OTHER = replace(ONE, filename="b.deb")


def test_bytes_are_counted_as_they_arrive() -> None:
    tally = Tally()
    tally.begin(ONE, 0)
    tally.add(ONE, 100)
    tally.begin(OTHER, 50)
    tally.add(ONE, 7)

    assert tally.bytes == 157


def test_what_starts_over_does_not_count_twice() -> None:
    tally = Tally()
    tally.begin(ONE, 0)
    tally.add(ONE, 100)
    tally.begin(ONE, 0)
    tally.add(ONE, 30)

    assert tally.bytes == 30


def test_a_file_that_is_looked_at_again_in_the_cache_counts_once() -> None:
    tally = Tally()
    tally.begin(ONE, 0)
    tally.add(ONE, SIZE)
    tally.end(ONE)
    tally.begin(ONE, SIZE)
    tally.end(ONE)

    assert tally.bytes == SIZE


def test_a_file_of_which_nothing_was_told_counts_when_it_is_there() -> None:
    tally = Tally()
    tally.end(ONE)

    assert tally.bytes == SIZE
