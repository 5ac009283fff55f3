"""From an error that somebody pastes to what is probably wrong: the tables of troubles, looked for in its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rocmswitch.model.finding import FAULT, SEVERITIES, Finding, Remedy
from rocmswitch.model.trouble import PERHAPS, Likely, Sign, Trouble
from rocmswitch.planning.lines import Lines
from rocmswitch.planning.troubles_kernel import KERNEL
from rocmswitch.planning.troubles_packages import PACKAGES
from rocmswitch.planning.troubles_program import PROGRAM

TROUBLES: tuple[Trouble, ...] = (*PROGRAM, *KERNEL, *PACKAGES)
_LONGEST = 1000
"""Characters of a line that are looked at: it also keeps an expression from taking long."""
_SHOWN = 160
_FEW = 20
"""Lines that somebody writes to tell of a fault: what has more was written by a program, or of something else."""
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_SEQUENCES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # ECMA-48, 5.4: colours and cursor
    r"|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)?"  # titles and links of a terminal
    r"|[@-Z\\^_])"
)
_LINE_ENDS = re.compile(r"\r\n|\n|\r")
"""A lone carriage return ends a line too: progress bars write one over another."""


def parse_log(content: bytes) -> tuple[str, ...]:
    """The lines of *content*, whatever it is: no colours, nothing that a terminal obeys, long lines cut."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    text = _SEQUENCES.sub("", content.decode(encoding, "replace"))
    return tuple(_plain(line[:_LONGEST]) for line in _LINE_ENDS.split(text))


def find_troubles(lines: Sequence[str], name: str) -> tuple[Likely, ...]:
    """What *lines*, of the file *name*, point at, best first.

    Guesses stand only where there is nothing better, and a line that is explained surely is not explained again.
    """
    searched = Lines(lines)
    found = [one for trouble in TROUBLES for one in _look(trouble, searched, lines, name)]
    found.sort(key=lambda one: (-one.sure, SEVERITIES.index(one.finding.severity), one.line))
    surest = {one.line: one.sure for one in reversed(found)}
    told = [one for one in found if one.sure == surest[one.line]]
    better = [one for one in told if one.sure > PERHAPS]
    return tuple(better or told)


def confirm(likely: Iterable[Likely], here: Sequence[Finding]) -> tuple[Likely, ...]:
    """*likely* with what was found *here* that means the same; those that it confirms stand first."""
    rows = {trouble.id: (trouble.id, *trouble.rows) for trouble in TROUBLES}
    told = [
        replace(one, confirmed=tuple(found for found in here if _is_same(found, rows[one.finding.id])))
        for one in likely
    ]
    return tuple(sorted(told, key=lambda one: not one.confirmed))


def _is_same(found: Finding, rows: Sequence[str]) -> bool:
    """A row that ends in `-` stands for all faults that begin so: `driver-` for those of a kernel's modules."""
    if found.row in rows:
        return True
    return found.severity == FAULT and any(row.endswith("-") and found.row.startswith(row) for row in rows)


def _look(trouble: Trouble, searched: Lines, lines: Sequence[str], name: str) -> Iterator[Likely]:
    """By the sign that makes one the surest; of equals the one that the text has first."""
    hits = [(sign, *hit) for sign in trouble.signs if (hit := _hit(sign, searched))]
    if not hits:
        return
    sign, number, match = min(hits, key=lambda hit: (-hit[0].sure, hit[1]))
    shown = _shortened(lines[number], match.start())
    words = {**dict(trouble.otherwise), **{key: value for key, value in match.groupdict().items() if value}}
    finding = Finding(
        trouble.id,
        trouble.severity,
        trouble.what.format_map(words),
        f"{name}:{number + 1}",
        f"the text says `{shown}`: {trouble.why.format_map(words)}",
        Remedy(trouble.fix.format_map(words)),
    )
    yield Likely(finding, sign.sure, number + 1, shown, tuple(dict.fromkeys(sign.seen)))


def _hit(sign: Sign, searched: Lines) -> tuple[int, re.Match[str]] | None:
    if (sign.is_spoken and searched.said > _FEW) or (sign.also and not searched.find(sign.also)):
        return None
    return searched.find(sign.pattern)


def _shortened(line: str, at: int) -> str:
    """What of *line* is shown: with what stands at *at* in it."""
    if len(line) <= _SHOWN:
        return line.strip()
    start = max(0, min(at - _SHOWN // 4, len(line) - _SHOWN))
    part = line[start : start + _SHOWN].strip()
    return f"{'…' if start else ''}{part}{'…' if start + _SHOWN < len(line) else ''}"


def _plain(line: str) -> str:
    """Without the characters that a terminal obeys or that make back-ticks mean something else."""
    return "".join(one if one.isprintable() else " " for one in line).replace("`", "'")
