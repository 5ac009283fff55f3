"""Who vouches for each copy of a module: its package, DKMS, or nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from rocmswitch.model.kernel import (
    AMDGPU,
    DAMAGED,
    EMPTY,
    FOREIGN,
    SUFFIXES,
    UNREADABLE,
    Contents,
    DkmsModule,
    Kernel,
    ModuleFile,
    Owner,
    Stated,
    System,
)

CHANGED, ALIEN, TWIN, SHADOW, COMPANION = "changed", "alien", "twin", "shadow", "companion"
"""Beside EMPTY, DAMAGED and FOREIGN: other than its package says; of nobody, where a package has its own; the same
module once more in one folder, under another suffix; in front of the package's; beside one of these."""

_DIGITS = 12
_WHERE = "kernel/drivers/gpu/drm/amd/amdgpu/amdgpu"


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one file. Without a row nothing is wrong with it."""

    file: ModuleFile
    row: str = ""
    evidence: str = ""
    keeper: str = ""
    """Who vouches for one that is right and not the package's in-tree module: `amdgpu/1.0` of DKMS, a package."""

    @property
    def is_right(self) -> bool:
        return not self.row

    @property
    def folder(self) -> str:
        return folder_of(self.file.path)


def judge(system: System, kernel: Kernel) -> tuple[Verdict, ...]:
    """A verdict on every copy in *kernel*'s folder, in the order in which depmod prefers them."""
    single = [_in_tree(kernel, one) if one.is_in_tree else _shadow(system, kernel, one) for one in kernel.modules]
    return _together(_apart(single))


def required(kernel: Kernel) -> tuple[Stated, ...]:
    """The in-tree files that a package says are there; where only its name is known, amdgpu at its usual place."""
    if kernel.stated or not kernel.package:
        return kernel.stated
    mine = tuple(Stated(one.name, one.path, one.owner) for one in kernel.modules if one.is_in_tree and one.owner)
    if any(one.name == AMDGPU for one in mine):
        return mine
    return (Stated(AMDGPU, _usual_path(kernel), Owner(kernel.package, kernel.package_version)), *mine)


def _usual_path(kernel: Kernel) -> str:
    """Where amdgpu belongs, under the suffix that is seen there, or that the index still has for it."""
    seen = [one.path for one in kernel.modules if one.name == AMDGPU and one.is_in_tree]
    seen += [path for name, path in kernel.listed if name == AMDGPU and f"/{_WHERE}." in path]
    return f"{kernel.folder}/{_WHERE}{suffix_of(seen[0]) if seen else SUFFIXES[0]}"


def agrees(owner: Owner | None, contents: Contents) -> bool | None:
    """Whether *contents* have the hash that the package states; None where it states none that is known here."""
    if owner is None or not owner.stated or owner.algorithm not in ("md5", "sha256"):
        return None
    found = contents.md5 if owner.algorithm == "md5" else contents.sha256
    return found == owner.stated if found else None


def contradiction(owner: Owner, contents: Contents) -> str:
    """Both hashes, short enough to be compared by eye."""
    found = contents.md5 if owner.algorithm == "md5" else contents.sha256
    if not owner.stated or not found:
        return f"the package {owner.package} says that it was changed"
    short = owner.stated[:_DIGITS]
    return f"{owner.algorithm} {found[:_DIGITS]}, the package {owner.package} states {short}"


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def suffix_of(path: str) -> str:
    """`.ko.xz` of `…/amdgpu.ko.xz`; empty for what is no module's name."""
    name = PurePosixPath(path).name
    return next((one for one in sorted(SUFFIXES, key=len, reverse=True) if name.endswith(one)), "")


def builder(system: System, file: ModuleFile) -> DkmsModule | None:
    """The DKMS module that has built *file* for its kernel, to the byte."""
    for module in system.dkms:
        for build in module.builds:
            built = dict(build.files).get(file.name)
            if build.kernel == file.kernel and built and built == file.contents.unpacked:
                return module
    return None


def reason_against(module: DkmsModule) -> str:
    """Why what *module* builds cannot be trusted; empty where a package vouches for its source."""
    label = f"{module.name}/{module.version}"
    if module.changed:
        more = f" and {len(module.changed) - 1} more" if len(module.changed) > 1 else ""
        return f"DKMS built it from {label}, whose `/{module.changed[0]}`{more} is not what {module.owner} brought"
    return "" if module.owner else f"DKMS built it from {label}, a source that no package vouches for"


def _seen_fault(file: ModuleFile) -> str:
    """What was seen of a file that is EMPTY, DAMAGED or FOREIGN."""
    contents = file.contents
    told = {
        EMPTY: "it has no byte",
        DAMAGED: f"its {contents.size} bytes are no whole module",
        FOREIGN: f"its vermagic is of kernel {contents.kernel}",
    }
    against = agrees(file.owner, contents) is False and file.owner
    return told[file.fault] + (f"; {contradiction(against, contents)}" if against else "")


