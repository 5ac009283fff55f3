"""What a machine lacks that a stack needs, and which of its PyTorch builds fits the machine."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from rocmswitch.model.recommendation import Limit, Machine
from rocmswitch.model.stack import Pytorch, Stack
from rocmswitch.planning.pytorch import Choice, needs_card
from rocmswitch.planning.wheelfiles import version_of

ARCHITECTURE = "amd64"
"""What PyTorch's wheels and AMD's packages are built for, and nothing else (the tags of their files)."""


def fitting_build(stack: Stack, machine: Machine) -> tuple[Pytorch | None, tuple[Limit, ...]]:
    """The newest build of *stack* that this machine can have; without one, what all of them lack here.

    A stack without PyTorch has no build, and limits of its packages alone.
    """
    limits: list[tuple[Limit, ...]] = []
    for entry in stack.pytorch:
        found = tuple(_of_build(stack, entry, machine))
        if not found:
            return entry, ()
        limits.append(found)
    if not limits:
        return None, tuple(_of_packages(stack, machine))
    return None, _common(limits)


def _common(limits: list[tuple[Limit, ...]]) -> tuple[Limit, ...]:
    """What stands in the way of every build, told of the one that needs least; else what does of the first."""
    everywhere = set.intersection(*({one.what for one in found} for found in limits))
    told = [one for one in limits[-1] if one.what in everywhere]
    return tuple(told) or limits[0]


def _of_build(stack: Stack, entry: Pytorch, machine: Machine) -> Iterator[Limit]:
    choice = Choice(stack, entry, machine.target)
    manifest = f"{stack.name}'s manifest"
    if machine.architecture not in ("", ARCHITECTURE):
        yield _architecture(machine)
    if not machine.pythons & set(entry.python):
        yield Limit("python", f"Python {versions(entry.python)}", _pythons(machine), manifest)
    least = entry.glibc.min
    if least and machine.glibc and Version(machine.glibc) < Version(least):
        where = f"{manifest}; {machine.glibc_file}" if machine.glibc_file else manifest
        yield Limit("glibc", f"glibc {least} or newer", f"this machine has {machine.glibc}", where)
    if machine.target in entry.without:
        yield Limit("card", "another card", f"torch {entry.torch} has no code for {machine.target}", manifest)
    elif machine.target and needs_card(entry) and stack.gpus and machine.target not in stack.gpus:
        has = f"none is known for {machine.target}"
        yield Limit("card", "wheels that are made for the card", has, manifest)
    if choice.needs_prefix:
        yield from _of_packages(stack, machine)


def _of_packages(stack: Stack, machine: Machine) -> Iterator[Limit]:
    for source in stack.rocm.sources:
        if source.kind == "apt" and not source.archive and machine.architecture not in ("", ARCHITECTURE):
            yield _architecture(machine)
            return
        suites = source.suite
        if isinstance(suites, dict) and not (suites.get(machine.codename) or suites.get("default")):
            has = f"this machine is {machine.codename or 'of no known release'}"
            manifest = f"{stack.name}'s manifest; /etc/os-release"
            yield Limit("suite", f"packages for {' or '.join(suites)}", has, manifest)
            return


def _architecture(machine: Machine) -> Limit:
    has = f"this machine is {machine.architecture}"
    return Limit("architecture", f"an {ARCHITECTURE} machine", has, "the files' names; uname")


def _pythons(machine: Machine) -> str:
    if machine.python:
        return f"{version_of(machine.python)} was asked for"
    there = sorted(machine.pythons, key=_by_version)
    return f"this machine has or can fetch {versions(tuple(there))}" if there else "this machine has none"


def _by_version(tag: str) -> tuple[int, str]:
    return int(tag.rstrip("t")[3:]), tag


def versions(tags: tuple[str, ...]) -> str:
    """`3.9 to 3.13`, or `3.10`, or with commas where there are gaps: of the usual builds."""
    usual = [tag for tag in tags if not tag.endswith("t")] or list(tags)
    minors = [int(tag.rstrip("t")[3:]) for tag in usual]
    if len(usual) > 2 and minors == list(range(minors[0], minors[0] + len(minors))):
        return f"{version_of(usual[0])} to {version_of(usual[-1])}"
    return ", ".join(version_of(tag) for tag in usual)
