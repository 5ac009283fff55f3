"""rocmswitch bundle install: what `install` and `use` do, with a bundle in the place of servers."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from rocmswitch.cli import output
from rocmswitch.cli.bundled import environment_commands, not_there
from rocmswitch.cli.install import install_named
from rocmswitch.cli.install_options import Options
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.use_options import Options as VenvOptions
from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.metadata.bundle import BundledStack
from rocmswitch.operations.unbundling import Supplies
from rocmswitch.planning.naming import resolve_name


@dataclass(frozen=True)
class Wanted:
    """The command line."""

    sets: tuple[str, ...]
    venv: str | None
    python: str | None
    gpu: str | None
    require: str | None
    allow_expired: bool
    yes: bool
    dry_run: bool
    as_json: bool
    source: str = ""
    keys: tuple[str, ...] = ()


def install_bundle(scopes: Scopes, names: tuple[str, ...], wanted: Wanted) -> None:
    """Install the prefixes of the named stacks, or of all, then make the environment. *scopes* has the bundle.

    Raises as `install` and `use` do; what an environment is refused for, before there is a prefix.
    """
    assert scopes.supplies is not None
    chosen = _chosen(scopes.supplies, names)
    home = _of_the_environment(scopes, chosen) if wanted.venv is not None else None
    if home is not None:
        _make(scopes, home, replace(_venv_options(wanted), only_planned=True))
    for one in chosen:
        if one.sets:
            _install(scopes, one, wanted)
    if home is not None:
        _make(scopes, home, _venv_options(wanted))
    elif not any(one.sets for one in chosen):
        raise UsageMistake("there are only wheels in this bundle: `--venv NAME` makes an environment of them")
    else:
        there = {one.name for one in chosen}
        for way in environment_commands(scopes.supplies.bundle, scopes.supplies.file.path, there):
            output.say(f"the bundle has an environment too, which was not asked for: `{way}` makes it")


def _make(scopes: Scopes, home: BundledStack, options: VenvOptions) -> None:
    from rocmswitch.cli.use_missing import make_environment

    make_environment(scopes, home.name, options)


def _chosen(supplies: Supplies, names: tuple[str, ...]) -> tuple[BundledStack, ...]:
    """Those that *names* mean, which may be versions; all where none is named. Raises NotFound."""
    known = {one.name: one for one in supplies.bundle.stacks}
    chosen = []
    for name in names or known:
        try:
            chosen.append(known[resolve_name(name, tuple(known))])
        except NotFound as error:
            raise not_there(supplies.file.path, f"`{name}`") from error
    return tuple(dict.fromkeys(chosen))


def _of_the_environment(scopes: Scopes, chosen: tuple[BundledStack, ...]) -> BundledStack:
    assert scopes.supplies is not None
    have = {one.stack for one in scopes.supplies.bundle.venvs}
    found = [one for one in chosen if one.name in have]
    if not found:
        path = scopes.supplies.file.path
        raise NotFound(
            f"the bundle `{path}` has no wheels", hint=f"run `rocmswitch bundle show {shlex.quote(str(path))}`"
        )
    if len(found) > 1:
        names = ", ".join(f"`{one.name}`" for one in found)
        raise UsageMistake(f"the bundle has wheels of {names}: name the stack that `--venv` is of")
    return found[0]


def _install(scopes: Scopes, one: BundledStack, wanted: Wanted) -> None:
    options = Options(
        sets=wanted.sets or one.sets,
        locked=False,
        require=wanted.require,
        mirror=None,
        allow_expired=wanted.allow_expired,
        yes=wanted.yes,
        dry_run=wanted.dry_run,
        as_json=wanted.as_json,
        source=wanted.source,
        keys=wanted.keys,
    )
    install_named(scopes, one.name, options)


def _venv_options(wanted: Wanted) -> VenvOptions:
    return VenvOptions(
        venv=wanted.venv,
        python=wanted.python,
        mirror=None,
        allow_expired=wanted.allow_expired,
        yes=wanted.yes,
        dry_run=wanted.dry_run,
        as_json=wanted.as_json,
        gpu=wanted.gpu,
        require=wanted.require,
    )
