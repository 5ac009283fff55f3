"""Which PyTorch of a stack an environment gets: what cannot go together is refused before anything is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from rocmswitch.errors import MachineLacks, NotFound, UsageMistake
from rocmswitch.model.recommendation import RUNS
from rocmswitch.model.stack import Pytorch, Stack
from rocmswitch.planning.purposes import way_round
from rocmswitch.planning.verdict import judge
from rocmswitch.planning.wheels import Interpreter, check_python

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where PyTorch without any GPU is, for every version."""

_NUMPY_2 = Version("2.3")
"""The first PyTorch that is built for numpy 2."""


@dataclass(frozen=True)
class Choice:
    """One PyTorch of a stack, for one card. `gpu` is empty where nothing depends on it."""

    stack: Stack
    entry: Pytorch
    gpu: str = ""
    cpu: bool = False
    """Its build for processors alone."""

    @property
    def torch(self) -> str:
        return f"{Version(self.entry.torch).public}+cpu" if self.cpu else self.entry.torch

    @property
    def index(self) -> str:
        """Where its wheels are."""
        return CPU_INDEX if self.cpu else self.entry.index

    @property
    def card_matters(self) -> bool:
        """Whether another card would get other wheels."""
        return not self.cpu and needs_card(self.entry)

    @property
    def needs_prefix(self) -> bool:
        """Whether the wheels load a ROCm that is not among them."""
        return not self.cpu and not self.entry.bundles_rocm and self.stack.rocm.has_prefix_alone

    @property
    def wheels(self) -> dict[str, str]:
        """By name, the exact version of torch and of each companion."""
        if self.cpu:
            return {"torch": self.torch, **_cpu_companions(self.entry.wheels)}
        more = self.entry.card_wheels.get(self.gpu, {})
        named = {name.replace("{gpu}", self.gpu): version for name, version in self.entry.wheels.items()}
        return {"torch": self.torch, **named, **more}

    @property
    def extras(self) -> tuple[str, ...]:
        """Of torch: `device-gfx1010`."""
        return () if self.cpu else tuple(one.replace("{gpu}", self.gpu) for one in self.entry.extras)

    @property
    def constraints(self) -> tuple[str, ...]:
        """What everything else in the environment has to meet."""
        own = self.entry.constraints
        old = Version(self.torch) < _NUMPY_2 and not any(one.startswith("numpy") for one in own)
        return (*own, "numpy<2") if old else own

    def pins(self, wheels: Mapping[str, str]) -> tuple[str, ...]:
        """Requirements that an installation into the environment of *wheels*, by name, may not break."""
        return (*(f"{name}=={version}" for name, version in wheels.items()), *self.constraints)


def needs_card(entry: Pytorch) -> bool:
    """Whether its wheels differ from card to card."""
    return bool(entry.card_wheels) or any("{gpu}" in one for one in (*entry.extras, *entry.wheels))


def choose_pytorch(stack: Stack, wanted: str, others: Iterable[Stack]) -> Pytorch:
    """The entry of *stack* that *wanted* (`2.6.0`, `2.5.1+rocm6.2`, or empty: the first) means.

    Raises NotFound, which names the *others* that have it; they are read only then. UsageMistake for no version.
    """
    if not wanted:
        return stack.pytorch[0]
    found = _fitting(stack, _version(wanted))
    if found is not None:
        return found
    having = [other.name for other in others if other.name != stack.name and _fitting(other, _version(wanted))]
    own = ", ".join(entry.torch for entry in stack.pytorch)
    message = f"`{stack.name}` has no PyTorch `{wanted}`, only {own}"
    if having:
        raise NotFound(
            f"{message}; {_several(having)} it",
            hint=f"run `rocmswitch use {having[-1]} --venv NAME --torch {wanted}`",
        )
    raise NotFound(message, hint=f"run `rocmswitch use {stack.name} --venv NAME --torch {stack.pytorch[0].torch}`")


def check_interpreter(choice: Choice, interpreter: Interpreter) -> None:
    """Raise NotFound where no wheel of *choice* exists for *interpreter*."""
    wanted = "" if choice.entry is choice.stack.pytorch[0] else choice.entry.torch
    check_python(choice.entry.python, choice.stack.name, interpreter, torch=wanted)


