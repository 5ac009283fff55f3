"""rocmswitch use, where something is missing: it is planned, shown and made."""

from __future__ import annotations

import os

from rocmswitch.cli import machine, output, planned
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.progress import progress
from rocmswitch.cli.use_options import Options
from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.fetch.http import Http
from rocmswitch.host.pip import package_index
from rocmswitch.model.grammar import is_name
from rocmswitch.operations import install, use
from rocmswitch.operations.resolving import Wish
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.install import InstallPlan
from rocmswitch.planning.naming import resolve_installed
from rocmswitch.planning.space import Room
from rocmswitch.planning.wheels import VenvPlan
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.interpreters import find_interpreter


def make_prefix(
    scopes: Scopes, target: str, options: Options, *, sets: tuple[str, ...] = ()
) -> Installation | None:
    """The prefix of the stack that *target* means, with *sets*, installed where it is missing.

    None where the plan was only to be shown.
    """
    if "/" in target or target.startswith("."):
        raise NotFound(f"`{target}` is no environment made by rocmswitch", hint="run `rocmswitch list`")
    stages = Stages()
    manifest = _manifest(scopes, target, Installed((scopes.own,)))
    plan = _plan_prefix(scopes, manifest, sets, options, stages)
    if plan is not None:
        _show_prefix(plan, options, install.rooms(scopes.own.cache, scopes.own.prefixes))
        if options.dry_run:
            return None
        install.check_room(plan, scopes.own.cache, scopes.own.prefixes, machine.prefixes(scopes.own))
        output.agree("Install it?", yes=options.yes)
        with progress(plan.download_size + plan.cached_size) as shown:
            install.execute(plan, machine.workshop(scopes), shown, stages)
        machine.report_timings(stages)
    return Installed((scopes.own,)).prefix(manifest.stack.name)


def make_environment(scopes: Scopes, target: str, options: Options) -> Installation | None:
    """The environment, made where it is missing; None where the plan was only to be shown."""
    name = options.venv or ""
    if not is_name(name):
        raise UsageMistake(
            f"`{name[:80]}` cannot be the name of an environment: two or more small letters, digits and `._-`"
        )
    installed = Installed((scopes.own,))
    if name in machine.catalog(scopes).names() or installed.prefix(name):
        raise UsageMistake(f"`{name}` is the name of a stack: an environment needs one of its own")
    manifest = _manifest(scopes, target, installed)
    existing = installed.venv(name)
    use.check_name(name, manifest.stack.name, existing.receipt if existing else None)
    stages = Stages()
    if existing is None or options.python:
        plan = _plan(scopes, manifest, name, options, stages)
        use.check_kept(plan, existing.receipt if existing else None)
        _show(plan, options, install.rooms(scopes.own.cache, scopes.own.prefixes))
        if options.dry_run:
            return None
        output.agree("Make it?", yes=options.yes)
        _execute(scopes, plan, stages)
        machine.report_timings(stages)
    elif make_prefix(scopes, manifest.stack.name, options, sets=(use.wheels_of(manifest).set,)) is None:
        return None
    return installed.venv(name)


def _manifest(scopes: Scopes, target: str, installed: Installed) -> Manifest:
    """The newest installed stack that *target* means, else the newest available; what was chosen is said."""
    catalog = machine.catalog(scopes)
    chosen = resolve_installed(target, (one.receipt.stack for one in installed.prefixes()), catalog.names())
    if chosen != target:
        output.say(f"{target} is {chosen}")
    return catalog.read(chosen)


def _plan(scopes: Scopes, manifest: Manifest, name: str, options: Options, stages: Stages) -> VenvPlan:
    wheels = use.wheels_of(manifest)
    interpreter = find_interpreter(options.python or "", wheels.python, machine.uv(scopes.own))
    prefix = _plan_prefix(scopes, manifest, (wheels.set,), options, stages)
    wanted = use.Wanted(name, interpreter, prefix, package_index(os.environ))
    with stages.timed("wheels"):
        return use.plan(manifest, wanted, Http(), machine.cache(scopes.own))


def _plan_prefix(
    scopes: Scopes, manifest: Manifest, sets: tuple[str, ...], options: Options, stages: Stages
) -> InstallPlan | None:
    """The plan of the prefix with *sets*; None where it is there."""
    one = Installed((scopes.own,)).prefix(manifest.stack.name)
    if install.is_there(manifest, sets, one.receipt if one else None):
        return None
    tested = machine.lock(scopes, manifest.stack.name)
    wish = Wish(sets, mirror=options.mirror, allow_expired=options.allow_expired, tested=tested)
    wish = install.with_installed(wish, one.receipt if one else None)
    around = machine.surroundings(scopes.own)
    plan = install.plan(manifest, wish, machine.repositories(scopes.own), around, stages)
    return install.without_shared(plan, machine.prefixes(scopes.own))


def _show_prefix(plan: InstallPlan, options: Options, rooms: tuple[Room, Room]) -> None:
    if options.as_json:
        output.write_json(planned.install_as_json(plan, rooms))
    else:
        planned.show_install(plan, rooms)


def _show(plan: VenvPlan, options: Options, rooms: tuple[Room, Room]) -> None:
    if options.as_json:
        output.write_json(plan.as_json())
    else:
        planned.show_venv(plan, rooms)


def _execute(scopes: Scopes, plan: VenvPlan, stages: Stages) -> None:
    layout = scopes.own
    if plan.install is not None:
        install.check_room(plan.install, layout.cache, layout.prefixes, machine.prefixes(layout))
    with progress(plan.download_size) as shown:
        use.execute(plan, machine.workshop(scopes), machine.nursery(scopes), shown, stages)
    output.say(f"made {plan.name}: {layout.venvs / plan.name}")