def _in_tree(kernel: Kernel, file: ModuleFile) -> Verdict:
    owner = file.owner
    if owner and owner.is_intact:
        return Verdict(file, keeper=owner.package)
    if owner is None and (twin := _stated_elsewhere(kernel, file)):
        beside = folder_of(twin.path) == folder_of(file.path)
        return Verdict(file, TWIN if beside else ALIEN, f"no package owns it, `/{twin.path}` is {_whose(twin)}")
    if file.fault == UNREADABLE:
        return Verdict(file, keeper=owner.package if owner else "")
    if file.fault:
        return Verdict(file, file.fault, _seen_fault(file))
    if owner and owner.is_intact is False:
        return Verdict(file, CHANGED, contradiction(owner, file.contents))
    if owner is None and any(one.path == file.path for one in required(kernel)):
        return Verdict(file, ALIEN, f"no package owns it, and {kernel.package} brings one")
    return Verdict(file, keeper=owner.package if owner else "")


def _stated_elsewhere(kernel: Kernel, file: ModuleFile) -> Stated | None:
    found = [one for one in required(kernel) if one.name == file.name]
    return found[0] if found and all(one.path != file.path for one in found) else None


def _whose(stated: Stated) -> str:
    return f"what {stated.owner.package} brings"


def _shadow(system: System, kernel: Kernel, file: ModuleFile) -> Verdict:
    owner = file.owner
    if owner and owner.is_intact:
        return Verdict(file, keeper=owner.package)
    if file.fault == UNREADABLE:
        # Nothing is known of it, and the plan of whoever may read it says more.
        return Verdict(file, keeper=owner.package if owner else "")
    if file.fault:
        return Verdict(file, file.fault, _seen_fault(file))
    if owner:
        changed = owner.is_intact is False
        evidence = contradiction(owner, file.contents) if changed else ""
        return Verdict(file, CHANGED if changed else "", evidence, "" if changed else owner.package)
    return _unowned_shadow(system, kernel, file)


def _linked(system: System, file: ModuleFile) -> Verdict | None:
    """Of a link the verdict on what it leads to: those in Red Hat's weak-updates lead to packages' modules, and
    belong to no package themselves."""
    for kernel in system.kernels:
        for other in kernel.modules:
            if file.target and other.path == file.target and not other.target:
                found = _in_tree(kernel, other) if other.is_in_tree else _shadow(system, kernel, other)
                return replace(found, file=file)
    return None


def _unowned_shadow(system: System, kernel: Kernel, file: ModuleFile) -> Verdict:
    if (linked := _linked(system, file)) is not None:
        return linked
    module = builder(system, file)
    if module is not None:
        against = reason_against(module)
        return Verdict(file, SHADOW if against else "", against, f"{module.name}/{module.version} of DKMS")
    if any(one.name == file.name and agrees(one.owner, file.contents) for one in required(kernel)):
        return Verdict(file, SHADOW, f"it is the module of {kernel.package}, moved here from `kernel/`")
    built = any(b.kernel == file.kernel and dict(b.files).get(file.name) for m in system.dkms for b in m.builds)
    evidence = "it is not what DKMS has built" if built else "no package owns it, and DKMS did not build it"
    return Verdict(file, SHADOW, f"{evidence} (md5 {file.contents.md5[:_DIGITS]})")


def _apart(verdicts: list[Verdict]) -> list[Verdict]:
    """Of several suffixes of one module beside each other, one that is right makes the others its twins."""
    right = {(one.folder, one.file.name): one for one in verdicts if one.is_right}

    def parted(verdict: Verdict) -> Verdict:
        other = right.get((verdict.folder, verdict.file.name))
        if verdict.is_right or verdict.file.owner or other is None:
            return verdict
        return replace(verdict, row=TWIN, evidence=f"no package owns it, `/{other.file.path}` is beside it")

    return [parted(one) for one in verdicts]


def _together(verdicts: list[Verdict]) -> tuple[Verdict, ...]:
    """New modules beside old ones end in `Unknown symbol`: with one of a shadow's folder go the others."""
    bad: dict[str, Verdict] = {}
    for one in sorted(_wrong_shadows(verdicts), key=lambda one: one.file.name != AMDGPU):
        bad.setdefault(one.folder, one)

    def joined(verdict: Verdict) -> Verdict:
        first = bad.get(verdict.folder)
        intact = verdict.file.owner and verdict.file.owner.is_intact is not False
        if first is None or first is verdict or intact or verdict.row not in ("", SHADOW):
            return verdict
        return replace(verdict, row=COMPANION, evidence=f"it goes with `/{first.file.path}`", keeper="")

    return tuple(joined(one) for one in verdicts)


def _wrong_shadows(verdicts: list[Verdict]) -> Iterator[Verdict]:
    return (one for one in verdicts if not one.file.is_in_tree and one.row not in ("", TWIN))
