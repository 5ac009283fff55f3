"""Any report of the probe, whatever its words are: to bytes, into a page, and back."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from rocmswitch.cli.probe_html import page
from rocmswitch.metadata.probereport import encode_report, parse_report
from rocmswitch.model.probe import RESULTS, Operation, Outcome, Report, Surroundings
from rocmswitch.planning.attachable import Owner, without_names
from rocmswitch.planning.probecomparison import compare
from rocmswitch.planning.proberesults import by_dtype, by_size, summary

SETTINGS = settings(max_examples=40, deadline=None)
WORDS = st.text(max_size=12) | st.sampled_from(
    ("</script>", "<!--", "at 44×44", "\x1b[0m", "\u202e", "&amp;", "]]>")
)
NUMBERS = st.floats(min_value=0, max_value=1e9)
OPERATIONS = st.builds(Operation, *[WORDS] * 4, st.booleans())
OUTCOMES = st.builds(Outcome, OPERATIONS, st.sampled_from(RESULTS), NUMBERS, st.none() | NUMBERS, WORDS)
AROUND = st.builds(Surroundings, *[WORDS] * 14, st.lists(st.tuples(WORDS, WORDS), max_size=2).map(tuple))
REPORTS = st.builds(
    Report, WORDS, WORDS, NUMBERS, AROUND, st.lists(OUTCOMES, max_size=6).map(tuple), st.integers(0, 99)
)


ELEMENTS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "script",
        "body",
        "main",
        "h1",
        "h2",
        "p",
        "strong",
        "dl",
        "dt",
        "dd",
    ),
    *("bdi", "div", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "span", "footer", "code"),
}
"""Those of a page whose report has nothing but plain words."""


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


@SETTINGS
@given(REPORTS)
def test_a_report_comes_back_from_bytes_and_from_a_page(report: Report):
    assert parse_report(encode_report(report)) == report
    assert parse_report(page(report).encode("utf-8", "replace")) == report


@SETTINGS
@given(REPORTS)
def test_no_word_becomes_an_element(report: Report):
    assert Tags(page(report)).seen <= ELEMENTS


@SETTINGS
@given(REPORTS)
def test_every_outcome_has_its_place_in_the_matrix(report: Report):
    matrix, sized = by_dtype(report), by_size(report, "at 44×44")

    placed = [one for _, cells in matrix.rows for cell in cells for one in cell.outcomes]
    assert sorted(map(repr, placed)) == sorted(map(repr, report.outcomes))
    assert sized is None or all(len(cells) == len(sized.columns) for _, cells in sized.rows)
    assert all((cell.result == "") == (cell.text == "") for _, cells in matrix.rows for cell in cells)


@SETTINGS
@given(REPORTS)
def test_a_sentence_is_one_line_and_a_report_is_as_good_as_itself(report: Report):
    assert summary(report)
    assert compare(report, report).changes == ()


@SETTINGS
@given(REPORTS, st.builds(Owner, WORDS, WORDS, WORDS))
def test_taking_names_out_changes_no_result_and_is_done_at_once(report: Report, owner: Owner):
    once = without_names(report, owner)

    assert [one.operation for one in once.outcomes] == [one.operation for one in report.outcomes]
    assert [one.result for one in once.outcomes] == [one.result for one in report.outcomes]
    assert without_names(once, owner) == once
