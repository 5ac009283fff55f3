"""Reports of the probe that were kept: which there are, and two of them side by side."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.probe_words import heading
from rocmswitch.errors import RocmswitchError, UsageMistake, VerificationFailed
from rocmswitch.model.convolutionwords import FALLBACK
from rocmswitch.model.printable import printable
from rocmswitch.model.probe import Outcome, Report
from rocmswitch.operations.entering import SYSROOT
from rocmswitch.planning.probecomparison import (
    BETTER,
    FASTER,
    ONE_SIDED,
    OTHER,
    SLOWER,
    WORSE,
    Change,
    Comparison,
    compare,
)
from rocmswitch.planning.proberesults import duration, summary, told
from rocmswitch.store.probes import Probes
from rocmswitch.system.disk import disk_errors
from rocmswitch.system.refusals import in_words

_TITLES = {
    WORSE: "worse",
    BETTER: "better",
    OTHER: "fails in another way",
    SLOWER: "slower",
    FASTER: "faster",
    ONE_SIDED: "tried in one of the two alone",
}


def probes(scopes: Scopes) -> Probes:
    """Those of this machine, or of the one whose files ROCMSWITCH_SYSROOT names."""
    return Probes(scopes.own, machine.disk(), Path(os.environ.get(SYSROOT) or "/"))


def show_list(kept: Probes, *, as_json: bool) -> None:
    """Every report of this machine, the newest first, by the numbers that other options take."""
    reports = kept.read_all()
    for bad in kept.unreadable:
        output.say(printable(f"warning: `{bad.path}` is passed over ({' '.join(bad.why.split())})"))
    rows = tuple(enumerate(reports, 1))
    if as_json:
        output.write_json([_row(number, one) for number, one in rows])
    elif not rows:
        output.say("no probe has run on this machine yet: `rocmswitch probe VENV` tries what works")
    else:
        output.table(
            ("", "When", "Of", "Result"),
            ((str(number), one.created, printable(_of(one)), printable(summary(one))) for number, one in rows),
        )


def show_comparison(before: Report, after: Report, *, as_json: bool) -> None:
    """What changed. Raises VerificationFailed where something that worked does not any more."""
    found = compare(before, after)
    if as_json:
        output.write_json({**asdict(found), "is_worse": found.is_worse})
    else:
        for line in _lines(before, after, found):
            output.write(printable(line))
    if found.is_worse:
        count = len(found.of_kind(WORSE))
        raise VerificationFailed(f"{count} operation{'s' if count > 1 else ''} that worked in A fail in B")


def check_page(path: Path) -> None:
    """Raise UsageMistake where no page could be written to *path*: better now than after the last operation."""
    if not path.parent.is_dir():
        raise UsageMistake(f"there is no folder `{path.parent}` for the page")
    if path.exists() and not path.is_file():
        raise UsageMistake(f"`{path}` is no file that a page could take the place of")


def write_page(report: Report, path: Path) -> None:
    """Write the page of *report*, which others may see. Raises MachineLacks."""
    from rocmswitch.cli.probe_html import page

    with disk_errors(path):
        machine.disk().replace_file(path.absolute(), page(report).encode("utf-8", "replace"))
    output.say(printable(f"wrote {path}: attach it to an issue"))


def keep(kept: Probes, report: Report) -> bool:
    """Keep *report*, or say why it is not kept, and go on: what was found is no less true then."""
    try:
        path = kept.save(report)
    except (RocmswitchError, OSError) as error:
        told = in_words(error) if isinstance(error, OSError) else error
        output.say(printable(f"warning: this report is not kept: {told.message}"))
        return False
    output.say(printable(f"kept as {path}"))
    return True


def _row(number: int, one: Report) -> dict[str, object]:
    return {
        "number": number,
        "created": one.created,
        "substitute": one.surroundings.substitute,
        "stack": one.surroundings.stack,
        "venv": one.surroundings.venv,
        "target": one.surroundings.target,
        "torch": one.surroundings.torch,
        "convolutions": one.surroundings.convolutions,
        "partial": one.is_partial,
        "failing": len(one.failing),
        "summary": summary(one),
    }


def _of(one: Report) -> str:
    by_fallback = ", convolutions by rocmswitch" if one.surroundings.convolutions == FALLBACK else ""
    return f"{heading(one)}{' (substitute)' if one.surroundings.substitute else ''}{by_fallback}"


def _lines(before: Report, after: Report, found: Comparison) -> list[str]:
    lines = [f"{name}: {_of(one)}, {one.created}: {summary(one)}" for name, one in (("A", before), ("B", after))]
    lines += [f"{what}: {old or 'none'} → {new or 'none'}" for what, old, new in found.surroundings]
    for kind, title in _TITLES.items():
        changes = found.of_kind(kind)
        lines += [f"{title} ({len(changes)})", *(f"  {_change(one)}" for one in changes)] if changes else []
    return [*lines, f"{found.unchanged} as before"]


def _change(one: Change) -> str:
    if one.kind not in (FASTER, SLOWER) or one.before is None or one.after is None:
        return f"{one.name}: {_side(one.before)} → {_side(one.after)}"
    factor = one.factor if one.kind == SLOWER else 1 / one.factor
    times = f"{duration(one.before.seconds)} → {duration(one.after.seconds)}"
    return f"{one.name}: {times}, {factor:.1f} times as {'slow' if one.kind == SLOWER else 'fast'}"


def _side(one: Outcome | None) -> str:
    return told(one) if one else "not tried"
