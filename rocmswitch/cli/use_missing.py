"""rocmswitch use, where something is missing: it is planned, shown and made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rocmswitch.cli import bundled, machine, output, planned, use_environment
from rocmswitch.cli.accepting import typed_again, way_out
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.progress import progress
from rocmswitch.cli.rebinding import by_rebinding
from rocmswitch.cli.settling import settle
from rocmswitch.cli.use_environment import Chosen
from rocmswitch.cli.use_options import Options, typed_as
from rocmswitch.cli.use_place import Place, check_link, set_link
from rocmswitch.cli.use_place import place as place_of
from rocmswitch.errors import NotFound, UsageMistake
from rocmswitch.model.package import Digest
from rocmswitch.operations import install, resolving, use
from rocmswitch.operations.resolving import Wish
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.convolutions import check_convolutions
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.naming import resolve_installed
from rocmswitch.planning.rebinding import check_has, check_kept, check_name, check_same
from rocmswitch.planning.space import check_wheel_space
from rocmswitch.planning.wheels import VenvPlan, check_accepted, check_required
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.installed import Installation, Installed


def make_prefix(
    scopes: Scopes, target: str, options: Options, *, sets: tuple[str, ...] = ()
) -> Installation | None:
    """The prefix of the stack that *target* means, with *sets*, installed where it is missing.

    None where the plan was only to be shown.
    """
    if "/" in target or target.startswith("."):
        raise NotFound(f"`{target}` is no environment made by rocmswitch", hint="run `rocmswitch list`")
    settle(scopes, dry_run=options.dry_run)
    stages = Stages()
    manifest = _manifest(scopes, target, Installed(scopes.searched))
    installed = Installed((scopes.own,))
    use_environment.check_profile(manifest.stack, options.profile)
    if manifest.stack.pytorch and options.venv is None:
        _say_it_is_not_pytorch(manifest.stack.name, installed)
    plan = _plan_prefix(scopes, manifest, sets, options, stages)
    if plan is not None:
        bundled.tell(scopes, manifest.stack.name)
        _show_prefix(scopes, plan, options)
        if options.dry_run:
            return None
        install.check_room(plan, scopes.own.cache, scopes.own.prefixes, machine.prefixes(scopes.own))
        output.agree("Install it?", yes=options.yes)
        bundled.adopt(scopes, manifest.stack.name)
        with progress(plan.download_size + plan.cached_size) as shown:
            install.execute(plan, machine.workshop(scopes), shown, stages)
        machine.report_timings(stages)
    return Installed(scopes.searched).prefix(manifest.stack.name)


def _say_it_is_not_pytorch(stack: str, installed: Installed) -> None:
    """Who types a version may mean the environment that is there, or one with PyTorch."""
    there = [one.receipt.name for one in installed.venvs() if one.receipt.stack == stack]
    way = f"`rocmswitch use {there[0]}`" if there else f"`rocmswitch use {stack} --venv NAME`"
    output.say(f"note: this is the ROCm tree alone; PyTorch is in an environment: {way}")


def make_environment(scopes: Scopes, target: str, options: Options) -> Installation | None:
    """The environment, made where it is missing; None where the plan was only to be shown."""
    settle(scopes, dry_run=options.dry_run)
    place = place_of(options.venv or "", Path.cwd())
    installed, everywhere = Installed((scopes.own,)), Installed(scopes.searched)
    if place.name in machine.catalog(scopes).names() or everywhere.prefix(place.name):
        raise UsageMistake(f"`{place.name}` is the name of a stack: an environment needs one of its own")
    if place.link:
        check_link(place.link, scopes.own.venvs, target)
    named = everywhere.exactly(target)
    if named is not None and named.receipt.name != named.receipt.stack:
        what = "an environment" if named.receipt.kind == "venv" else "a variant"
        raise UsageMistake(
            f"`{target}` is {what}, and `--venv` is for a stack",
            hint=f"run `rocmswitch use {named.receipt.stack} --venv {place.name}`",
        )
    manifest = _manifest(scopes, target, everywhere)
    existing = installed.venv(place.name)
    again = typed_again(scopes, manifest.stack.name, options)
    rebinding = by_rebinding(scopes, manifest.stack.name, options)
    options = use_environment.as_before(options, manifest.stack.name, existing.receipt if existing else None)
    with way_out(again), rebinding:
        if not options.rebind:
            check_name(place.name, manifest.stack.name, existing.receipt if existing else None)
        made = (_with_pytorch if manifest.stack.pytorch else _with_prefix)(scopes, manifest, place, options)
    if not made:
        return None
    if place.link:
        set_link(place.link, installed, place.name)
    return installed.venv(place.name)


def _with_pytorch(scopes: Scopes, manifest: Manifest, place: Place, options: Options) -> bool:
    """Whether the environment is there afterwards."""
    stages, existing = Stages(), Installed((scopes.own,)).venv(place.name)
    if existing is not None and not options.rebind:
        check_convolutions(existing.receipt, options.convolutions or "")
        check_has(existing.receipt, options.accept)
    asked = bool(options.torch or options.cpu or options.gpu)
    if existing is not None and not (asked or options.python or options.rebind or options.locked):
        return _is_bound(scopes, manifest, existing, options)
    if existing is not None and not (options.torch or options.cpu or options.rebind or options.locked):
        options = replace(options, torch=existing.receipt.torch)
    chosen = use_environment.choose(scopes, manifest.stack, options)
    choice, lock = chosen.choice, chosen.lock
    if existing is not None and not options.rebind and lock is None:
        python = use_environment.interpreter(scopes, choice.entry.python, options, None) if options.python else None
        check_same(existing.receipt, choice if asked else None, python)
        return _is_bound(scopes, manifest, existing, options)
    with stages.timed("interpreter"):
        python = use_environment.interpreter(scopes, choice.entry.python, options, lock)
    prefix = _plan_prefix(scopes, manifest, ("runtime",), options, stages) if choice.needs_prefix else None
    wanted = use.Wanted(
        place.name,
        python,
        prefix,
        *_apart(existing, options),
        options.profile or "",
        use_environment.notes(scopes, choice, prefix, place),
        use_environment.lost(scopes, manifest) if choice.needs_prefix and prefix is None else (),
        options.convolutions or "",
    )
    plan = use_environment.plan_pytorch(scopes, Chosen(choice, lock), wanted, options, stages)
    check_accepted([plan], map(Digest.sha256, options.accept))
    return _carry_out(scopes, plan, existing, options, stages)


def _with_prefix(scopes: Scopes, manifest: Manifest, place: Place, options: Options) -> bool:
    """The same for a stack whose wheels load its prefix."""
    stages, existing = Stages(), Installed((scopes.own,)).venv(place.name)
    wheels = use.wheels_of(manifest)
    for name in ("torch", "cpu", "convolutions", "accept"):
        if getattr(options, name):
            raise UsageMistake(
                f"`{manifest.stack.name}` has no PyTorch, so `{typed_as(name, options)}` means nothing there"
            )
    if existing is not None and not (options.python or options.rebind or options.locked):
        return _is_bound(scopes, manifest, existing, options)
    lock = use_environment.given_lock(scopes, manifest.stack.name, options)
    python = use_environment.interpreter(scopes, wheels.python, options, lock)
    prefix = _plan_prefix(scopes, manifest, (wheels.set,), options, stages)
    with stages.timed("wheels"):
        today = use_environment.lost(scopes, manifest) if prefix is None else ()
        wanted = use.Wanted(place.name, python, prefix, *_apart(existing, options), today=today)
        plan = use.plan(manifest, wanted, machine.supply(scopes), lock)
    check_required(plan, use_environment.required(options))
    return _carry_out(scopes, plan, existing, options, stages)


def _apart(existing: Installation | None, options: Options) -> tuple[str, str]:
    """Which tree is replaced, and which one the environment that is there differs from."""
    if existing is None:
        return "", ""
    return (existing.receipt.tree, "") if options.rebind else ("", existing.receipt.unlike)


def _is_bound(scopes: Scopes, manifest: Manifest, existing: Installation, options: Options) -> bool:
    """Whether what the environment loads is there, made where it is missing."""
    if options.only_planned:
        return False
    if existing.receipt.prefix and Installed(scopes.searched).prefix(existing.receipt.prefix) is None:
        sets = (manifest.stack.wheels.set,) if manifest.stack.wheels else ("runtime",)
        return make_prefix(scopes, manifest.stack.name, options, sets=sets) is not None
    if options.as_json:
        output.write_json(None)  # nothing had to be planned
    return True


def _carry_out(
    scopes: Scopes, plan: VenvPlan, existing: Installation | None, options: Options, stages: Stages
) -> bool:
    """Show, ask, make. Whether it was made."""
    layout = scopes.own
    check_kept(plan, existing.receipt if existing else None)
    if options.only_planned:
        return False
    if existing and existing.receipt.tree == plan.tree and not plan.install and not options.as_json:
        return True
    bundled.tell(scopes, plan.stack)
    bundled.tell_python(scopes, plan.interpreter.fetch)
    _show(scopes, plan, options)
    if options.dry_run:
        return False
    check_wheel_space(plan, *install.rooms(layout.cache, layout.venvs))
    output.agree("Make it?", yes=options.yes)
    bundled.adopt(scopes, plan.stack)
    if plan.install is not None:
        install.check_room(plan.install, layout.cache, layout.prefixes, machine.prefixes(layout))
    with progress(plan.whole_size) as shown:
        use.execute(plan, machine.workshop(scopes), machine.nursery(scopes), shown, stages)
    output.say(f"made {plan.name}: {layout.venvs / plan.name}")
    machine.report_timings(stages)
    return True


def _manifest(scopes: Scopes, target: str, installed: Installed) -> Manifest:
    """The newest installed stack that *target* means, else the newest available; what was chosen is said."""
    catalog = machine.catalog(scopes)
    there = (one.receipt.stack for one in (*installed.prefixes(), *installed.venvs()))
    chosen = resolve_installed(target, (one for one in there if one in catalog.names()), catalog.names())
    if chosen != target:
        output.say(f"{target} is {chosen}")
    return catalog.read(chosen)


def _plan_prefix(
    scopes: Scopes, manifest: Manifest, sets: tuple[str, ...], options: Options, stages: Stages
) -> InstallPlan | None:
    """The plan of the prefix with *sets*; None where it is there: the user's own, or else the one for all users."""
    one = Installed((scopes.own,)).prefix(manifest.stack.name)
    there = one or Installed(scopes.searched).prefix(manifest.stack.name)
    if install.is_there(manifest, sets, there.receipt if there else None):
        return None
    tested = machine.lock(scopes, manifest.stack.name)
    bundled.check_there(scopes, manifest.stack.name, sets)
    mirror = machine.mirror(scopes, options.mirror)
    source = bundled.source(scopes, manifest.stack.name, "")
    wish = Wish(sets, mirror=mirror, allow_expired=options.allow_expired, tested=tested, source=source)
    wish = install.with_installed(wish, one.receipt if one else None)
    around = machine.surroundings(scopes.own, scopes.supplies)
    with output.waiting(f"reading the package index of {manifest.stack.name}"):
        plan = install.plan(manifest, wish, machine.repositories(scopes.own, scopes.supplies), around, stages)
    resolving.check_required(plan, options.require)
    return install.without_shared(plan, machine.prefixes(scopes.own))


def _show_prefix(scopes: Scopes, plan: InstallPlan, options: Options) -> None:
    rooms = install.rooms(scopes.own.cache, scopes.own.prefixes)
    if options.as_json:
        output.write_json(planned.install_as_json(plan, rooms))
    else:
        planned.show_install(plan, rooms, where=bundled.where(scopes))


def _show(scopes: Scopes, plan: VenvPlan, options: Options) -> None:
    if options.as_json:
        output.write_json(plan.as_json())
    else:
        rooms = install.rooms(scopes.own.cache, scopes.own.prefixes)
        planned.show_venv(plan, rooms, where=bundled.where(scopes))
