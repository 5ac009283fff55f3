"""rocmswitch bundle create: planned, shown, agreed to, and written."""

from __future__ import annotations

import functools
import math
import os
import shlex
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from rocmswitch.cli import machine, output, use_environment
from rocmswitch.cli.accepting import taken_along
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.progress import progress
from rocmswitch.cli.use_options import Options as VenvOptions
from rocmswitch.errors import MachineLacks, NotFound, Refused, UsageMistake
from rocmswitch.fetch.download import Downloads
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.provision import Passing, Provision
from rocmswitch.fetch.recorded import Recording
from rocmswitch.host.facts import read_host
from rocmswitch.metadata.bundle import MadeOn
from rocmswitch.model.package import Digest
from rocmswitch.operations import bundle, install, use
from rocmswitch.operations.bundleorder import Order, Tree
from rocmswitch.operations.packing import Answers
from rocmswitch.operations.resolving import Wish
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.naming import resolve_name
from rocmswitch.planning.space import check_rooms
from rocmswitch.planning.wheels import VenvPlan, check_accepted
from rocmswitch.store.bundle import bundle_size
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.interpreters import key_to_fetch

_SLACK = 4 * 1024 * 1024
"""Bytes for the list, the manifests and what stands between members."""
_ELSEWHERE = "run the same command with another `-o FILE`"
_DATE = "SOURCE_DATE_EPOCH"
"""Seconds since 1970 that stand for the present, so that the same content is the same bytes."""


@dataclass(frozen=True)
class Options:
    """The command line."""

    sets: tuple[str, ...]
    venv: bool
    python: str | None
    with_python: bool
    torch: str | None
    cpu: bool
    gpu: str | None
    for_this_host: bool
    mirror: str | None
    allow_expired: bool
    yes: bool
    dry_run: bool
    as_json: bool
    source: str = ""
    keys: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    """What wheels may be now, in hex, whatever they were at their first use."""


def create_bundle(scopes: Scopes, names: tuple[str, ...], target: Path, options: Options) -> None:
    """Plan, show, ask, fetch and write. Raises whatever planning raises, and what `_check_place` does."""
    _check_place(target)
    if not options.venv:
        _check_environment_words(options)
    with taken_along():
        _create(scopes.accepting(options.accept), names, target, options)


def _create(scopes: Scopes, names: tuple[str, ...], target: Path, options: Options) -> None:
    recording = Recording(Http())
    order = _order(scopes, names, recording, options)
    answers = Answers(recording.answers, bundle.keyrings(order.manifests), recording.plain)
    _show(scopes, order, target, answers, options)
    if options.dry_run:
        return
    download = order.download_size(machine.cache(scopes.own))
    _check_room(scopes, target, order.size + answers.size + _SLACK, download)
    output.agree("Make it?", yes=options.yes)
    goods = machine.supply(scopes)
    with machine.scratch(scopes.own) as scratch, progress(order.size) as shown:
        downloads = Downloads(goods.http, goods.cache, wait=scopes.wait(math.inf))
        tarballs = machine.seen_tarballs(scopes.own)
        uv, check_room = machine.uv(scopes.own), functools.partial(_check_room, scopes, target)
        bench = bundle.Workbench(downloads, goods, uv, machine.disk(), tarballs, scratch, check_room)
        made = bundle.execute(order, answers, bench, target, shown)
    output.say(f"made {target}: {output.size(bundle_size(made))}, {output.counted(len(made.members), 'member')}")


