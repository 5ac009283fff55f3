"""What recommending needs: the shipped stacks, a machine, and reports of a probe.

found = recommend(SHIPPED, machine("gfx1010"), "", (report("rocm-5.2.3", torch, bad=("conv2d",)),))
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from rocmswitch.model.convolutionwords import VENDOR
from rocmswitch.model.probe import HANG, OK, Operation, Outcome, Report, Surroundings
from rocmswitch.model.recommendation import Machine, Recommendation
from rocmswitch.model.stack import Gpu, Pytorch, Rocm, Stack
from rocmswitch.planning.probing import operations
from rocmswitch.store.catalog import Catalog, shipped_manifests

SHIPPED = tuple(one.stack for one in Catalog(shipped_manifests()).read_all()[0])
CARDS = tuple(sorted({target for stack in SHIPPED for target in stack.gpus}))
PYTHONS = tuple(f"cp3{minor}" for minor in range(7, 15))
DAY = "2026-11-20"


def machine(target: str, **changes: Any) -> Machine:
    """A usual one, of Debian 12, that can fetch every Python."""
    usual = Machine(
        target,
        named=True,
        architecture="amd64",
        codename="bookworm",
        glibc="2.36",
        glibc_file="/lib/x86_64-linux-gnu/libc.so.6",
        present=frozenset({"cp311"}),
        fetchable=frozenset(PYTHONS),
    )
    return replace(usual, **changes)


def build(torch: str, python: tuple[str, ...] = PYTHONS, **more: Any) -> Pytorch:
    return Pytorch(torch=torch, index="https://example.org/whl", python=python, **more)


def stack(name: str, *builds: Pytorch, unverified: tuple[str, ...] = (), **gpus: Gpu) -> Stack:
    """Its version is in its name; without a build it is one of packages alone."""
    version = name.rpartition("-")[2]
    rocm = Rocm(version=version, root="opt")
    return Stack(
        schema=1, name=name, summary="A stack", rocm=rocm, pytorch=builds, gpus=gpus, unverified=unverified
    )


def report(
    name: str,
    torch: str,
    *,
    target: str = "gfx1010",
    tried: Iterable[str] = (),
    bad: Iterable[str] = (),
    created: str = f"{DAY}T10:00:00+00:00",
    **around: Any,
) -> Report:
    """A probe on the card, with what the shipped stack of that name sets and puts in for it.

    *tried* and *bad* are groups or names of its operations: every one, if none is given.
    """
    tried, bad = tuple(tried), tuple(bad)
    chosen = [one for one in operations() if not tried or one.group in tried or one.name in tried]
    surroundings = Surroundings(
        target=target,
        card="",
        device="cuda",
        device_name="AMD Radeon",
        torch=torch,
        hip="6.2",
        cuda="",
        python="3.11",
        stack=name,
        venv="demo",
        kernel="6.1",
        glibc="2.36",
        driver="",
        convolutions=_convolutions(name, target),
        environment=_variables(name, target),
    )
    outcomes = tuple(_outcome(one, failing=one.group in bad or one.name in bad) for one in chosen)
    return Report(created, "0.1.0", 60.0, replace(surroundings, **around), outcomes)


def _variables(name: str, target: str) -> tuple[tuple[str, str], ...]:
    cards = next((one.gpus for one in SHIPPED if one.name == name), {})
    return tuple(cards[target].environment.items()) if target in cards else ()


def _convolutions(name: str, target: str) -> str:
    cards = next((one.gpus for one in SHIPPED if one.name == name), {})
    return cards[target].convolutions if target in cards else VENDOR


def _outcome(operation: Operation, *, failing: bool) -> Outcome:
    return Outcome(operation, HANG, detail="60 s") if failing else Outcome(operation, OK, seconds=0.001)


def named(found: Iterable[Recommendation], *standings: str) -> list[str]:
    """The names of those that stand so, in order."""
    return [one.stack for one in found if one.standing in standings]


def of(found: Iterable[Recommendation], name: str) -> Recommendation:
    return next(one for one in found if one.stack == name)
