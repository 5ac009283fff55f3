"""rocmswitch lock"""

from __future__ import annotations

from pathlib import Path

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import tell_pending
from rocmswitch.errors import NotFound, Refused, UsageMistake
from rocmswitch.metadata.treelock import TreeLock, render_tree_lock
from rocmswitch.metadata.wheellock import render_wheel_lock
from rocmswitch.operations import lock
from rocmswitch.store.installed import Damaged, Installation, Installed
from rocmswitch.store.interpreters import read_interpreter
from rocmswitch.system.disk import disk_errors

_FILE, _STDOUT = "rocmswitch.lock", "-"


@click.command(epilog="Example: rocmswitch lock debian-5.2.3 -o rocmswitch.lock")
@click.argument("names", metavar="[STACK...|ENVIRONMENT]", nargs=-1)
@click.option(
    "-o", "target", metavar="FILE", default=_FILE, show_default=True, help="The lock to write; `-` is stdout."
)
@click.option("--yes", is_flag=True, help="Replace a lock that is there.")
@click.pass_obj
def command(scopes: Scopes, names: tuple[str, ...], target: str, yes: bool) -> None:
    """Write down the exact bytes of what is installed: STACK…, all of them, or one environment.

    On another machine `install --locked FILE` makes the same trees, `use STACK --venv NAME --locked FILE` the
    environment.
    """
    tell_pending(scopes)
    installed = Installed(scopes.searched)
    found = [installed.find(name) for name in names] or _all(installed)
    if not found:
        raise NotFound("nothing is installed that could be locked", hint="run `rocmswitch list --available`")
    content = _environment(found) or _prefixes(scopes, found)
    if target == _STDOUT:
        output.write(content.decode().rstrip("\n"))
        return
    path = Path(target)
    _check_target(path, yes=yes)
    with disk_errors(path):
        machine.disk().replace_file(path, content)
    output.say(f"wrote {path}: {', '.join(one.receipt.name for one in found)}")


def _check_target(path: Path, *, yes: bool) -> None:
    """Raise where something stands there that a lock may not take the place of: root's would replace a device."""
    if path.exists() and not path.is_file():
        raise UsageMistake(
            f"`{path}` is no file that a lock could take the place of",
            hint="run the same command with `-o -`, which writes to stdout",
        )
    if (path.exists() or path.is_symlink()) and not yes:
        raise Refused(f"`{path}` is there already", hint="run the same command with `--yes` to replace it")


def _all(installed: Installed) -> list[Installation]:
    """Every prefix that can be locked; what else there is, is told."""
    found = []
    for one in installed.everything():
        if isinstance(one, Damaged):
            if one.kind == "prefix":
                output.say(f"without {one.name}, which is damaged: `rocmswitch repair {one.name}`")
        elif lock.is_lockable(one.receipt) and one.receipt.kind == "prefix":
            found.append(one)
        elif one.receipt.kind == "prefix":
            output.say(f"without {one.receipt.name}: no packages make it what it is")
    return found


def _environment(found: list[Installation]) -> bytes | None:
    """The lock of the one environment; None where they are prefixes. Raises UsageMistake for a mixture."""
    kinds = {one.receipt.kind for one in found}
    if "venv" not in kinds:
        return None
    if len(found) > 1:
        raise UsageMistake("an environment has a lock of its own: name that one alone")
    receipt = found[0].receipt
    return render_wheel_lock(lock.lock_environment(receipt, read_interpreter(Path(receipt.python)).tag))


def _prefixes(scopes: Scopes, found: list[Installation]) -> bytes:
    known = machine.catalog(scopes).names()
    trees = []
    for one in {one.receipt.name: one for one in found}.values():
        name = one.receipt.stack
        trees.append(lock.lock_prefix(one.receipt, machine.lock(scopes, name) if name in known else None))
    return render_tree_lock(TreeLock(schema=1, prefixes=tuple(trees)))
