"""Rows about the GPU code that a framework brings along: whether it runs on the card. Read from its files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from packaging.version import Version

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.framework import Framework, FrameworkSymptoms
from rocmswitch.model.gpucode import OVERRIDE, plain, serves, target_of_override
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.planning.diagnosis_path import unset
from rocmswitch.planning.libraries import library_of

FEW = 10
"""What share of the source files has code for a target, one in so many, below which that target is an exception."""
_KERNELS_SINCE = Version("6.2")
"""The first ROCm whose rocBLAS finds its kernels for cards without tuned ones (Tensile#1897)."""
_SERVES = {
    "libhipblaslt": "int8 products; torch takes rocBLAS for others",
    "librccl": "several GPUs at once",
    "librocrand": "its random numbers",
    "librocfft": "Fourier transforms",
    "librocsolver": "linear algebra",
    "librocsparse": "sparse matrices",
    "libMIOpen": "convolutions",
}
_SPARABLE = {"libhipblaslt", "librccl"}
"""Without which most of what is done on one card works."""
_ENDS = "`invalid device function`"
_SHOWN = 12


def target_missing(symptoms: Symptoms) -> Iterator[Finding]:
    """The framework has no code for the card, nor for what an override makes of it."""
    card = symptoms.card.target
    for one in _with_known_code(symptoms):
        runs_as = one.runs_as(card)
        if serves(one.framework.targets, runs_as):
            continue
        what = f"torch in `{one.name}` has no code for {card}"
        if runs_as != card:
            what += f", nor for {runs_as}, as which `{OVERRIDE}={one.override}` has it run"
        yield Finding(
            f"target-missing:{one.name}",
            FAULT,
            what,
            _place_of_code(one),
            f"{_told(one)}: what it computes on the card ends in {_ENDS} or `hipErrorNoBinaryForGpu`",
            _another_torch(one, card),
        )


def other_cards_code(symptoms: Symptoms) -> Iterator[Finding]:
    """An override lets it run code of another card: needed where it has none for this one, and harmful else."""
    card = symptoms.card.target
    for one in _with_known_code(symptoms):
        runs_as, own = one.runs_as(card), serves(one.framework.targets, card)
        if runs_as == card or not serves(one.framework.targets, runs_as):
            continue
        said = f"`{OVERRIDE}={one.override}`"
        if not own:
            what = f"torch in `{one.name}` runs the code of {runs_as} on {card}"
            why = f"it has none for {card}, and {said} has it take the card for {runs_as}: that is no promise"
            yield Finding(f"override-code:{one.name}", NOTE, what, OVERRIDE, why, _probe(one))
        elif not one.is_ours:
            what = f"{said} keeps torch in `{one.name}` from its own code for {card}"
            why = f"{_told(one)}; with the override it runs that of {runs_as}, and computes wrong numbers or hangs"
            yield Finding(
                f"override-code:{one.name}",
                WARNING,
                what,
                OVERRIDE,
                why,
                Remedy(f"run `{unset(OVERRIDE, symptoms.shell)}`"),
            )


def target_partly(symptoms: Symptoms) -> Iterator[Finding]:
    """Only an exception of its source files was compiled for the card."""
    for one in _with_known_code(symptoms):
        runs_as = one.runs_as(symptoms.card.target)
        core = one.framework.core
        counts = dict(core.code.counts) if core else {}
        own = counts.get(serves(counts, runs_as), 0)
        if core and 0 < own * FEW < max(counts.values()):
            yield Finding(
                f"target-partly:{one.name}",
                WARNING,
                f"most of torch in `{one.name}` has no code for {runs_as}",
                core.path,
                f"{own} of {core.code.bundles} source files were compiled for it: the others end in {_ENDS}",
                _another_torch(one, symptoms.card.target),
            )


def blas_kernels_missing(symptoms: Symptoms) -> Iterator[Finding]:
    """rocBLAS looks for a card's kernels in files beside it, which wheels lack (pytorch/pytorch#132570)."""
    card = symptoms.card.target
    for one in symptoms.frameworks if card else ():
        found, runs_as = one.framework, one.runs_as(card)
        lacks_all = found.targets_are_known and not serves(found.targets, runs_as)
        # A folder of which no card's kernels are known is laid out in a way that is not: it proves nothing.
        if not found.blas or runs_as in found.blas or lacks_all:
            continue
        yield Finding(
            f"blas-kernels-missing:{one.name}",
            FAULT,
            f"the rocBLAS of `{one.name}` has no kernels for {runs_as}",
            found.blas_folder,
            f"it has those for {_listed(found.blas)}: matrix products end in `Cannot read TensileLibrary` or "
            "`Could not initialize Tensile`",
            _kernels(one, runs_as, card),
        )


def library_code(symptoms: Symptoms) -> Iterator[Finding]:
    """PyTorch itself has code for the card, and a library that it calls has none."""
    card = symptoms.card.target
    for one in _with_known_code(symptoms):
        runs_as = one.runs_as(card)
        lacking = _without_code(one.framework, runs_as)
        if lacking and serves(one.framework.targets, runs_as):
            told = ", ".join(f"{name} ({_SERVES[name]})" if name in _SERVES else name for name in lacking)
            yield Finding(
                f"library-code:{one.name}",
                NOTE if _SPARABLE.issuperset(lacking) else WARNING,
                f"{' and '.join(lacking)} of `{one.name}` {'has' if len(lacking) == 1 else 'have'} no code "
                f"for {runs_as}",
                one.place,
                f"{told}: what needs them ends in {_ENDS}; the rest of torch works",
                _another_torch(one, card),
            )


def databases(symptoms: Symptoms) -> Iterator[Finding]:
    """MIOpen then searches among all its solutions, or takes a bad one."""
    card = symptoms.card.target
    for one in symptoms.frameworks if card else ():
        found, runs_as = one.framework, one.runs_as(card)
        if found.databases and runs_as not in found.databases:
            yield Finding(
                f"miopen-database:{one.name}",
                NOTE,
                f"the MIOpen of `{one.name}` has no tuning database for {runs_as}",
                found.databases_folder,
                f"it has those for {_listed(found.databases)}: it searches at the first convolution of each shape, "
                "which takes long, and may end with a slow one",
                _probe(one),
            )


def _with_known_code(symptoms: Symptoms) -> Iterator[FrameworkSymptoms]:
    for one in symptoms.frameworks:
        if symptoms.card.target and one.framework.targets_are_known:
            yield one


def _without_code(framework: Framework, target: str) -> list[str]:
    """The ROCm libraries of it that have GPU code, and none for *target*."""
    known = [one for one in framework.libraries if one.code.is_known and library_of(one.path)]
    found = {library_of(one.path) for one in known if not serves(one.code.targets, target)}
    if framework.blaslt and target not in framework.blaslt:
        found.add("libhipblaslt")
    return sorted(found)


def _place_of_code(one: FrameworkSymptoms) -> str:
    return one.framework.core.path if one.framework.core else one.framework.folder


def _told(one: FrameworkSymptoms) -> str:
    targets = one.framework.targets
    whose = "the archives of kernels beside it have" if one.framework.packs else "`libtorch_hip.so` has"
    return f"{whose} code for {_listed(plain(targets))}" if targets else "there is none for any card"


def _listed(targets: Sequence[str]) -> str:
    more = f" and {len(targets) - _SHOWN} more" if len(targets) > _SHOWN else ""
    return ", ".join(targets[:_SHOWN]) + more


def _another_torch(one: FrameworkSymptoms, card: str) -> Remedy:
    """The stack that has code for *card*, else where to look for one."""
    if (
        not one.is_ours
        and one.known_override
        and serves(one.framework.targets, target_of_override(one.known_override))
    ):
        text = f"run `export {OVERRIDE}={one.known_override}`, which `{one.stack}` needs on {card}"
        return Remedy(f"{text}; or `rocmswitch use {one.stack} --venv NAME`, which sets it by itself")
    if not one.better:
        command = ("recommend", "--gpu", card)
        return Remedy(f"run `rocmswitch {' '.join(command)}`", command)
    if not one.is_ours:
        return Remedy(f"run `rocmswitch use {one.better} --venv NAME`: it is known to work on {card}")
    words = ("use", one.better, "--venv", one.name, "--gpu", card, "--rebind")
    return Remedy(f"run `rocmswitch {shlex.join(words)}`: it is known to work on {card}", words)


def _probe(one: FrameworkSymptoms) -> Remedy:
    command = ("probe", one.name)
    return Remedy(f"run `rocmswitch {shlex.join(command)}`, which tells what works and how long it takes", command)


def _kernels(one: FrameworkSymptoms, target: str, card: str) -> Remedy:
    """Of the same rocBLAS, from a stack that has them, or may have once it is installed."""
    version, source = one.framework.version.partition("+rocm")[2], one.kernels_of
    if source:
        command = _deploy(one, target, source)
        return Remedy(f"run `rocmswitch {shlex.join(command)}`", command)
    exact = re.fullmatch(r"[0-9.]+[0-9]", version) and one.stack == f"rocm-{version}"
    if not exact or Version(version) < _KERNELS_SINCE:
        return _another_torch(one, card)
    install = f"rocmswitch install {one.stack} --set libraries"
    return Remedy(f"run `{install}`, then `rocmswitch {shlex.join(_deploy(one, target, one.stack))}`")


def _deploy(one: FrameworkSymptoms, target: str, source: str) -> tuple[str, ...]:
    return ("deploy", "--gpu-kernels", target, "--from", source, "--into", one.name)
