"""rocmswitch doctor"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.cardword import as_option
from rocmswitch.cli.main import Scopes, program
from rocmswitch.errors import Refused, UsageMistake, VerificationFailed
from rocmswitch.model.finding import FAULT, SEVERITIES, Finding
from rocmswitch.model.printable import printable
from rocmswitch.operations import doctor
from rocmswitch.operations.entering import GPU, SYSROOT
from rocmswitch.operations.examining import Surgery
from rocmswitch.planning.leftovers import ROW, is_meant
from rocmswitch.store.installed import Installed

_VARIABLES = {"gpu": GPU, "sysroot": SYSROOT}
"""What says the same to every command."""


@click.command(epilog="Example: rocmswitch doctor --fix hook")
@click.argument("name", required=False)
@click.option("--fix", metavar="ID", help="Put right what ID, as it is shown, says; only what can be taken back.")
@click.option(
    "--gpu", metavar="TARGET", callback=as_option, help="For this card, not the one in this machine: gfx1010."
)
@click.option(
    "--sysroot",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Take the card, its driver and /etc from another machine, whose files are in DIR.",
)
@click.option(
    "--log", metavar="FILE", help="Say what an error points at that stands in FILE, or in what is pasted (-)."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what --fix would do.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    name: str | None,
    fix: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **elsewhere: str | None,
) -> None:
    """Say what is wrong here, why, and what to do about it.

    With NAME (a stack or an environment) only that one is looked at; of an environment that others made, which is
    named as for `deploy --into`, or which this shell is in, the files of its PyTorch. Nothing is changed without
    --fix. Exit code 4: a fault was found.
    """
    scopes: Scopes = ctx.obj
    log = elsewhere.pop("log")
    here = _surgery(scopes, elsewhere)
    if log is not None:
        _explain(log, fix, lambda: doctor.plan(doctor.examine(here, name, output.say)), as_json=as_json)
        return
    if fix is not None and is_meant(fix):
        from rocmswitch.cli import clearing

        clearing.carry_out(scopes, doctor.leftovers(here), fix, here.root, yes=yes, dry_run=dry_run)
        return
    findings = doctor.plan(doctor.examine(here, name, output.say))
    if fix is not None:
        _fix(ctx, doctor.choose_fixes(findings, fix), here.root, yes=yes, dry_run=dry_run)
        return
    if as_json:
        output.write_json(_as_json(findings))
    else:
        _show(findings, here.root)
    if any(one.severity == FAULT for one in findings):
        raise VerificationFailed(f"found {_counted(findings)}")
    if not as_json:
        output.say(_counted(findings) or "nothing is wrong that doctor knows of")


def _surgery(scopes: Scopes, elsewhere: Mapping[str, str | None]) -> Surgery:
    """*elsewhere* is what was said of another machine, by option."""
    said = {_VARIABLES[option]: value for option, value in elsewhere.items() if value}
    environment = {**os.environ, **said}
    return Surgery(
        scopes.searched,
        Installed(scopes.searched),
        machine.catalog(scopes),
        environment,
        machine.disk(),
        Path(environment.get(SYSROOT) or "/"),
    )


def _explain(log: str, fix: str | None, diagnose: Callable[[], Sequence[Finding]], *, as_json: bool) -> None:
    from rocmswitch.cli.errorlog import explain

    if fix is not None:
        raise UsageMistake("`--log` only explains, and `--fix` changes something", hint="run `rocmswitch doctor`")
    explain(log, diagnose, as_json=as_json)


def _show(findings: tuple[Finding, ...], root: Path) -> None:
    for one in findings:
        for line in _lines(one, root):
            output.write(printable(line))


def _counted(findings: tuple[Finding, ...]) -> str:
    """`1 fault, 2 warnings`."""
    counts = [(sum(one.severity == severity for one in findings), severity) for severity in SEVERITIES]
    return ", ".join(f"{count} {severity}{'s' if count > 1 else ''}" for count, severity in counts if count)


def _lines(one: Finding, root: Path) -> Iterator[str]:
    yield f"{one.severity}: {one.what}  [{one.id}]"
    yield f"  why: {one.why}{'' if one.where in one.why + one.what else f' ({one.where})'}"
    if one.remedy:
        yield f"  fix: {one.remedy.text}"
    if one.remedy and one.remedy.automatic and not is_meant(one.id):
        there = doctor.removal(one, root) is not None and root != Path("/")
        elsewhere = f" --sysroot {shlex.quote(str(root))}" if there else ""
        yield f"       or run `rocmswitch doctor --fix {shlex.quote(one.id)}{elsewhere}`"


def _as_json(findings: tuple[Finding, ...]) -> object:
    """Names of files may hold bytes that are no text, and JSON is text."""
    return json.loads(json.dumps([asdict(one) for one in findings], ensure_ascii=False).encode("utf-8", "replace"))


def _fix(ctx: click.Context, findings: tuple[Finding, ...], root: Path, *, yes: bool, dry_run: bool) -> None:
    """Each after the other; a command of ours shows its own plan and asks by itself."""
    for one in findings:
        if one.remedy is None:
            raise Refused(f"`{one.id}` has no remedy")
        file = doctor.removal(one, root)
        if file is not None:
            from rocmswitch.cli import clearing

            clearing.carry_out(ctx.obj, (file,), ROW, root, yes=yes, dry_run=dry_run)
            continue
        if one.remedy.command:
            output.say(f"{one.what}: rocmswitch {' '.join(one.remedy.command)}")
            _run(ctx, one.remedy.command, yes=yes, dry_run=dry_run)
            continue
        output.say(f"{one.what}: {one.remedy.text.removeprefix('run ')}")
        if not dry_run:
            output.agree("Do it?", yes=yes)
            doctor.execute(one, machine.disk())


def _run(ctx: click.Context, words: tuple[str, ...], *, yes: bool, dry_run: bool) -> None:
    chosen = program.get_command(ctx, words[0])
    assert chosen is not None, words
    arguments = [*words[1:], *(["--yes"] if yes else []), *(["--dry-run"] if dry_run else [])]
    with chosen.make_context(words[0], arguments, parent=ctx.parent) as inner:
        chosen.invoke(inner)