def _check_place(target: Path) -> None:
    """Before anything is read or fetched. Raises Refused, NotFound and MachineLacks."""
    folder = target.absolute().parent
    there = next(one for one in (folder, *folder.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise Refused(f"`{there}` is no folder, so nothing can be in it", hint=_ELSEWHERE)
    if there != folder:
        raise NotFound(
            f"there is no folder `{folder}` for the bundle",
            hint=f"run `mkdir -p {shlex.quote(str(folder))}`, then the same command",
        )
    if os.path.lexists(target):
        raise Refused(f"`{target}` is there already", hint=_ELSEWHERE)
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise MachineLacks(f"`{folder}` is on a file system that is mounted read-only", hint=_ELSEWHERE)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise MachineLacks(f"`{folder}` may not be written by this user", hint=_ELSEWHERE)


def _check_environment_words(options: Options) -> None:
    words: dict[str, object] = {
        "--python": options.python,
        "--with-python": options.with_python,
        "--torch": options.torch,
    }
    words |= {"--cpu": options.cpu, "--gpu": options.gpu, "--accept": options.accept}
    for word, said in words.items():
        if said:
            raise UsageMistake(f"`{word}` is for environments, which `--venv` asks for")


def _order(scopes: Scopes, names: tuple[str, ...], recording: Recording, options: Options) -> Order:
    catalog, around = machine.catalog(scopes), machine.surroundings(scopes.own)
    manifests = tuple(catalog.read(resolve_name(name, catalog.names())) for name in dict.fromkeys(names))
    manifests = tuple({one.stack.name: one for one in manifests}.values())
    provision = Provision(Passing(scopes.own, machine.disk()), plain=recording.noted)
    repositories = replace(machine.repositories(scopes.own), http=recording, provision=provision)
    trees: list[Tree] = []
    for one in manifests:
        wish = _wish(one, options)
        if wish is not None:
            with output.waiting(f"reading the package index of {one.stack.name}"):
                tree = bundle.gather_tree(one, wish, repositories, around, complete=not options.for_this_host)
            trees.append(tree)
    venvs = tuple(_venv(scopes, one, options) for one in manifests) if options.venv else ()
    check_accepted(venvs, map(Digest.sha256, options.accept))
    host, locks = read_host(), {one.stack.name: catalog.lock(one.stack.name) for one in manifests}
    return Order(
        manifests=manifests,
        locks={name: lock for name, lock in locks.items() if lock is not None},
        trees=tuple(trees),
        venvs=venvs,
        pythons=_pythons(scopes, venvs, options),
        host=MadeOn(
            distribution=host.distribution,
            codename=host.codename,
            architecture=host.architecture,
            glibc=host.glibc,
            complete=not options.for_this_host,
        ),
        created=_present(),
        archives=around.mirrors,
        mirror=options.mirror or "",
    )


def _wish(manifest: Manifest, options: Options) -> Wish | None:
    """The sets to take; None where the stack has none, or only its wheels are wanted."""
    stack = manifest.stack
    if stack.rocm.comes_as_wheels:
        if not options.venv:
            raise Refused(
                f"`{stack.name}` is nothing but wheels, which are for environments",
                hint="run the same command with `--venv`",
            )
        return None
    sets = (*options.sets, stack.wheels.set) if options.venv and stack.wheels else options.sets
    bundles_rocm = bool(stack.pytorch) and stack.wheels is None
    if options.venv and bundles_rocm and not options.sets:
        return None
    return Wish(
        sets,
        mirror=options.mirror,
        allow_expired=options.allow_expired,
        source=options.source,
        keys=options.keys,
    )


def _venv(scopes: Scopes, manifest: Manifest, options: Options) -> VenvPlan:
    """The environment's wheels, planned as `use` would plan them here."""
    asked = VenvOptions(
        venv="bundle",
        python=options.python,
        mirror=options.mirror,
        allow_expired=options.allow_expired,
        yes=True,
        dry_run=False,
        as_json=False,
        torch=options.torch,
        cpu=options.cpu,
        gpu=options.gpu,
    )
    if manifest.stack.pytorch:
        chosen = use_environment.choose(scopes, manifest.stack, asked)
        python = use_environment.interpreter(scopes, chosen.choice.entry.python, asked, None)
        return use_environment.plan_pytorch(scopes, chosen, use.Wanted("bundle", python), asked, Stages())
    wheels = use.wheels_of(manifest)
    python = use_environment.interpreter(scopes, wheels.python, asked, None)
    return use.plan(manifest, use.Wanted("bundle", python), machine.supply(scopes))


def _pythons(scopes: Scopes, venvs: tuple[VenvPlan, ...], options: Options) -> tuple[str, ...]:
    """What uv calls the Pythons to take along: those that this machine lacks, or all where that was said."""
    uv, found = machine.uv(scopes.own), []
    for venv in venvs:
        if venv.interpreter.fetch or options.with_python:
            key = key_to_fetch(venv.interpreter.tag, uv)
            if not key:
                raise UsageMistake(
                    f"uv offers no Python for {venv.interpreter.tag}, which `--with-python` asks for"
                )
            found.append(key)
    return tuple(dict.fromkeys(found))


def _show(scopes: Scopes, order: Order, target: Path, answers: Answers, options: Options) -> None:
    cache = machine.cache(scopes.own)
    download = order.download_size(cache)
    if options.as_json:
        output.write_json({"file": str(target), **order.as_json(), "download_size": download})
        return
    for tree in order.trees:
        output.say(f"{tree.stack} ({', '.join(tree.sets)}): {output.counted(len(tree.packages), 'package')}")
    for venv in order.venvs:
        torch = f", torch {venv.torch}" if venv.torch else ""
        wheels = output.counted(len(venv.files), "wheel")
        output.say(f"an environment of {venv.stack} for {venv.interpreter.tag}{torch}: {wheels}")
    for key in order.pythons:
        output.say(f"{key}, which uv fetches")
    if order.venvs and not order.pythons:
        tags = sorted({venv.interpreter.tag for venv in order.venvs})
        output.say(
            f"no Python: the other machine needs one for {', '.join(tags)}, or `--with-python` takes one along"
        )
    kind = "all that they need" if order.host.complete else "only what this machine lacks"
    output.say(f"{kind}, for {order.host.codename or order.host.distribution}, {order.host.architecture}")
    whole = output.size(order.size + answers.size)
    output.say(f"{target}: about {whole}, {output.size(download)} of it to download")
    for note in order.notes:
        output.say(f"note: {note}")


def _check_room(scopes: Scopes, target: Path, size: int, download: int = 0) -> None:
    """For a bundle of *size* bytes, *download* of which go to the cache before. Raises MachineLacks."""
    cache, place = install.rooms(scopes.own.cache, target.absolute().parent)
    if cache.file_system == place.file_system:
        check_rooms([(place, download + size)])
        return
    check_rooms([(cache, download)])
    try:
        check_rooms([(place, size)])
    except MachineLacks as error:
        error.hint = _ELSEWHERE  # what the cache lets go of is no room there
        raise


def _present() -> datetime:
    """Now, or what SOURCE_DATE_EPOCH says. Raises UsageMistake."""
    said = os.environ.get(_DATE, "")
    try:
        return datetime.fromtimestamp(int(said), timezone.utc) if said else datetime.now(timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageMistake(f"`{_DATE}` is `{said[:40]}`, which are no seconds since 1970") from error
