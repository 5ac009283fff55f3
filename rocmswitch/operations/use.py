"""An environment that matches a stack: its Python, its wheels, and the prefix where they load one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import ManifestMistake, Refused, VerificationFailed
from rocmswitch.fetch.download import Downloads, Progress
from rocmswitch.metadata.wheellock import WheelLock, render_wheel_lock
from rocmswitch.model.convolutions import Convolutions
from rocmswitch.model.convolutionwords import CONVOLUTIONS
from rocmswitch.model.deployment import Intent, NewLink
from rocmswitch.model.package import Artifact
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.model.stack import Stack, Wheels
from rocmswitch.operations.building import WAIT, Workshop, alone, build
from rocmswitch.operations.bundledwheels import match_bundled
from rocmswitch.operations.firstuses import told
from rocmswitch.operations.matching import Basket, Supply, lock_of, match, match_locked, match_pinned, remember
from rocmswitch.operations.ownlinks import place, replacement
from rocmswitch.operations.scripts import write_scripts
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.activation import CARRIED_LIBRARIES, card_variables, plan_venv_activation
from rocmswitch.planning.convolutions import reason, takes_fallback
from rocmswitch.planning.install import InstallPlan
from rocmswitch.planning.pytorch import Choice, check_interpreter
from rocmswitch.planning.rebinding import check_kept
from rocmswitch.planning.wheelfiles import is_source, project_of, version_of
from rocmswitch.planning.wheels import Interpreter, VenvPlan, unencrypted, wanted_files
from rocmswitch.store.binding import bind
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.convolutionwheel import convolution_wheel, pack_convolutions
from rocmswitch.store.interpreters import fetch_interpreter
from rocmswitch.store.ownpython import Start, start_python
from rocmswitch.store.protection import Protection
from rocmswitch.store.receipts import TREES, read_receipt
from rocmswitch.store.source import pack_source
from rocmswitch.store.stackflag import clear_stack_flags
from rocmswitch.store.trees import Trees
from rocmswitch.store.unpack import BASE
from rocmswitch.store.virtualenv import Uv, Wheel
from rocmswitch.system.disk import Disk, disk_errors


@dataclass(frozen=True)
class Wanted:
    """The environment that was asked for."""

    name: str
    interpreter: Interpreter
    install: InstallPlan | None = None
    """Of the prefix, where it has to be made first."""
    replaces: str = ""
    """The tree that it takes the place of, which stays."""
    unlike: str = ""
    """As the receipt says it of the environment that is there, and stays."""
    profile: str = ""
    notes: tuple[str, ...] = ()
    convolutions: str = ""
    """What the user says of them, `fallback` or `vendor`; empty where the manifest decides."""


def wheels_of(manifest: Manifest) -> Wheels:
    """What goes into an environment of a stack without PyTorch. Raises Refused where nothing does."""
    stack = manifest.stack
    if stack.wheels is None:
        raise Refused(
            f"rocmswitch knows no wheels for `{stack.name}`",
            hint=f"run `rocmswitch install {stack.name}` for the ROCm tree alone",
        )
    return stack.wheels


def plan(manifest: Manifest, wanted: Wanted, supply: Supply, lock: WheelLock | None = None) -> VenvPlan:
    """Decide which wheels the environment of a stack without PyTorch gets. Reads the user's package index.

    With a *lock* it reads none. Raises VerificationFailed where that has other wheels than the manifest pins.
    """
    wheels, stack = wheels_of(manifest), manifest.stack
    files = wanted_files(wheels, stack.name, wanted.interpreter)
    if lock is None:
        basket = match_pinned(files, wheels.hashes, supply)
    else:
        basket = match_bundled(lock, wanted.interpreter, wheels.hashes, supply)
        if {one.filename for one in basket.wheels} != set(files):
            raise VerificationFailed(f"the lock has other wheels for `{stack.name}` than its manifest here pins")
    return replace(_assembled(stack, wanted, basket, supply), prefix=stack.name, question=basket.key)


def plan_pytorch(choice: Choice, wanted: Wanted, supply: Supply, lock: WheelLock | None = None) -> VenvPlan:
    """Decide which wheels an environment with PyTorch gets: those of *lock*, or those of the indexes of the day.

    Reads indexes and metadata; changes nothing but what uv remembers. Raises as `matching.match`.
    """
    check_interpreter(choice, wanted.interpreter)
    if lock and {one.version for one in lock.wheels if one.name == "torch"} != {choice.torch}:
        raise Refused(f"the lock is for torch {choice.torch}, and that is not among its wheels")
    if lock and lock.python != wanted.interpreter.tag:
        raise Refused(
            f"the lock is for {lock.python}, and `{wanted.interpreter.shown}` is {wanted.interpreter.tag}"
        )
    basket = _basket(choice, wanted.interpreter, supply, lock)
    own_rocm = not choice.cpu and not choice.needs_prefix
    plan = _assembled(choice.stack, wanted, basket, supply)
    return replace(
        plan,
        notes=(*plan.notes, *_left_out(choice, basket)),
        prefix=choice.stack.name if choice.needs_prefix else "",
        torch=choice.torch,
        index=lock.index if lock else choice.index,
        gpu=choice.gpu if choice.card_matters else "",
        pins=basket.pins,
        question=basket.key,
        cards=card_variables(choice.stack.gpus) if own_rocm else (),
        environment=_environment(choice, wanted.interpreter) if own_rocm else (),
        convolutions=_convolutions(choice, wanted.convolutions, basket),
    )


def _basket(choice: Choice, interpreter: Interpreter, supply: Supply, lock: WheelLock | None) -> Basket:
    if lock is None:
        return match(choice, interpreter, supply)
    if supply.bundled:
        return match_bundled(lock, interpreter, choice.entry.hashes, supply)
    return match_locked(lock, interpreter)


def _convolutions(choice: Choice, asked: str, basket: Basket) -> Convolutions:
    """What the environment's convolutions go by. Raises ManifestMistake for a wheel of that name from elsewhere."""
    if CONVOLUTIONS in {project_of(name)[0] for name, _ in basket.sizes}:
        raise ManifestMistake(f"`{CONVOLUTIONS}` is among the wheels, and only rocmswitch itself makes that one")
    if not takes_fallback(choice, asked):
        return Convolutions(asked)
    return Convolutions(asked, convolution_wheel(choice.gpu), choice.gpu, reason(choice.gpu))


