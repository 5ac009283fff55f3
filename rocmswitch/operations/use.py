"""An environment that matches a stack: its Python, its wheels, and the prefix that they load."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from rocmswitch.errors import Refused
from rocmswitch.fetch.download import Downloads, Progress
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.wheels import locate_wheels
from rocmswitch.model.package import Artifact
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.model.stack import Wheels
from rocmswitch.operations.building import WAIT, Workshop, alone, build
from rocmswitch.operations.scripts import write_scripts
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.activation import plan_venv_activation
from rocmswitch.planning.install import InstallPlan
from rocmswitch.planning.wheels import Interpreter, VenvPlan, plan_artifacts, wanted_files
from rocmswitch.store.binding import bind
from rocmswitch.store.cache import Cache
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.trees import Trees
from rocmswitch.store.virtualenv import Uv, Wheel, list_environment
from rocmswitch.system.disk import Disk, disk_errors


@dataclass(frozen=True)
class Wanted:
    """The environment that was asked for."""

    name: str
    interpreter: Interpreter
    install: InstallPlan | None
    """Of the prefix, where it has to be made first."""
    index: str
    """The user's own package index."""


def wheels_of(manifest: Manifest) -> Wheels:
    """What goes into an environment of this stack. Raises Refused where this version cannot make one."""
    stack = manifest.stack
    if stack.wheels is None:
        raise Refused(
            f"rocmswitch cannot make environments with PyTorch for `{stack.name}` yet",
            hint=f"run `rocmswitch install {stack.name}` for the ROCm tree alone",
        )
    return stack.wheels


def check_name(name: str, stack: str, existing: Receipt | None) -> None:
    """Raise Refused where the environment *name* is bound to another stack."""
    if existing is not None and existing.stack != stack:
        raise _taken(name, f"belongs to `{existing.stack}`")


def check_kept(plan: VenvPlan, existing: Receipt | None) -> None:
    """Raise Refused where *plan* would take the place of another environment: its owner may have added to it."""
    check_name(plan.name, plan.stack, existing)
    if existing is not None and existing.tree != plan.tree:
        raise _taken(plan.name, "is there already, with another Python or other wheels")


def _taken(name: str, why: str) -> Refused:
    return Refused(
        f"the environment `{name}` {why}", hint=f"give another name, or run `rocmswitch remove {name}` first"
    )


def plan(manifest: Manifest, wanted: Wanted, http: Http, cache: Cache) -> VenvPlan:
    """Decide which wheels the environment gets. Reads the user's package index; changes nothing."""
    wheels, stack = wheels_of(manifest), manifest.stack
    files = wanted_files(wheels, stack.name, wanted.interpreter)
    artifacts = plan_artifacts(files, wheels.hashes, locate_wheels(http, wanted.index, files))
    return VenvPlan(
        name=wanted.name,
        stack=stack.name,
        stack_version=stack.rocm.version,
        prefix=stack.name,
        python=wanted.interpreter.executable,
        python_tag=wanted.interpreter.tag,
        wheels=artifacts,
        cached=frozenset(one.filename for one in artifacts if cache.find(one.digest, one.size)),
        install=wanted.install,
    )


@dataclass(frozen=True)
class Nursery:
    """What environments are made with."""

    downloads: Downloads
    trees: Trees
    disk: Disk
    uv: Uv
    wait: float = WAIT


def execute(plan: VenvPlan, prefixes: Workshop, nursery: Nursery, progress: Progress, stages: Stages) -> Receipt:
    """Make the prefix where it is missing, then the environment: each appears whole or not at all."""
    if plan.install is not None:
        build(plan.install, prefixes, progress, stages)
    trees = nursery.trees
    with (
        # Nobody removes the prefix while an environment is bound to it.
        alone(prefixes.trees, plan.prefix, prefixes.wait, progress),
        alone(trees, plan.name, nursery.wait, progress),
        stages.timed("environment"),
    ):
        current = trees.current(plan.name)
        if current != plan.tree:
            # Another rocmswitch may have made one of this name since the plan.
            check_kept(plan, trees.receipt(plan.name) if current else None)
            if not trees.is_whole(plan.tree):
                _make(plan, prefixes.trees, nursery, progress)
            trees.point(plan.name, plan.tree)
            trees.sweep()
        write_scripts(plan.name, prefixes.installed, nursery.disk)
        return trees.receipt(plan.name)


def _make(plan: VenvPlan, prefixes: Trees, nursery: Nursery, progress: Progress) -> None:
    folder = nursery.trees.begin(plan.tree)
    fetched = nursery.downloads.fetch(plan.wheels, progress)
    wheels = [Wheel(one.filename, path, one.digest) for one, path in fetched]
    nursery.uv.make_environment(folder, Path(plan.python), wheels)
    with disk_errors(folder):
        entries = list_environment(folder, wheels)
        changed = bind(folder, entries, _library_folders(plan.prefix, prefixes), nursery.disk)
    nursery.trees.publish(plan.tree, plan.name, _receipt(plan), changed)


def _library_folders(prefix: str, prefixes: Trees) -> tuple[Path, ...]:
    """Where the prefix's libraries are, by the name that outlives its tree."""
    paths = dict(prefixes.receipt(prefix).activation.paths)
    return tuple(prefixes.link(prefix) / folder for folder in paths.get("LIBRARY_PATH", ()))


def _receipt(plan: VenvPlan) -> Receipt:
    return Receipt(
        kind="venv",
        name=plan.name,
        stack=plan.stack,
        version=plan.stack_version,
        tree=plan.tree,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        packages=tuple(_installed(one) for one in plan.wheels),
        activation=plan_venv_activation(plan.name),
        python=plan.python,
        prefix=plan.prefix,
    )


def _installed(wheel: Artifact) -> InstalledPackage:
    return InstalledPackage(
        wheel.name,
        wheel.version,
        wheel.filename,
        wheel.size,
        wheel.digest.value,
        wheel.verification,
        url=wheel.urls[0],
    )
