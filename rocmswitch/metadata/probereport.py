"""What a probe found, to and from bytes: JSON, or the HTML page that has the same JSON in it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from html.parser import HTMLParser

import msgspec

from rocmswitch.model.probe import RESULTS, Outcome, Report

SCHEMA = 1
JSON_TYPE = "application/json"
"""The type of the `script` of a page in which the report is."""


def encode_report(report: Report) -> bytes:
    """JSON in ASCII, what stood in for a card first. Numbers that are no numbers are left out."""
    said = {"substitute": report.surroundings.substitute, "schema": SCHEMA, **asdict(_finite(report))}
    return json.dumps(said, indent=1, allow_nan=False).encode("ascii") + b"\n"


def parse_report(content: bytes) -> Report:
    """The inverse of `encode_report`, in a page too; unknown keys are passed over. Raises ValueError."""
    if content.lstrip().startswith(b"<"):
        content = _from_page(content.decode("utf-8", "replace"))
    try:
        said = json.loads(content, parse_float=_number, parse_int=_whole, parse_constant=_number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(said, dict) or said.get("schema") != SCHEMA:
        stated = said.get("schema") if isinstance(said, dict) else None
        raise ValueError(f"it has schema {str(stated)[:20]}, and this rocmswitch reads {SCHEMA}")
    try:
        report = msgspec.convert(said, Report)
    except msgspec.ValidationError as error:  # no ValueError by itself before msgspec 0.21
        raise ValueError(str(error)) from error
    unknown = [one.result for one in report.outcomes if one.result not in RESULTS]
    if unknown:
        raise ValueError(f"`{unknown[0][:40]}` is no result that an operation may come to")
    return report


def within_page(report: Report) -> str:
    """The JSON as it may stand in a page's `script`: nothing in it ends that, or begins a comment."""
    escapes = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}
    return encode_report(report).decode("ascii").translate(escapes)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"`{text[:20]}` is no number that a report may have")
    return number


def _whole(text: str) -> int:
    """Raises ValueError where it is too large for a float: msgspec before 0.22 takes it for one all the same."""
    return int(text) if _number(text) else 0


def _finite(report: Report) -> Report:
    return replace(report, outcomes=tuple(map(_without_infinities, report.outcomes)))


def _without_infinities(one: Outcome) -> Outcome:
    """JSON has no word for them: what is wrong by infinity says so in its detail."""
    known = one.difference is not None and math.isfinite(one.difference)
    seconds = one.seconds if math.isfinite(one.seconds) else 0.0
    return replace(one, difference=one.difference if known else None, seconds=seconds)


def _from_page(text: str) -> bytes:
    page = _Page()
    page.feed(text)
    page.close()
    if not page.found:
        raise ValueError("it is a page without a report")
    return "".join(page.found).encode()


class _Page(HTMLParser):
    """Finds the first script of JSON."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and dict(attrs).get("type") == JSON_TYPE and not self.found

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found.append(data)
