"""rocmswitch doctor --log: what an error that somebody pastes points at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rocmswitch.cli import output
from rocmswitch.cli.filenames import text_only
from rocmswitch.errors import VerificationFailed
from rocmswitch.model.finding import FAULT, Finding
from rocmswitch.model.printable import printable
from rocmswitch.model.trouble import EXACTLY, PERHAPS, USUALLY, Likely
from rocmswitch.operations.errorlog import LIMIT, plan, read_log

_STDIN = "-"
_WORDS = {EXACTLY: "surely", USUALLY: "likely", PERHAPS: "perhaps"}


def explain(log: str, diagnose: Callable[[], Sequence[Finding]], *, as_json: bool) -> None:
    """Say what *log*, a file or `-`, points at; *diagnose* tells what is wrong here, which may confirm it.

    Raises NotFound and Failed for what cannot be read, VerificationFailed where it names a fault.
    """
    name = "stdin" if log == _STDIN else log
    count, likely = plan(_read(log), name, diagnose)
    if as_json:
        output.write_json(_as_json(name, count, likely))
    else:
        _show(likely)
    faults = sum(one.finding.severity == FAULT for one in likely)
    if faults:
        raise VerificationFailed(f"`{name}` points at {faults} fault{'s' if faults > 1 else ''}")
    if not likely:
        output.say(
            f"nothing that `{name}` says is known to doctor; run `rocmswitch doctor` for what is wrong here, and "
            "`rocmswitch probe VENV` for what computes"
        )


def _read(log: str) -> bytes:
    if log == _STDIN:
        if sys.stdin.isatty():
            output.say("paste the error, then press Ctrl-D")
        content = sys.stdin.buffer.read(LIMIT + 1)
    else:
        content = read_log(Path(log))
    if len(content) > LIMIT:
        output.say(f"only the first {LIMIT >> 20} MiB are looked at: `tail -c 8M` takes the last ones")
    return content


def _show(likely: Sequence[Likely]) -> None:
    for one in likely:
        for line in _lines(one):
            output.write(line)


def _lines(one: Likely) -> Iterator[str]:
    finding = one.finding
    yield f"{'confirmed' if one.confirmed else _WORDS[one.sure]}: {finding.what}  [{finding.id}]"
    yield f"  where: {printable(finding.where)}"
    yield f"  why: {finding.why}"
    for found in one.confirmed:
        yield f"  here: {printable(found.what)}  [{printable(found.id)}]"
        if found.remedy:
            yield f"    fix: {printable(found.remedy.text)}"
    if finding.remedy:
        yield f"  fix: {finding.remedy.text}"
    yield f"  seen: {', '.join(one.seen)}"


def _as_json(name: str, count: int, likely: Sequence[Likely]) -> object:
    found = [
        {
            **asdict(one.finding),
            "sure": _WORDS[one.sure],
            "line": one.line,
            "text": one.text,
            "seen": one.seen,
            "confirmed": [asdict(finding) for finding in one.confirmed],
        }
        for one in likely
    ]
    return text_only({"log": name, "lines": count, "likely": found})
