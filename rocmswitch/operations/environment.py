"""An environment made from its plan: its wheels fetched, put together, bound to the prefix they load, named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Busy
from rocmswitch.fetch.download import Downloads, Progress
from rocmswitch.metadata.wheellock import render_wheel_lock
from rocmswitch.model.deployment import Intent, NewLink
from rocmswitch.model.package import Artifact
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.operations.building import WAIT, Workshop, alone
from rocmswitch.operations.firstuses import told
from rocmswitch.operations.matching import Supply, lock_of, remember
from rocmswitch.operations.ownlinks import place, replacement
from rocmswitch.operations.scripts import write_scripts
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.activation import CARRIED_LIBRARIES, plan_venv_activation
from rocmswitch.planning.rebinding import check_kept
from rocmswitch.planning.wheelfiles import is_source
from rocmswitch.planning.wheels import Interpreter, VenvPlan, check_accepted
from rocmswitch.store.binding import bind
from rocmswitch.store.convolutionwheel import pack_convolutions
from rocmswitch.store.interpreters import fetch_interpreter
from rocmswitch.store.ownpython import Start, start_python
from rocmswitch.store.protection import Protection
from rocmswitch.store.receipts import TREES, read_receipt
from rocmswitch.store.sourcewheel import pack_source
from rocmswitch.store.stackflag import clear_stack_flags
from rocmswitch.store.trees import Trees
from rocmswitch.store.unpack import BASE
from rocmswitch.store.virtualenv import Uv, Wheel
from rocmswitch.system.disk import Disk, disk_errors


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


def make_environment(
    plan: VenvPlan, prefixes: Workshop, nursery: Nursery, progress: Progress, stages: Stages
) -> Receipt:
    """Carry out *plan*, whose prefix is there: the environment appears whole or not at all.

    Raises Busy, Refused, VerificationFailed, NetworkFailed, NotFound and MachineLacks.
    """
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
        plan = replace(plan, interpreter=_fetched(interpreter, nursery, progress))
    if plan.unhashed:
        wanted = (replace(one, url=supply.indexes.authorized(one.url)) for one in plan.unhashed)
        plan = plan.with_learned(nursery.downloads.learn(wanted, supply.first_use, progress))
        check_accepted([plan], supply.first_use.accepted)
    wanted_wheels = [_authorized(one, supply) for one in plan.wheels]
    fetched = nursery.downloads.fetch(wanted_wheels, progress)
    with told(wanted_wheels, supply.first_use, bundled=supply.bundled):
        wheels = [_wheel(one, path, supply) for one, path in fetched]
    own = plan.convolutions
    if own.wheel is not None:
        wheels.append(pack_convolutions(own.wheel, own.target, supply.cache))
    return plan, tuple(wheels)


def _fetched(interpreter: Interpreter, nursery: Nursery, progress: Progress) -> Interpreter:
    """The Python, fetched now; while another rocmswitch fetches one, that is said."""
    try:
        return fetch_interpreter(interpreter, nursery.uv, 0)
    except Busy as error:
        if not nursery.wait:
            raise
        progress.said(f"{error.message}: waiting")
        return fetch_interpreter(interpreter, nursery.uv, nursery.wait)


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