def _left_out(choice: Choice, basket: Basket) -> tuple[str, ...]:
    """A note where companions of torch were not to be had: only ever for processors alone."""
    there = {project_of(name)[0] for name, _ in basket.sizes}
    missing = sorted(choice.wheels.keys() - there) if choice.cpu else []
    return (f"left out, because no build for processors could be reached: {', '.join(missing)}",) if missing else ()


def _environment(choice: Choice, interpreter: Interpreter) -> tuple[tuple[str, str], ...]:
    """What the ROCm among the wheels needs; its manifest's `{prefix}` is the folder that they are in."""
    if choice.entry.bundles_rocm:
        return ()
    folder = f"lib/python{version_of(interpreter.tag)}/site-packages"
    return tuple(choice.stack.rocm.environment_in(folder).items())


def _assembled(stack: Stack, wanted: Wanted, basket: Basket, supply: Supply) -> VenvPlan:
    return VenvPlan(
        name=wanted.name,
        stack=stack.name,
        stack_version=stack.rocm.version,
        interpreter=wanted.interpreter,
        wheels=basket.wheels,
        unhashed=basket.unhashed,
        cached=frozenset(one.filename for one in basket.wheels if supply.cache.find(one.digest, one.size)),
        install=wanted.install,
        replaces=wanted.replaces,
        unlike=wanted.unlike,
        profile=wanted.profile,
        unpacked=basket.unpacked,
        notes=(*wanted.notes, *unencrypted(basket.wheels, basket.unhashed)),
    )