def check_glibc(choice: Choice, glibc: str) -> None:
    """Raise MachineLacks where the machine's C library is older than the wheels need."""
    least = choice.entry.glibc.min
    if least and glibc and Version(glibc) < Version(least):
        older = [
            one for one in choice.stack.pytorch if not one.glibc.min or Version(one.glibc.min) <= Version(glibc)
        ]
        message = f"torch {choice.torch} needs glibc {least}, and this machine has {glibc}"
        if not older:
            raise MachineLacks(message)
        raise MachineLacks(
            message, hint=f"run `rocmswitch use {choice.stack.name} --venv NAME --torch {older[0].torch}`"
        )


def warnings(choice: Choice, others: Iterable[Stack]) -> tuple[str, ...]:
    """What is known to fail on the card, with the evidence, and which stack does better.

    *others* are read only then.
    """
    known = choice.stack.gpus.get(choice.gpu)
    if choice.cpu or not choice.gpu:
        return ()
    if choice.gpu in choice.entry.without:
        newer = next((one.torch for one in choice.stack.pytorch if choice.gpu not in one.without), "")
        return (
            f"torch {choice.torch} has no code for {choice.gpu}"
            + (f"; {newer} has: `--torch {newer}`" if newer else ""),
        )
    if known is None:
        return (f"nothing is known of {choice.gpu} with {choice.stack.name}",) if choice.stack.gpus else ()
    if not known.known_bad:
        return ()
    said = f"{choice.gpu} with {choice.stack.name}: known to fail: {', '.join(known.known_bad)}"
    evidence = f" ({', '.join(known.evidence)})" if known.evidence else ""
    better = better_stack(choice.gpu, others, known.known_bad)
    advice = (f"{better} does better on {choice.gpu}: `rocmswitch use {better} --venv NAME`",)
    return (said + evidence, *advice) if better else (said + evidence,)


def better_stack(gpu: str, stacks: Iterable[Stack], failures: Sequence[str] = ()) -> str:
    """The stack whose PyTorch `recommend` puts first on *gpu*, if *failures* are worse; none are for any.

    That PyTorch itself fails is worse than anything else. Empty where there is none.
    """
    verdicts = [judge(stack, gpu) for stack in stacks if any(gpu not in one.without for one in stack.pytorch)]
    best = min((one for one in verdicts if one.standing == RUNS), key=lambda one: one.rank, default=None)
    if best is None or (failures and _weight(failures) <= _weight([one.word for one in best.failures])):
        return ""
    return best.stack.name


def _weight(failures: Sequence[str]) -> tuple[bool, int, int]:
    """To compare: the greater, the worse. What there is a way round is the least of it."""
    return "torch" in failures, sum(not way_round(one) for one in failures), len(failures)


def other_rocm(stack: Stack, entry: Pytorch) -> str:
    """The ROCm that the wheels of *entry* bundle, where it is not the stack's own: `5.4.2` for 5.4.0's.

    By what their version says, which may be the series alone: `6.3` for 6.3.3's.
    """
    found = re.search(r"\+rocm([0-9]+(?:\.[0-9]+)*)", entry.torch)
    if not found or not entry.bundles_rocm or Version(found[1]) == Version(stack.rocm.version):
        return ""
    return found[1]


def _cpu_companions(wheels: Mapping[str, str]) -> dict[str, str]:
    """Those that are built for a ROCm; what belongs to ROCm itself (triton for it, its libraries) is left out."""
    kept = ("torchvision", "torchaudio")
    return {
        name: f"{Version(version).public}+cpu"
        for name, version in wheels.items()
        if canonicalize_name(name) in kept
    }


def _fitting(stack: Stack, wanted: Version) -> Pytorch | None:
    """A version without a local part means every build of it."""
    for entry in stack.pytorch:
        found = Version(entry.torch)
        if wanted in (found, Version(found.public)) or (not wanted.local and wanted.public == found.public):
            return entry
    return None


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise UsageMistake(f"`{text[:40]}` is not a version of PyTorch like `2.6.0`") from error


def _several(names: Sequence[str]) -> str:
    shown = list(names[-4:])
    return f"{shown[0]} has" if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]} have"
