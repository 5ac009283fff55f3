"""Which stacks come into question for a card, in what order and why: by manifests, the machine and its probes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rocmswitch.errors import NotFound
from rocmswitch.model.convolutionwords import FALLBACK
from rocmswitch.model.gpucode import OVERRIDE
from rocmswitch.model.probe import Report
from rocmswitch.model.recommendation import MAY_RUN, RUNS, TOOLS, Machine, Recommendation
from rocmswitch.model.stack import Pytorch, Stack
from rocmswitch.planning.limits import fitting_build
from rocmswitch.planning.probed import Setting, probed
from rocmswitch.planning.purposes import ANY
from rocmswitch.planning.reasons import notes_of, reasons_of
from rocmswitch.planning.verdict import UNNAMED, Verdict, judge
from rocmswitch.planning.wheelfiles import version_of


def recommend(
    stacks: Iterable[Stack], machine: Machine, purpose: str = ANY, reports: Sequence[Report] = ()
) -> tuple[Recommendation, ...]:
    """Every one of *stacks*, the best for *purpose* first. *reports* are this machine's, the newest first.

    What a report says of a stack counts where it is about the card, and about the torch that the stack would give.
    """
    judged = [_judged(stack, machine, purpose, reports) for stack in stacks]
    return tuple(one for _, one in sorted(judged, key=lambda pair: pair[0].rank))


def first_of(recommendations: Sequence[Recommendation], target: str) -> Recommendation:
    """The one that `recommended` means. Raises NotFound where none runs on *target* here, or is known to."""
    best = next(iter(recommendations), None)
    if best is None or best.standing not in (RUNS, TOOLS):
        raise NotFound(f"no stack is known to run on {target} here", hint="run `rocmswitch recommend --all`")
    return best


def _judged(
    stack: Stack, machine: Machine, purpose: str, reports: Sequence[Report]
) -> tuple[Verdict, Recommendation]:
    entry, limits = fitting_build(stack, machine)
    known = stack.gpus.get(machine.target, UNNAMED)
    torch = entry.torch if entry else ""
    override = known.environment.get(OVERRIDE, "")
    setting = Setting(stack.name, machine.target, torch, known.convolutions, override)
    seen, replaced = probed(reports, setting), probed(reports, replace(setting, convolutions=FALLBACK))
    verdict = judge(stack, machine.target, purpose, seen, blocked=bool(limits))
    works = verdict.standing in (RUNS, TOOLS, MAY_RUN)
    return verdict, Recommendation(
        stack.name,
        stack.rocm.version,
        verdict.standing,
        verdict.sureness,
        torch,
        _pythons(entry, machine) if entry else (),
        command_of(stack, entry, machine) if works else (),
        reasons_of(verdict, machine.target, entry, seen, purpose),
        verdict.failures,
        known.evidence,
        limits,
        notes_of(verdict, machine, entry, replaced) if entry and works else (),
        seen.created,
    )


def command_of(stack: Stack, entry: Pytorch | None, machine: Machine) -> tuple[str, ...]:
    """What `use` or `install` is to be told: no more than it would not take by itself."""
    if entry is None:
        return ("install", stack.name)
    torch = () if entry is stack.pytorch[0] else ("--torch", entry.torch)
    python = ("--python", machine.wanted or version_of(machine.python)) if machine.python else ()
    card = ("--gpu", machine.target) if machine.named else ()
    return ("use", stack.name, "--venv", "NAME", *torch, *python, *card)


def _pythons(entry: Pytorch, machine: Machine) -> tuple[str, ...]:
    return tuple(version_of(tag) for tag in entry.python if tag in machine.pythons)
