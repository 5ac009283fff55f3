"""rocmswitch probe"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

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
@click.option("--json", "as_json", is_flag=True, help="For programs: see docs/json.md of a checkout.")
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
    scopes: Scopes = ctx.obj
    kept = probe_kept.probes(scopes)
    if wish.listing:
        probe_kept.show_list(kept, as_json=wish.as_json)
    elif wish.compare:
        before, after = map(kept.find, wish.compare)
        probe_kept.show_comparison(before, after, as_json=wish.as_json)
    elif wish.shown:
        report = kept.find(wish.shown)
        _show(report, wish)
        _judge(report, kept, scopes)
    else:
        _probe(ctx, kept, str(venv), wish)


def _check(wish: Wish, venv: str | None) -> None:
    if sum(map(bool, (venv, wish.compare, wish.listing, wish.shown))) != 1:
        raise click.UsageError("Say one of 'VENV', '--compare', '--list' and '--show'")
    if wish.page is not None:
        if wish.compare or wish.listing:
            raise click.UsageError("--html goes with VENV or --show")
        probe_kept.check_page(wish.page)


def _probe(ctx: click.Context, kept: Probes, venv: str, wish: Wish) -> None:
    """Try it and say what was found; that is kept where it can be. Raises what `_judge` raises."""
    found = _try(ctx.obj, venv, wish)
    is_kept = probe_kept.keep(kept, found)
    report = attachable(found)
    _show(report, wish)
    if report.is_partial:
        output.say("it was stopped: what failed counts, and what works is not confirmed")
        ctx.exit(errors.INTERRUPTED)
    if is_kept and wish.page is None:
        output.say("to attach it to an issue: `rocmswitch probe --show 1 --html probe.html`")
    _judge(report, kept, ctx.obj)


def _try(scopes: Scopes, venv: str, wish: Wish) -> Report:
    """Raises KeyboardInterrupt where nothing had come to an end yet."""
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


def _judge(report: Report, kept: Probes, scopes: Scopes) -> None:
    """Say what to do, and raise VerificationFailed, where something does not work."""
    count = len(report.failing)
    if count:
        probe_table.advise(report, kept.read_all())
        verb = "operations do" if count > 1 else "operation does"
        own = _own(report, Installed(scopes.searched))
        raise VerificationFailed(f"{count} {verb} not work here", hint=f"run `rocmswitch doctor{own}`")


def _own(report: Report, installed: Installed) -> str:
    """The environment, as a word to type after another, if it is one of ours and still there."""
    found = report.surroundings
    there = {(one.receipt.name, one.receipt.stack) for one in installed.venvs()}
    return f" {quote(found.venv)}" if (found.venv, found.stack) in there else ""
