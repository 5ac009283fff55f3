"""Looking for expressions in many lines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocmswitch.planning.errorlog import TROUBLES
from rocmswitch.planning.lines import Lines, letters_of
from tests.support.errorlogs import LOGS, MEANINGS

PATTERNS = [text for one in TROUBLES for sign in one.signs for text in (sign.pattern, sign.also) if text]


@pytest.mark.parametrize(
    ("pattern", "letters"),
    [
        ("HIP out of memory", ("hip out of memory",)),
        (r"\bring \S+ timeout", (" timeout",)),
        (r"(?:A|B) rejected|vm_fault", (" rejected", "vm_fault")),
        (r"devices? founds", (" founds",)),
        (r"ab?cdef", ("cdef",)),
        (r"abc{0,3}d", ("ab",)),
        (r"repo\.radeon\.com\S*", ("repo.radeon.com",)),
        (r"[abc\]]{3}xyz[^]]", ("xyz",)),
        (r"\*ERROR\* (?:a(?:b|c)\)|d) end", ("*error* ",)),
    ],
)
def test_the_letters_that_must_be_there_are_found(pattern: str, letters: tuple[str, ...]):
    if min(map(len, letters)) < 3:
        with pytest.raises(ValueError, match="has an alternative without"):
            letters_of(pattern)
    else:
        assert letters_of(pattern) == letters


@pytest.mark.parametrize("pattern", [r"\w+", "(abcdef)", "abc|", "ab"])
def test_an_expression_that_would_be_tried_on_every_line_is_refused(pattern: str):
    with pytest.raises(ValueError, match="has an alternative without"):
        letters_of(pattern)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_expression_of_the_tables_has_such_letters(pattern: str):
    assert all(len(piece) >= 3 for piece in letters_of(pattern))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_wherever_an_expression_matches_its_letters_are(pattern: str):
    texts = [text for _, text in (*LOGS, *MEANINGS)]

    for text in (text for text in texts if re.search(pattern, text, re.IGNORECASE)):
        assert any(piece in text.lower() for piece in letters_of(pattern)), text


@given(st.lists(st.text(alphabet="aAbİß \u212a", max_size=6), max_size=8), st.integers(0, 8))
def test_the_first_line_is_found_whatever_letters_stand_before_it(lines: list[str], at: int):
    at = min(at, len(lines))
    lines.insert(at, "the HIP out of memory one")
    lines.append("hip OUT of memory")

    found = Lines(lines).find("out of memory")

    assert found is not None and (found[0], found[1].group()) == (at, "out of memory")


def test_a_match_may_end_in_the_next_line_and_begins_in_its_own():
    lines = Lines(["nothing", "Err:1 http://repo.radeon.com/x", "  404  Not Found", "repo.radeon.com"])

    found = lines.find(r"repo\.radeon\.com.*(?:\n.*)?\b404\b")

    assert found is not None and found[0] == 1


def test_nothing_is_found_in_nothing():
    assert Lines([]).find("abc") is None and Lines([""]).find("abc") is None
