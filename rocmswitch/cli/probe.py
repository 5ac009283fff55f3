"""rocmswitch probe"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click

from rocmswitch import errors
from rocmswitch.cli import output, probe_kept, probe_table
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.probe_progress import progress
from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.probereport import encode_report
from rocmswitch.model.probe import Report
from rocmswitch.operations import probe
from rocmswitch.store.installed import Installed
from rocmswitch.store.probes import Probes, attachable


@dataclass(frozen=True)
class Wish:
    """What was typed besides the environment."""

    ops: tuple[str, ...]
    quick: bool
    deadline: float
    device: str | None
    page: Path | None
    as_json: bool
    compare: tuple[str, str] | None
    listing: bool
    shown: str | None


@click.command(epilog="Example: rocmswitch probe myproj --html probe.html")
@click.argument("venv", required=False)
@click.option("--ops", multiple=True, metavar="WORDS", help="Only these groups or names: conv2d,matmul or conv*.")
@click.option("--quick", is_flag=True, help="One operation of each group.")
@click.option(
    "--deadline",
    type=click.FloatRange(min=0, min_open=True, max=86_400),
    default=probe.DEADLINE,
    metavar="SECONDS",
    help="How long one operation may take; 60.",
)
@click.option("--device", type=click.Choice(["cuda", "cpu"]), help="cuda, which ROCm is called too, or cpu.")
@click.option("--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Write a page to attach.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--compare", nargs=2, metavar="A B", help="Two reports: by number, stack, environment or file.")
@click.option("--list", "listing", is_flag=True, help="The reports that were kept.")
@click.option("--show", "shown", metavar="REPORT", help="A report again, named as for --compare.")
@click.pass_context
def command(ctx: click.Context, /, venv: str | None, **typed: object) -> None:
    """Try what works in VENV on this machine: each operation alone, in a process of its own, with a deadline.

    VENV is an environment of ours, any other one, or a Python. What hangs is ended. Reports are kept, and nothing
    else is changed. Exit code 4: something does not work, or with --compare got worse.
    """
    wish = Wish(**typed)  # type: ignore[arg-type]  # click has checked them
    _check(wish, venv)
    kept = probe_kept.probes(ctx.obj)
    if wish.listing:
        probe_kept.show_list(kept, as_json=wish.as_json)
    elif wish.compare:
        before, after = map(kept.find, wish.compare)
        probe_kept.show_comparison(before, after, as_json=wish.as_json)
    elif wish.shown:
        _end(kept.find(wish.shown), kept, wish, hint="run `rocmswitch doctor`")
    else:
        report = _probe(ctx.obj, str(venv), wish)
        probe_kept.keep(kept, report)
        if report.is_partial:
            _show(attachable(report), wish)
            ctx.exit(errors.INTERRUPTED)
        own = f" {venv}" if report.surroundings.stack else ""
        _end(attachable(report), kept, wish, hint=f"run `rocmswitch doctor{own}`")


def _check(wish: Wish, venv: str | None) -> None:
    if sum(map(bool, (venv, wish.compare, wish.listing, wish.shown))) != 1:
        raise click.UsageError("Say one of VENV, --compare, --list and --show")
    if wish.page is not None:
        if wish.compare or wish.listing:
            raise click.UsageError("--html goes with VENV or --show")
        probe_kept.check_page(wish.page)


def _probe(scopes: Scopes, venv: str, wish: Wish) -> Report:
    """Try it. Raises KeyboardInterrupt where nothing had come to an end yet."""
    wanted = probe.Wanted(wish.ops, wish.quick, wish.device or "", wish.deadline)
    plan = probe.plan(venv, Installed(scopes.searched), os.environ, wanted)
    with progress(len(plan.operations)) as shown:
        return probe.execute(plan, shown.told)


def _show(report: Report, wish: Wish) -> None:
    if wish.as_json:
        output.write(encode_report(report).decode("ascii").rstrip())
    else:
        probe_table.show(report)
    if wish.page is not None:
        probe_kept.write_page(report, wish.page)


def _end(report: Report, kept: Probes, wish: Wish, *, hint: str) -> None:
    """Show *report*, and what to do. Raises VerificationFailed where something does not work."""
    _show(report, wish)
    probe_table.advise(report, kept.read_all())
    if wish.page is None and not wish.shown:
        output.say("to attach it to an issue: `rocmswitch probe --show 1 --html probe.html`")
    count = len(report.failing)
    if count:
        raise VerificationFailed(f"{count} operation{'s do' if count > 1 else ' does'} not work here", hint=hint)
