"""What an environment is to be, from the command line and this machine; and its plan."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rocmswitch.cli import bundled, machine, output
from rocmswitch.cli.cardword import named_card
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.use_options import Options
from rocmswitch.cli.use_place import Place
from rocmswitch.errors import MachineLacks, UsageMistake
from rocmswitch.host.facts import read_host
from rocmswitch.host.gpu import first_target
from rocmswitch.host.libraries import HostLibraries
from rocmswitch.host.reliance import missing_now
from rocmswitch.metadata.wheellock import SIZE_LIMIT, WheelLock, parse_wheel_lock
from rocmswitch.model.receipt import Receipt
from rocmswitch.model.stack import Pytorch, Stack
from rocmswitch.operations import use
from rocmswitch.operations.entering import SYSROOT
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.origin import kinds_of
from rocmswitch.planning.pytorch import Choice, check_glibc, choose_pytorch, needs_card, other_rocm, warnings
from rocmswitch.planning.rebinding import check_stack
from rocmswitch.planning.wheelfiles import version_of
from rocmswitch.planning.wheels import Interpreter, VenvPlan, check_required
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.installed import Installed
from rocmswitch.store.interpreters import find_interpreter
from rocmswitch.system.reading import open_regular


@dataclass(frozen=True)
class Chosen:
    """What goes in: a PyTorch, and the lock that names its wheels exactly, if there is one."""

    choice: Choice
    lock: WheelLock | None = None


def choose(scopes: Scopes, stack: Stack, options: Options) -> Chosen:
    """The PyTorch that is meant. Raises NotFound, UsageMistake, Refused and MachineLacks."""
    lock = given_lock(scopes, stack.name, options)
    torch = (lock.torch if lock else options.torch) or ""
    cpu = options.cpu or torch.endswith("+cpu")
    entry = choose_pytorch(stack, torch.removesuffix("+cpu"), _others(scopes))
    gpu = (lock.gpu if lock else "") or _card(options)
    if needs_card(entry) and not gpu and not cpu:
        raise MachineLacks(
            f"the wheels of `{stack.name}` differ from card to card, and this machine shows none",
            hint="run the same command with `--gpu gfx1030`, or what your card is",
        )
    check_profile(stack, options.profile)
    choice = Choice(stack, entry, gpu, cpu)
    check_glibc(choice, read_host().glibc)
    return Chosen(choice, lock)


def given_lock(scopes: Scopes, stack: str, options: Options) -> WheelLock | None:
    """The lock that the user gave, or that of the bundle, where one supplies everything; None for neither.

    Raises NotFound where the bundle has none that fits, UsageMistake and Refused for one that cannot be meant.
    """
    if options.locked:
        lock = _read_lock(options.locked)
        check_stack(lock, stack)
        return lock
    if scopes.supplies is None:
        return None
    venv = scopes.supplies.venv(stack, named_card(options.gpu), options.torch or "")
    return scopes.supplies.wheel_lock(venv)


def as_before(options: Options, stack: str, existing: Receipt | None) -> Options:
    """*options* for making *existing* anew for the same stack: what they do not say stays as it was.

    Its Python, its torch, its card, its profile and its convolutions; a Python that is gone is no reason to fail.
    A lock says all but the last.
    """
    if not options.rebind or existing is None or existing.stack != stack:
        return options
    options = replace(options, convolutions=options.convolutions or existing.convolutions or None)
    if options.locked:
        return options
    python = existing.python if Path(existing.python).exists() else None
    as_it_was = not (options.torch or options.cpu)
    return replace(
        options,
        python=options.python or python,
        torch=(existing.torch or None) if as_it_was else options.torch,
        gpu=options.gpu or next(iter(existing.cards), None),
        profile=options.profile or existing.profile or None,
    )


def interpreter(scopes: Scopes, pythons: tuple[str, ...], options: Options, lock: WheelLock | None) -> Interpreter:
    """The Python to use: what was asked for, or what the lock is for, or one that the wheels exist for."""
    uv = machine.uv(scopes.own, scopes.supplies)
    if lock is None:
        found = find_interpreter(options.python or "", pythons, uv)
    else:
        found = find_interpreter(options.python or version_of(lock.python), (lock.python,), uv)
    bundled.check_python(scopes, found.fetch, required(options))
    return found


def required(options: Options) -> str | None:
    """By what everything has to be checked at least."""
    return options.require or ("pinned" if options.locked else None)


def plan_pytorch(scopes: Scopes, chosen: Chosen, wanted: use.Wanted, options: Options, stages: Stages) -> VenvPlan:
    """The plan of an environment with PyTorch, whose prefix was planned already. Raises what planning raises."""
    with stages.timed("wheels"), output.waiting(f"looking for the wheels of {chosen.choice.stack.name}"):
        plan = use.plan_pytorch(chosen.choice, wanted, machine.supply(scopes), chosen.lock)
    check_required(plan, required(options))
    return plan


def notes(scopes: Scopes, choice: Choice, install: InstallPlan | None, place: Place) -> tuple[str, ...]:
    """What somebody should know before agreeing, the environment at *place* called by its name."""
    called = shlex.quote(str(place.link) if place.link else place.name)
    said = [one.replace("--venv NAME", f"--venv {called}") for one in warnings(choice, _others(scopes))]
    if install is None and not choice.cpu and choice.entry.bundles_rocm and kinds_of(choice.stack):
        other = other_rocm(choice.stack, choice.entry)
        said.append(
            f"these wheels bring their own ROCm{f' {other}' if other else ''}; "
            f"`rocmswitch install {choice.stack.name} --set compiler` adds hipcc and headers"
        )
    return tuple(said)


def lost(scopes: Scopes, manifest: Manifest) -> tuple[str, ...]:
    """What this machine no longer has of what the prefix needs, which is there: told before anybody agrees."""
    name, there = manifest.stack.name, Installed(scopes.searched).prefix(manifest.stack.name)
    if there is None:
        return ()
    missing = missing_now(there.receipt, manifest.stack.rocm, HostLibraries(), lambda: machine.lock(scopes, name))
    if not missing:
        return ()
    alone = ", ".join(one.package for one in missing if not one.can_be_carried)
    shared = "" if there.layout == scopes.own else " --system"
    way = f"`rocmswitch install {name}{shared}` carries it along"
    way = f"install {alone} by this machine's package manager" if alone else way
    names = ", ".join(one.package for one in missing)
    return (f"this machine no longer has what `{name}` needs: {names}; {way}",)


def pythons(manifest: Manifest, entry: Pytorch | None) -> tuple[str, ...]:
    """The tags that the wheels exist for."""
    return entry.python if entry else use.wheels_of(manifest).python


def _others(scopes: Scopes) -> Iterator[Stack]:
    """All stacks, read when somebody looks."""
    yield from (one.stack for one in machine.catalog(scopes).read_all()[0])


def _card(options: Options) -> str:
    return named_card(options.gpu) or first_target(Path(os.environ.get(SYSROOT) or "/"))


def check_profile(stack: Stack, profile: str | None) -> None:
    """Raise UsageMistake where no card of *stack* has the *profile*."""
    known = sorted({name for gpu in stack.gpus.values() for name in gpu.profiles})
    if profile and profile not in known:
        there = f"only {', '.join(known)}" if known else "and no other either"
        raise UsageMistake(f"`{stack.name}` has no profile `{profile[:40]}`, {there}")


def _read_lock(path: str) -> WheelLock:
    try:
        with open_regular(Path(path)) as file:
            return parse_wheel_lock(file.read(SIZE_LIMIT + 1), path)
    except OSError as error:
        raise UsageMistake(f"`{path}` cannot be read: {error.strerror}") from error