@dataclass(frozen=True)
class Nursery:
    """What environments are made with."""

    downloads: Downloads
    trees: Trees
    disk: Disk
    uv: Uv
    supply: Supply
    ledger: Ledger
    wait: float = WAIT


def execute(plan: VenvPlan, prefixes: Workshop, nursery: Nursery, progress: Progress, stages: Stages) -> Receipt:
    """Make the prefix where it is missing, then the environment: each appears whole or not at all."""
    if plan.install is not None:
        build(plan.install, prefixes, progress, stages)
    with stages.timed("download"):
        plan, wheels = _fetch(plan, nursery, progress)
    remember(plan, nursery.supply)
    trees = nursery.trees
    with (
        # Nobody removes the prefix while an environment is bound to it.
        alone(prefixes.trees, plan.prefix or plan.stack, prefixes.wait, progress),
        alone(trees, plan.name, nursery.wait, progress),
        stages.timed("environment"),
    ):
        current = trees.current(plan.name)
        plan = _another(plan, trees, current)
        if current != plan.tree:
            # Another rocmswitch may have made one of this name since the plan.
            check_kept(plan, trees.receipt(plan.name) if current else None)
            if not trees.is_whole(plan.tree):
                _make(plan, wheels, prefixes, nursery)
            _name(plan, nursery, trees.receipt(plan.name) if current else None)
            trees.sweep()
        write_scripts(plan.name, prefixes.installed, nursery.disk)
        return trees.receipt(plan.name)


def _another(plan: VenvPlan, trees: Trees, current: str) -> VenvPlan:
    """*plan* for a tree that is not one which was removed or replaced: that holds what its owner made of it, and
    comes back by `undo` alone."""
    while plan.tree != current and trees.is_kept(plan.tree):
        plan = replace(plan, unlike=plan.tree)
    return plan


def _fetch(plan: VenvPlan, nursery: Nursery, progress: Progress) -> tuple[VenvPlan, tuple[Wheel, ...]]:
    """Everything in the cache: the plan with what only the bytes could tell, and the wheels."""
    supply, interpreter = nursery.supply, plan.interpreter
    if not interpreter.executable:
        plan = replace(plan, interpreter=fetch_interpreter(interpreter, nursery.uv))
    if plan.unhashed:
        wanted = (replace(one, url=supply.indexes.authorized(one.url)) for one in plan.unhashed)
        plan = plan.with_learned(nursery.downloads.learn(wanted, supply.first_use, progress))
    wanted_wheels = [_authorized(one, supply) for one in plan.wheels]
    fetched = nursery.downloads.fetch(wanted_wheels, progress)
    with told(wanted_wheels, supply):
        wheels = [_wheel(one, path, supply) for one, path in fetched]
    own = plan.convolutions
    if own.wheel is not None:
        wheels.append(pack_convolutions(own.wheel, own.target, supply.cache))
    return plan, tuple(wheels)


def _wheel(artifact: Artifact, path: Path, supply: Supply) -> Wheel:
    if is_source(artifact.filename):
        return pack_source(artifact, path, supply.cache)
    return Wheel(artifact.filename, path, artifact.digest)


def _authorized(wheel: Artifact, supply: Supply) -> Artifact:
    return replace(wheel, urls=tuple(supply.indexes.authorized(url) for url in wheel.urls))


