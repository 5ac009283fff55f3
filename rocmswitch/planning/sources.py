"""From which of several sources a file is brought back, why from that one, and why not from those before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rocmswitch.model.kernel import CLOSED, DAMAGED, EMPTY, UNREADABLE, Contents, Kernel, Owner, Stated, System
from rocmswitch.model.recovery import ORIGINAL, PACKAGE, SHADOW, SNAPSHOT, Candidate, Restore
from rocmswitch.planning.vouching import agrees, contradiction, required, suffix_of

TRUST = (SNAPSHOT, SHADOW, ORIGINAL, PACKAGE)
_MODULES = "/lib/modules/"
_SAID = {EMPTY: "it has no byte", DAMAGED: "it is cut off or no module", UNREADABLE: CLOSED}


@dataclass(frozen=True)
class Target:
    """The file that is to stand at *path*. `owner` says what it has to be; None where no package has one there."""

    path: str
    kernel: str = ""
    """Empty for what belongs to no kernel: firmware, a source of DKMS."""
    name: str = ""
    owner: Owner | None = None


def target_of(stated: Stated, kernel: Kernel) -> Target:
    return Target(stated.path, kernel.release, stated.name, stated.owner)


def choose(target: Target, candidates: Iterable[Candidate]) -> Restore | tuple[str, ...]:
    """The first candidate that serves, in the order of trust; else why each of them does not."""
    passed: list[str] = []
    for candidate in sorted(_meant(target, candidates), key=lambda one: TRUST.index(one.kind)):
        against = _against(target, candidate)
        if against:
            passed.append(f"{candidate.where}: {against}")
        else:
            reason = _reason(target, candidate)
            return Restore(target.kernel, target.name, target.path, candidate, reason, tuple(passed))
    return tuple(passed)


def misplaced(system: System, kernel: Kernel) -> tuple[Candidate, ...]:
    """Modules of the package that stand elsewhere: an old DKMS gave originals back into updates/dkms (dkms#64)."""
    return tuple(
        Candidate(
            ORIGINAL,
            kernel.release,
            file.name,
            "",
            f"/{file.path}",
            f"{system.root.rstrip('/')}/{file.path}",
            file.contents,
        )
        for file in kernel.modules
        if file.owner is None
        and any(one.name == file.name and agrees(one.owner, file.contents) for one in required(kernel))
    )


def _meant(target: Target, candidates: Iterable[Candidate]) -> Sequence[Candidate]:
    """Those for this very path, then those that may come from anywhere, each as they were given, newest first."""
    mine = [
        one for one in candidates if (one.kernel, one.name) == (target.kernel, target.name) and one.kind in TRUST
    ]
    here = [one for one in mine if one.path == target.path]
    return here + [one for one in mine if not one.path and one.name]


def _against(target: Target, candidate: Candidate) -> str:
    """Why *candidate* may not stand at *target*; empty where it may."""
    if candidate.refused:
        return candidate.refused
    if candidate.contents is None:
        return "" if candidate.kind == PACKAGE else "nobody has read it"
    if target.kernel:
        return _against_module(target, candidate, candidate.contents)
    return _against_hash(target, candidate.contents)


def _against_module(target: Target, candidate: Candidate, contents: Contents) -> str:
    if contents.fault:
        return _SAID.get(contents.fault, contents.fault)
    if contents.vermagic and contents.kernel != target.kernel:
        return f"its vermagic is of kernel {contents.kernel}"
    if against := _against_hash(target, contents):
        return against
    if agrees(target.owner, contents):
        return ""
    if not contents.vermagic:
        return "it does not say which kernel it is for, and no package states its hash"
    if candidate.kind == ORIGINAL and _MODULES in candidate.file:
        return "it lies among the modules, and no package states what it has to be"
    suffix = suffix_of(candidate.path or candidate.file)
    if candidate.kind == ORIGINAL and suffix != suffix_of(target.path):
        return f"it is a `{suffix or 'file'}`, and no package says what a `{suffix_of(target.path)}` has to be"
    return ""


def _against_hash(target: Target, contents: Contents) -> str:
    if target.owner is None or agrees(target.owner, contents) is not False:
        return ""
    return f"it has {contradiction(target.owner, contents)}"


def _reason(target: Target, candidate: Candidate) -> str:
    where = candidate.where
    if candidate.contents is None:
        checked = ", and counts only with the hash that this states" if target.owner and target.owner.stated else ""
        return f"the file came from that package{checked}"
    if target.owner and agrees(target.owner, candidate.contents):
        return f"{where} has the {target.owner.algorithm} that the package {target.owner.package} states"
    if target.kernel:
        return f"{where} is whole and for kernel {target.kernel}; no package states its hash"
    return f"{where} is whole; no package states its hash"
