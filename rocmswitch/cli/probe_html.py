"""A report of the probe as one page to attach: no script, nothing from elsewhere, words in every cell."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template

from rocmswitch.cli.probe_words import about, described, heading, stuck
from rocmswitch.metadata.probereport import within_page
from rocmswitch.model.printable import printable
from rocmswitch.model.probe import BAD, OK, SKIPPED, Outcome, Report
from rocmswitch.planning.proberesults import Cell, Matrix, by_dtype, by_size, summary, told

_SIZED = "conv2d"
"""The group with a matrix of its own: RDNA1's convolutions hang from a size on."""


def page(report: Report) -> str:
    """The whole page of *report*, whose names are those that others may see."""
    substitute = report.surroundings.substitute
    sized = by_size(report, _SIZED)
    tables = [_table("What works", by_dtype(report))]
    if sized is not None:
        tables.append(_table(f"{_SIZED} by size", sized))
    return Template(_carried("probe.html")).substitute(
        title=_text(f"rocmswitch probe: {heading(report)}"),
        style=_carried("probe.css").rstrip(),
        substitute=f'<p class="substitute"><strong>Substitute:</strong> {_text(substitute)}.</p>'
        if substitute
        else "",
        heading=_text(heading(report)),
        summary=_text(summary(report)),
        stuck=f"<p>{_text(stuck(report))}.</p>" if stuck(report) else "",
        surroundings=_list(about(report)),
        matrices="\n".join(tables),
        failures=_failures(report.failing),
        version=_text(report.rocmswitch),
        created=_text(report.created),
        deadline=f"{report.deadline:g}",
        report=within_page(report).rstrip(),
    )


def _carried(name: str) -> str:
    """A file of the package, which lies beside this module."""
    return Path(__file__).with_name(name).read_text("utf-8")


def _text(text: str) -> str:
    """Whatever it holds, it is text: no markup, no control characters, and no sign that turns the line around."""
    return escape(printable(text))


def _list(rows: Iterable[tuple[str, str]]) -> str:
    lines = (f"<dt>{_text(name)}</dt><dd><bdi>{_text(value)}</bdi></dd>" for name, value in rows)
    return "\n".join(("<dl>", *lines, "</dl>"))


def _table(title: str, matrix: Matrix) -> str:
    head = "".join(f'<th scope="col">{_text(one)}</th>' for one in ("", *matrix.columns))
    rows = (
        f'<tr><th scope="row">{_text(name)}</th>{"".join(map(_cell, cells))}</tr>' for name, cells in matrix.rows
    )
    return "\n".join(
        (
            f"<h2>{_text(title)}</h2>",
            f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>',
            *rows,
            "</tbody></table></div>",
        )
    )


def _cell(cell: Cell) -> str:
    look = "bad" if cell.result in BAD else {OK: "ok", SKIPPED: "skipped"}.get(cell.result, "empty")
    return f'<td class="{look}">{_text(cell.text or "–")}</td>'


def _failures(failing: tuple[Outcome, ...]) -> str:
    if not failing:
        return ""
    return "\n".join((f"<h2>What does not work ({len(failing)})</h2>", *map(_failure, failing)))


def _failure(one: Outcome) -> str:
    rows = (
        ("operation", one.operation.name),
        ("shape", one.operation.shape),
        ("gradients", "computed as well" if one.operation.backward else ""),
        ("error", f"{one.difference:.3g} of the largest value" if one.difference is not None else ""),
        ("time", f"{one.seconds:.4g} s" if one.seconds else ""),
        ("detail", one.detail),
    )
    line = f'<span class="word">{_text(told(one))}</span> <bdi>{_text(described(one))}</bdi>'
    return f"<details><summary>{line}</summary>\n{_list(row for row in rows if row[1])}\n</details>"