def _make(plan: VenvPlan, wheels: tuple[Wheel, ...], prefixes: Workshop, nursery: Nursery) -> None:
    folder = nursery.trees.begin(plan.tree)
    nursery.uv.make_environment(folder, Path(plan.python), wheels, _protection(plan))
    with disk_errors(folder):
        entries = nursery.uv.list_environment(folder, wheels)
        if plan.prefix:
            entries = bind(folder, entries, _library_folders(plan.prefix, prefixes), nursery.disk)
        start = _start(plan.prefix, prefixes) if plan.prefix else None
        entries = start_python(folder, entries, start, nursery.disk) if start else entries
        entries = clear_stack_flags(folder, entries, nursery.disk)
    found = prefixes.installed.prefix(plan.prefix) if plan.prefix else None
    receipt = replace(
        _receipt(plan),
        loader=str(start.loader) if start else "",
        prefix_scope=found.layout.scope if found else "",
    )
    nursery.trees.complete(plan.tree, plan.name, receipt, entries)


def _name(plan: VenvPlan, nursery: Nursery, existing: Receipt | None) -> None:
    """Let the name mean the tree; where it means another one, as a recorded change, so that it can go back."""
    trees = nursery.trees
    if existing is None:
        trees.point(plan.name, plan.tree)
        return
    link = trees.link(plan.name)
    notes = (f"{_in_words(existing)} before, {_in_words(read_receipt(trees.path(plan.tree)))} now",)
    intent = Intent("rebind", place("venv", plan.name, link), notes=notes)
    nursery.ledger.carry_out(intent, [replacement(link, NewLink(f"{TREES}/{plan.tree}"))], wait=nursery.wait)


def _in_words(receipt: Receipt) -> str:
    return f"{receipt.stack}{f' with torch {receipt.torch}' if receipt.torch else ''}"


def _protection(plan: VenvPlan) -> Protection | None:
    if not plan.pins:
        return None
    exact = tuple(tuple(one.split("==", 1)) for one in plan.pins if "==" in one)
    rest = tuple(one for one in plan.pins if "==" not in one)
    return Protection(tuple((name, version) for name, version in exact), render_wheel_lock(lock_of(plan)), rest)


def _library_folders(prefix: str, prefixes: Workshop) -> tuple[Path, ...]:
    """Where the prefix's libraries are, by the name that outlives its tree.

    It is the one that is found now, by whose loader the environment's Python starts. Where that is the one for all
    users, one of the user's own stands in when it is gone.
    """
    found, own = prefixes.installed.prefix(prefix), prefixes.trees
    receipt = found.receipt if found else own.receipt(prefix)
    links = dict.fromkeys((found.link if found else own.link(prefix), own.link(prefix)))
    folders = dict(receipt.activation.paths).get("LIBRARY_PATH", ())
    return tuple(link / folder for link in links for folder in folders)


def _start(prefix: str, prefixes: Workshop) -> Start | None:
    """What the environment's Python starts by where the prefix carries its C library, by names as above."""
    found = prefixes.installed.prefix(prefix)
    receipt = found.receipt if found else prefixes.trees.receipt(prefix)
    link = found.link if found else prefixes.trees.link(prefix)
    if not receipt.loader:
        return None
    own = (one for one in receipt.libraries if not one.startswith(f"{BASE}/"))
    return Start(link / receipt.loader, tuple(link / one for one in (CARRIED_LIBRARIES, *own)))


def _receipt(plan: VenvPlan) -> Receipt:
    return Receipt(
        kind="venv",
        name=plan.name,
        stack=plan.stack,
        version=plan.stack_version,
        tree=plan.tree,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        packages=tuple(_installed(one) for one in plan.installed),
        activation=plan_venv_activation(
            plan.name, protected=bool(plan.pins), cards=plan.cards, environment=plan.environment
        ),
        python=plan.python,
        prefix=plan.prefix,
        torch=plan.torch,
        index=plan.index,
        unlike=plan.unlike or plan.replaces,
        pins=plan.pins,
        profile=plan.profile,
        convolutions=plan.convolutions.asked,
        notes=plan.notes,
    )


def _installed(wheel: Artifact) -> InstalledPackage:
    return InstalledPackage(
        wheel.name,
        wheel.version,
        wheel.filename,
        wheel.size,
        wheel.digest.value,
        wheel.verification,
        url=wheel.urls[0] if wheel.urls else "",
    )
