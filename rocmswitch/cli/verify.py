"""rocmswitch verify"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import tell_pending
from rocmswitch.cli.system_option import system_reading_option
from rocmswitch.errors import NotFound, VerificationFailed
from rocmswitch.store.installed import Damaged, Installation, Installed
from rocmswitch.store.receipts import FILES, FOLDER, RECEIPT
from rocmswitch.store.verify import Fault, verify_tree

SHOWN = 20
"""Faults that are shown of one tree; `--json` has all."""


@click.command(epilog="Example: rocmswitch verify debian-5.2.3")
@click.argument("name", required=False)
@system_reading_option
@click.option("--quick", is_flag=True, help="Sizes, modes and links only; no file is read.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, name: str | None, quick: bool, as_json: bool) -> None:
    """Check every file of NAME, or of all that is installed, against its receipt."""
    tell_pending(scopes)
    installed = Installed(scopes.searched)
    chosen = (installed.damaged(name) or installed.find(name),) if name else installed.everything()
    if not chosen:
        raise NotFound("nothing is installed", hint="run `rocmswitch list --available`")
    deployed = {one: _deployed(one, scopes, quick=quick) for one in chosen}
    found = {one: _faults(one, deployed[one], quick=quick) for one in chosen}
    if as_json:
        output.write_json([_as_json(one, faults, deployed[one]) for one, faults in found.items()])
    else:
        for one, faults in found.items():
            _show(one, faults, deployed[one], quick=quick)
    damaged = [one for one, faults in found.items() if faults]
    if damaged:
        raise _not_as_installed(damaged)


def _not_as_installed(damaged: list[Installation | Damaged]) -> VerificationFailed:
    names = ", ".join(f"`{one.link.name}`" for one in damaged)
    verb = "are" if len(damaged) > 1 else "is"
    first = damaged[0].link.name
    kind = damaged[0].kind if isinstance(damaged[0], Damaged) else damaged[0].receipt.kind
    if isinstance(damaged[0], Installation) and damaged[0].receipt.linked:
        hint = f"run `rocmswitch remove {first}`, or have the folder there again"
    elif kind == "venv":
        hint = f"run `rocmswitch remove {first}`, then {_made_again(damaged[0])}"
    else:
        hint = f"run `rocmswitch repair {first}`"
    return VerificationFailed(f"{names} {verb} not as installed", hint=hint)


def _made_again(one: Installation | Damaged) -> str:
    """How an environment is made; a lost receipt does not tell for which stack."""
    if isinstance(one, Damaged):
        return "make it again"
    return f"`rocmswitch use {one.receipt.stack} --venv {one.receipt.name}`"


def _deployed(one: Installation | Damaged, scopes: Scopes, *, quick: bool) -> Mapping[str, int]:
    """The paths that are what a deployment has put there, each with the number of that."""
    from rocmswitch.operations.auditing import deployed_as_put

    if isinstance(one, Damaged) or one.receipt.kind != "venv":
        return {}
    return deployed_as_put(one.link, scopes.own, machine.disk(), reading=not quick)


def _faults(one: Installation | Damaged, deployed: Collection[str], *, quick: bool) -> tuple[Fault, ...]:
    """Where receipt or list cannot be read, that is the one fault: the other trees are looked at all the same."""
    if isinstance(one, Damaged):
        return (Fault(f"{FOLDER}/{RECEIPT}", "unreadable"),)
    if one.receipt.linked and not Path(one.receipt.linked).is_dir():
        return (Fault(one.receipt.linked, "missing"),)
    try:
        faults = verify_tree(one.link, quick=quick, jobs=machine.processors())
    except VerificationFailed:
        return (Fault(f"{FOLDER}/{FILES}", "unreadable"),)
    # What its owner has installed or deployed into an environment is no damage.
    found = (fault for fault in faults if fault.path not in deployed)
    return tuple(fault for fault in found if fault.what != "extra" or one.receipt.kind != "venv")


def _show(
    one: Installation | Damaged, faults: tuple[Fault, ...], deployed: Mapping[str, int], *, quick: bool
) -> None:
    for path, number in deployed.items():
        output.write(f"{one.link.name}: `{path}`: deployed (generation {number})")
    if not faults and isinstance(one, Installation):
        output.write(f"{one.receipt.name}: {_checked(one, quick=quick)}{', but for these' if deployed else ''}")
    for fault in faults[:SHOWN]:
        output.write(f"{one.link.name}: {fault}")
    if len(faults) > SHOWN:
        output.write(f"{one.link.name}: and {len(faults) - SHOWN} more")


def _checked(one: Installation, *, quick: bool) -> str:
    if one.receipt.linked:
        return f"the link is as it was made; {one.receipt.linked} is not ours to check"
    checked = "sizes and modes" if quick else "every file"
    return f"{checked} as installed, {output.size(one.receipt.size)}"


def _as_json(
    one: Installation | Damaged, faults: tuple[Fault, ...], deployed: Mapping[str, int]
) -> dict[str, object]:
    return {
        "name": one.link.name,
        "path": str(one.link),
        "faults": [
            {"path": fault.path, "what": fault.what, "expected": fault.expected, "found": fault.found}
            for fault in faults
        ],
        "deployed": [{"path": path, "generation": number} for path, number in deployed.items()],
    }
