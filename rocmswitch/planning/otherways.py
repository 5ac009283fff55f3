"""What else is open to somebody with a card: processors, another card, a rented one, PyTorch built by oneself.

How long each takes is what the owner of an RX 5600 XT wrote down who had tried them. Prices age: none stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from packaging.version import Version

from rocmswitch.model.recommendation import OFFICIAL, RUNS, Machine, Recommendation, Way
from rocmswitch.model.stack import Stack
from rocmswitch.planning.limits import fitting_build
from rocmswitch.planning.recommend import command_of
from rocmswitch.planning.verdict import known_sureness


def other_ways(
    stacks: Iterable[Stack], machine: Machine, recommendations: Sequence[Recommendation]
) -> tuple[Way, ...]:
    """The ways, those that take least first."""
    return tuple(_ways(tuple(stacks), machine, recommendations))


def _ways(stacks: tuple[Stack, ...], machine: Machine, recommendations: Sequence[Recommendation]) -> Iterator[Way]:
    command = _on_the_processor(stacks, machine)
    if command:
        yield Way("cpu", "on the processor: minutes to set up, everything works, 5 to 10 times slower", command)
    yield Way("cloud", "on a rented card: under a day to set up, then paid by the hour")
    stack, targets = _official_cards(stacks)
    others = tuple(one for one in targets if one != machine.target)
    if others:
        named = f"{', '.join(others)} ({stack})"
        yield Way("card", f"another card: nothing to work around with those that are official today: {named}")
    best = next(iter(recommendations), None)
    if best is None or best.sureness != OFFICIAL or best.standing != RUNS:
        what = f"PyTorch built for {machine.target} by yourself"
        yield Way("build", f"{what}: 2 to 4 hours of compiling and 20 GB, again for each version")


def _official_cards(stacks: Iterable[Stack]) -> tuple[str, tuple[str, ...]]:
    """The newest stack with PyTorch that AMD supports cards with, as read in a source, and those cards."""
    found = [(stack, tuple(_official(stack))) for stack in stacks if stack.pytorch]
    best = max(
        (pair for pair in found if pair[1]),
        key=lambda pair: (Version(pair[0].rocm.version), pair[0].name),
        default=None,
    )
    return (best[0].name, best[1]) if best else ("", ())


def _official(stack: Stack) -> Iterator[str]:
    return (target for target in stack.gpus if known_sureness(stack, target) == OFFICIAL)


def _on_the_processor(stacks: tuple[Stack, ...], machine: Machine) -> tuple[str, ...]:
    """The command for the newest PyTorch that this machine can have: which card it has does not matter then."""
    bare = replace(machine, target="", named=False)
    builds = ((stack, fitting_build(stack, bare)[0]) for stack in stacks)
    fitting = [(stack, entry) for stack, entry in builds if entry and not Version(entry.torch).is_devrelease]
    if not fitting:
        return ()
    stack, entry = max(fitting, key=lambda pair: (Version(Version(pair[1].torch).public), pair[0].name))
    return (*command_of(stack, entry, bare), "--cpu")
