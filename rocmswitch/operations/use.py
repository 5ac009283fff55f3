"""An environment that matches a stack: its Python, its wheels, and the prefix where they load one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rocmswitch.errors import ManifestMistake, Refused, VerificationFailed
from rocmswitch.fetch.download import Progress
from rocmswitch.metadata.wheellock import WheelLock
from rocmswitch.model.convolutions import Convolutions
from rocmswitch.model.convolutionwords import CONVOLUTIONS
from rocmswitch.model.receipt import Receipt
from rocmswitch.model.stack import Stack, Wheels
from rocmswitch.operations.building import Workshop, build
from rocmswitch.operations.bundledwheels import match_bundled
from rocmswitch.operations.environment import Nursery, make_environment
from rocmswitch.operations.matching import Basket, Supply, match, match_locked, match_pinned
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.activation import card_variables
from rocmswitch.planning.convolutions import reason, takes_fallback
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.pytorch import Choice, check_interpreter
from rocmswitch.planning.wheelfiles import project_of, version_of
from rocmswitch.planning.wheels import Interpreter, VenvPlan, unencrypted, wanted_files
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.convolutionwheel import convolution_wheel


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
    today: tuple[str, ...] = ()
    """As the plan has it."""
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
        today=wanted.today,
    )


def execute(plan: VenvPlan, prefixes: Workshop, nursery: Nursery, progress: Progress, stages: Stages) -> Receipt:
    """Make the prefix where it is missing, then the environment: each appears whole or not at all."""
    if plan.install is not None:
        build(plan.install, prefixes, progress, stages)
    return make_environment(plan, prefixes, nursery, progress, stages)
