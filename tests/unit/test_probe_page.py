"""The page that people attach: whole, of one file, harmless whatever a report holds, and to be read back."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from rocmswitch.cli.probe_html import page
from rocmswitch.metadata.probereport import JSON_TYPE, parse_report
from rocmswitch.model.probe import CRASH, ERROR, HANG, OK, WRONG, Operation, Outcome, Report
from tests.support.probereports import BY_CUDA, ON_CARD, ON_PROCESSOR, hanging_from, made_report, outcome

VOID = {"meta"}
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=http://example.org/x onerror=alert(1)>",
    "&lt;b&gt; & \"quoted\" 'single'",
    "\x1b[31mred\x1b[0m\x00\x9b2J",
    "abc\u202edcba\u2066\u200f",
    "<!-- <script> -->]]>",
    "$report ${style} $$",
    "\udcff not text",
    "x" * 100_000,
)


class Seen(HTMLParser):
    """A page as a browser would take it: elements in order, text by element, what is left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.roots = 0
        self.text: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.roots += not self.open
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.setdefault(self.open[-1] if self.open else "", []).append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def hostile(text: str) -> Report:
    """A report with *text* in every place that others than this program fill."""
    one = Outcome(Operation(text, text, text, text, True), ERROR, 0.0, None, text)
    words = dict.fromkeys(("card", "device_name", "torch", "hip", "venv", "stack", "kernel", "driver"), text)
    around = replace(ON_CARD, **words, environment=((text, text),))
    return replace(made_report(one, on=around, created=text), rocmswitch=text)


@pytest.mark.parametrize("report", [hanging_from(), made_report(), made_report(outcome("gru"), on=BY_CUDA)])
def test_a_page_is_one_whole_document(report: Report):
    seen = Seen(page(report))

    assert (seen.roots, seen.open) == (1, [])
    assert [len(seen.all(tag)) for tag in ("html", "head", "body", "main", "h1", "title")] == [1] * 6


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_hostile_words_stay_words(text: str):
    seen = Seen(page(hostile(text)))

    assert (seen.roots, seen.open) == (1, [])
    assert {name for name, _ in seen.elements} == {name for name, _ in Seen(page(hostile("x"))).elements}
    assert [one for one in seen.all("script") if one != {"type": JSON_TYPE, "id": "report"}] == []
    shown = "".join(part for tag, parts in seen.text.items() if tag not in ("script", "style") for part in parts)
    assert shown.replace("\n", " ").isprintable()


def test_nothing_comes_from_elsewhere_and_nothing_runs():
    text = page(hanging_from())

    assert re.findall(r"(?i)https?:|//\w|@import|url\(|\bsrc=|\bhref=|\bon\w+=|javascript:", text) == []
    assert {tag for tag, _ in Seen(text).elements} & {
        "link",
        "img",
        "iframe",
        "object",
        "form",
        "base",
        "svg",
    } == set()
    (policy,) = [one["content"] for one in Seen(text).all("meta") if "http-equiv" in one]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


@pytest.mark.parametrize("report", [hanging_from(), made_report(planned=80), made_report(on=ON_PROCESSOR)])
def test_the_report_can_be_read_back_from_its_page(report: Report):
    assert parse_report(page(report).encode()) == report


@pytest.mark.parametrize("text", HOSTILE[:7], ids=lambda text: ascii(text)[:20])
def test_hostile_words_come_back_as_they_were(text: str):
    assert parse_report(page(hostile(text)).encode()) == hostile(text)


def test_every_cell_says_in_words_what_its_colour_says():
    results = (OK, WRONG, HANG, CRASH, ERROR)
    report = made_report(*(outcome(f"group-{one}", one, difference=0.5, detail="SIGSEGV") for one in results))

    seen = Seen(page(report))

    assert seen.text["td"] == ["ok 1.0 ms", "wrong 0.5", "hang", "crash SIGSEGV", "error"]
    assert [one["class"] for one in seen.all("td")] == ["ok", "bad", "bad", "bad", "bad"]


def test_each_failure_has_its_details():
    report = hanging_from()

    assert len(Seen(page(report)).all("details")) == len(report.failing)


@pytest.mark.parametrize(("around", "named"), [(BY_CUDA, "NVIDIA H200"), (ON_PROCESSOR, "a processor")])
def test_a_substitute_is_named_before_anything_else(around: object, named: str):
    text = page(replace(hanging_from(), surroundings=around))

    first = text[text.index("<main>") : text.index("<h1>")]
    assert named in first and "as a substitute" in first


def test_a_card_is_no_substitute():
    assert "ubstitute:" not in page(hanging_from()).replace('"substitute": ""', "")


def test_three_hangs_in_a_row_are_told_before_the_matrix():
    text = page(hanging_from())

    (said,) = re.findall(r"<p>the card may be stuck since ([^<]*)</p>", text[: text.index("<table")])
    assert said.startswith("conv2d float32, 16 → 32 channels at 44×44: what hung after it")
