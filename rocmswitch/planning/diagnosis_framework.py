"""Rows about a PyTorch that lies in an environment: whether it fits its Python, this machine, and itself.

Everything comes from its files; nothing was run. Rows about its GPU code stand in `diagnosis_gpucode`, those
about the loader in `diagnosis_loading`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator

from packaging.tags import compatible_tags, cpython_tags, parse_tag
from packaging.version import Version

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.framework import FrameworkLibrary, FrameworkSymptoms
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.planning import diagnosis_gpucode, diagnosis_loading
from rocmswitch.planning.diagnosis_loading import TAG, dotted, made_anew, version_of
from rocmswitch.planning.libraries import library_of

_NUMPY_2 = Version("2.3")
"""The first PyTorch that is built for numpy 2."""
_MAJORS = {"libamdhip64": {"5": "5", "6": "6", "7": "7"}, "librocblas": {"5": "0", "6": "4", "7": "5"}}
"""Which version of a library a HIP of that major number goes with, by its soname."""
_SONAME = re.compile(r"(lib[A-Za-z0-9_-]+?)(?:-[0-9a-f]{8})?\.so\.([0-9]+)")
_SHOWN = 4


def not_for_rocm(symptoms: Symptoms) -> Iterator[Finding]:
    """Of an environment that others made: a torch that never looks for an AMD card. Ours may be meant so."""
    for one in symptoms.frameworks:
        if one.is_ours or one.framework.is_for_rocm or not one.framework.tells_itself:
            continue
        built = f"CUDA {one.framework.cuda}" if one.framework.cuda else "processors alone"
        worst = FAULT if one.framework.cuda else WARNING
        yield Finding(
            f"not-for-rocm:{one.name}",
            worst if symptoms.card.target else NOTE,
            f"torch {one.framework.version} in `{one.name}` is built for {built}",
            one.framework.folder,
            "its `version.py` names no HIP: it finds no AMD GPU, whatever is installed beside it",
            Remedy(
                f"run `rocmswitch use {one.better} --venv NAME`" if one.better else "run `rocmswitch recommend`"
            ),
        )


def wrong_python(symptoms: Symptoms) -> Iterator[Finding]:
    """A wheel is for one Python; an upgrade of the system puts another one into an environment."""
    for one in symptoms.frameworks:
        python, tags = one.python or one.packages_for, one.framework.tags
        if one.packages_for and python != one.packages_for:
            what = f"the packages of `{one.name}` are for Python {dotted(one.packages_for)}, and its Python is not"
            why = f"it is Python {dotted(python)}, which does not look into `{one.framework.folder}`"
        elif python and tags and not _fits(tags, python):
            what = f"torch in `{one.name}` is not for its Python"
            why = f"the wheel is {', '.join(tags[:_SHOWN])}, and Python {dotted(python)} cannot import it"
        else:
            continue
        yield Finding(f"wrong-python:{one.name}", FAULT, what, one.place, why, made_anew(one))


def numpy_2(symptoms: Symptoms) -> Iterator[Finding]:
    """torch before 2.3 is built for numpy 1: `Numpy is not available`."""
    for one in symptoms.frameworks:
        torch, numpy = version_of(one.framework.version), version_of(one.framework.numpy)
        if torch and numpy and torch < _NUMPY_2 and numpy.major >= 2:
            python = f"{one.place}/bin/python" if one.kind != "user" else "python3"
            yield Finding(
                f"numpy-2:{one.name}",
                WARNING,
                f"`{one.name}` has numpy {numpy}, and its torch is built for numpy 1",
                one.framework.folder,
                f"torch {torch} warns when it is imported, and every `.numpy()` fails: `Numpy is not available`",
                Remedy(f"run `{shlex.quote(python)} -m pip install 'numpy<2'`"),
            )


def mixed_rocm(symptoms: Symptoms) -> Iterator[Finding]:
    """Libraries of another ROCm than the wheel was built with: another interface."""
    for one in symptoms.frameworks:
        for library, why in (*_other_majors(one.framework.libraries, one.framework.hip), *_other_wheels(one)):
            yield Finding(
                f"mixed-rocm:{one.name}:{library}",
                FAULT,
                f"`{one.name}` has {library} of another ROCm than its torch was built with",
                one.framework.folder,
                why,
                made_anew(one),
            )


ROWS: tuple[Callable[[Symptoms], Iterable[Finding]], ...] = (
    not_for_rocm,
    wrong_python,
    diagnosis_loading.old_libraries,
    diagnosis_loading.executable_stack,
    mixed_rocm,
    diagnosis_gpucode.target_missing,
    diagnosis_gpucode.blas_kernels_missing,
    diagnosis_loading.runpath_shadowed,
    diagnosis_loading.search_path_rewritten,
    numpy_2,
    diagnosis_gpucode.target_partly,
    diagnosis_gpucode.library_code,
    diagnosis_gpucode.other_cards_code,
    diagnosis_gpucode.databases,
)


def _fits(tags: Iterable[str], python: str) -> bool:
    """Whether one of a wheel's *tags* is for *python* (`cp311`), whatever the machine."""
    match = TAG.fullmatch(python)
    if match is None:
        return True
    version = (int(match[1]), int(match[2]))
    abi = f"{python}m" if version < (3, 8) else python
    supported = {
        (one.interpreter, one.abi)
        for found in (
            cpython_tags(version, abis=[abi], platforms=["any"]),
            compatible_tags(version, interpreter=f"cp{match[1]}{match[2]}", platforms=["any"]),
        )
        for one in found
    }
    return any((one.interpreter, one.abi) in supported for tag in tags for one in parse_tag(tag))


def _other_majors(libraries: Iterable[FrameworkLibrary], hip: str) -> Iterator[tuple[str, str]]:
    """Of those it brings along by their sonames: `libamdhip64.so.7` does not go with HIP 6."""
    major = hip.partition(".")[0]
    for one in libraries:
        match = _SONAME.fullmatch(one.soname)
        wanted = _MAJORS.get(library_of(one.path), {}).get(major, "")
        if match and wanted and match[2] != wanted:
            yield (
                library_of(one.path),
                f"`{one.path}` is {one.soname}, and HIP {hip} goes with `{match[1]}.so.{wanted}`",
            )


def _other_wheels(one: FrameworkSymptoms) -> Iterator[tuple[str, str]]:
    wanted = version_of(one.framework.version.partition("+rocm")[2])
    for name, text in one.framework.rocm:
        has = version_of(text)
        if wanted and has and has.release[:2] != wanted.release[:2]:
            yield name, f"it is {has}, and torch {one.framework.version} was built with {wanted}"
