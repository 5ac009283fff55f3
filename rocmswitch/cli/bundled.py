"""`--from BUNDLE`: everything comes from one file, and what that means for what is trusted.

What reads bundles is imported where there is one: who only enters a stack waits for nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.errors import NotFound, Refused
from rocmswitch.model.package import FIRST_USE, PINNED, VERIFICATION_CLASSES

if TYPE_CHECKING:
    from rocmswitch.metadata.bundle import Bundle
    from rocmswitch.model.stack import Stack
    from rocmswitch.operations.unbundling import Unknown

_Command = TypeVar("_Command", bound=Callable[..., Any])


def from_option(command: _Command) -> _Command:
    """The option by which a bundle supplies all that a command would fetch. Raises as `unbundling.supplies`."""
    return click.option(
        "--from",
        metavar="BUNDLE",
        expose_value=False,
        callback=_from,
        help="Take everything from this bundle, and ask no server.",
    )(command)


def supplied(context: click.Context, scopes: Scopes, path: str) -> Scopes:
    """*scopes* with the bundle at *path*, which is closed when *context* ends."""
    from rocmswitch.operations.unbundling import supplies

    folder = context.with_resource(machine.scratch(scopes.own))
    opened = context.with_resource(supplies(Path(path), machine.catalog(scopes), folder, machine.disk()))
    return scopes.supplied(opened)


def not_there(path: Path, what: str) -> NotFound:
    """The error where the bundle at *path* has no *what*."""
    return NotFound(
        f"{what} is not in the bundle `{path}`", hint=f"run `rocmswitch bundle show {shlex.quote(str(path))}`"
    )


def environment_commands(bundle: Bundle, path: Path, among: Collection[str] = ()) -> list[str]:
    """The commands that make the environments of *bundle*, the file at *path*: of the stacks *among*, or of all."""
    have = dict.fromkeys(one.stack for one in bundle.venvs)
    return [
        shlex.join(("rocmswitch", "bundle", "install", str(path), *([name] if len(have) > 1 else ()), "--venv"))
        + " NAME"
        for name in have
        if not among or name in among
    ]


def check_there(scopes: Scopes, name: str, sets: tuple[str, ...] = ()) -> None:
    """Raise NotFound where a bundle supplies everything and has not the stack *name*, or not those *sets* of it."""
    if scopes.supplies is None:
        return
    bundle, path = scopes.supplies.bundle, scopes.supplies.file.path
    found = next((one for one in bundle.stacks if one.name == name), None)
    missing = [one for one in sets if found is not None and one not in found.sets]
    if found is None or missing:
        what = f"`{name}`" if found is None else f"the set `{missing[0]}` of `{name}`"
        raise not_there(path, what)


def source(scopes: Scopes, name: str, asked: str) -> str:
    """The kind of source that was *asked* for, else the one that the bundle has of *name*; empty for any."""
    if asked or scopes.supplies is None:
        return asked
    return next((one.source for one in scopes.supplies.bundle.stacks if one.name == name), "")


def where(scopes: Scopes) -> str:
    """The words for where the bytes are that a plan fetches: on servers, or in a bundle."""
    from rocmswitch.cli.planned import FROM_BUNDLE, TO_DOWNLOAD

    return TO_DOWNLOAD if scopes.supplies is None else FROM_BUNDLE


def tell(scopes: Scopes, name: str) -> None:
    """Before anybody agrees: how old the bundle is, and what is trusted that this machine did not know."""
    if scopes.supplies is None:
        return
    bundle = scopes.supplies.bundle
    output.say(f"all of it from {scopes.supplies.file.path}, made {bundle.made:%Y-%m-%d %H:%M} UTC")
    unknown = _unknown(scopes, name)
    if unknown is not None:
        output.say(
            f"{name} is not known here: its manifest is the bundle's own, and stays in {scopes.own.manifests}"
        )
        for line in _trusted(unknown.stack):
            output.say(f"  it trusts {line}")
        return
    known, one = machine.catalog(scopes).read(name), next(one for one in bundle.stacks if one.name == name)
    if known.sha256 != bundle.member(one.manifest).sha256:
        output.say(f"note: the bundle was made with another manifest of {name}; the one here counts")


def tell_python(scopes: Scopes, key: str) -> None:
    """Whose word is taken for the Python *key*, where it is the bundle's."""
    found = _python(scopes, key)
    if found is not None:
        trusted = "uv knows its hash" if found[1] == PINNED else "who made the bundle is trusted for it"
        output.say(f"note: {found[0]} is the bundle's: {trusted}")


def check_python(scopes: Scopes, key: str, required: str | None) -> None:
    """Raise Refused where the Python *key* is the bundle's and is checked by less than *required*."""
    found = _python(scopes, key) if required else None
    rank = VERIFICATION_CLASSES.index
    if required and found and rank(found[1]) < rank(required):
        raise Refused(
            f"`{found[0]}` of the bundle is only `{found[1]}`, and `{required}` is required",
            hint="run the same command with `--python /path/to/python`",
        )


def _python(scopes: Scopes, key: str) -> tuple[str, str] | None:
    """What the Python *key* is called and by what it is checked, where it is the bundle's."""
    python = scopes.supplies.python if scopes.supplies and key else None
    if python is None or not python.suits(key):
        return None
    from rocmswitch.store.pythons import is_listed

    return python.key, PINNED if is_listed(python, machine.uv(scopes.own)) else FIRST_USE


def adopt(scopes: Scopes, name: str) -> None:
    """Keep the manifest of a stack that only the bundle knew: `repair`, `show` and `use` need it."""
    unknown = _unknown(scopes, name)
    if unknown is not None and scopes.supplies is not None:
        from rocmswitch.operations.unbundling import lay_down

        lay_down(unknown, scopes.own.manifests, machine.disk())
        machine.disk().discard(scopes.supplies.place(unknown))


def _from(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and not context.resilient_parsing:
        context.obj = supplied(context, context.obj, value)


def _unknown(scopes: Scopes, name: str) -> Unknown | None:
    if scopes.supplies is None:
        return None
    supplies = scopes.supplies
    found = next((one for one in supplies.unknown if one.stack.name == name), None)
    return found if found and supplies.place(found).exists() else None  # kept by now, it is known


def _trusted(stack: Stack) -> list[str]:
    """What its manifest pins."""
    lines = [
        f"{fingerprint} for {source.url or source.archive}"
        for source in stack.rocm.sources
        if source.key is not None
        for fingerprint in source.key.fingerprints
    ]
    hashes = len(stack.wheels.hashes) if stack.wheels else 0
    hashes += sum(len(one.hashes) for one in stack.pytorch)
    return [*dict.fromkeys(lines), *([f"{hashes} hashes of wheels"] if hashes else [])]
