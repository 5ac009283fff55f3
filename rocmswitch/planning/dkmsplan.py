"""What is done about DKMS: what it must not build again by itself, and what it builds anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rocmswitch.model.kernel import AMDGPU, DkmsModule, Kernel, Owner, System
from rocmswitch.model.recovery import Candidate, Lack, Rebuild, Restore, SetAside, Write
from rocmswitch.planning.dkmsswitch import off_switches
from rocmswitch.planning.modules import is_leftover
from rocmswitch.planning.reinstalling import recover, remedy
from rocmswitch.planning.sources import Target, choose
from rocmswitch.planning.vouching import judge, reason_against


def switches(system: System, aside: Sequence[SetAside], rebuilt: Collection[tuple[str, str]]) -> tuple[Write, ...]:
    """What takes the automatic building away from modules that would bring back what was set aside."""
    return off_switches(
        (one.name, one.version)
        for one in system.dkms
        if one.is_automatic
        and (one.name, one.version) not in rebuilt
        and (one.changed or _would_return(system, one, aside) or _breaks_packages(system, one))
    )


def rebuilds(system: System, candidates: Sequence[Candidate]) -> tuple[tuple[Rebuild, ...], tuple[Lack, ...]]:
    """What is built anew, of sources whose every file is what a package brought; and what cannot be."""
    made, lacks = [], []
    for module in system.dkms:
        if module.is_leftover or not module.builds or not _is_due(system, module):
            continue
        chosen = [(path, _source(module, path, candidates)) for path in module.changed]
        bad = [path for path, one in chosen if one is None]
        if not module.owner or not module.source or bad:
            lacks.append(_cannot(system, module, bad))
            continue
        releases = {one.release for one in _bootable(system)}
        kernels = tuple(one.kernel for one in module.builds if one.kernel in releases)
        files = tuple((path, one) for path, one in chosen if one is not None)
        if kernels:
            made.append(Rebuild(module.name, module.version, kernels, files))
    return tuple(made), tuple(lacks)


def _bootable(system: System) -> list[Kernel]:
    return [one for one in system.kernels if not is_leftover(system, one)]


def _would_return(system: System, module: DkmsModule, aside: Sequence[SetAside]) -> bool:
    """Whether a name that *module* provides goes from a kernel in which nothing stays of what it has built."""
    built = {(one.kernel, *file) for one in module.builds for file in one.files}
    gone = {one.path for one in aside}
    stays = {
        (kernel.release, file.name)
        for kernel in system.kernels
        for file in kernel.modules
        if file.path not in gone and not file.is_in_tree
        if (kernel.release, file.name, file.contents.unpacked) in built
    }
    names = {(one.kernel, _name(one.path)) for one in aside if one.kernel}
    return any(name in module.provides for _, name in names - stays)


def _name(path: str) -> str:
    return path.rpartition("/")[2].partition(".ko")[0]


def _breaks_packages(system: System, module: DkmsModule) -> bool:
    """Whether a build that fails may be what broke an installation off: it has not been built for every kernel."""
    built = {one.kernel for one in module.builds}
    provides = AMDGPU in module.provides
    return bool(system.half_configured) and provides and any(one.release not in built for one in _bootable(system))


def _is_due(system: System, module: DkmsModule) -> bool:
    """Its source was changed, or something of what it builds is wrong in a kernel for which it has been built."""
    if reason_against(module):
        return True
    kernels = {one.kernel for one in module.builds}
    wrong = [one for kernel in _bootable(system) if kernel.release in kernels for one in judge(system, kernel)]
    return any(one.row and not one.file.is_in_tree and one.file.name in module.provides for one in wrong)


def _source(module: DkmsModule, path: str, candidates: Sequence[Candidate]) -> Candidate | None:
    """A whole file of the source; `refused` already says of a copy that its package states another hash."""
    found = choose(Target(path, owner=Owner(module.owner, "")), candidates)
    return found.candidate if isinstance(found, Restore) else None


def _cannot(system: System, module: DkmsModule, bad: Sequence[str]) -> Lack:
    label = f"{module.name}/{module.version}"
    if not module.owner or not module.source:
        why = "no package vouches for its source"
        return Lack(
            f"{label} is not built anew: {why}",
            f"install it by a package, then run `{recover(system, '--rebuild')}`",
            module.source,
        )
    what = f"{label} is not built anew: there is no copy of `/{bad[0]}` as {module.owner} brought it"
    return Lack(what, remedy(system, Owner(module.owner, "")), bad[0])
