"""What is worth knowing about a system's modules although nothing is done about it."""

from __future__ import annotations

from collections.abc import Iterator

from rocmswitch.model.kernel import AMDGPU, Kernel, System
from rocmswitch.planning.moduleoptions import blocks
from rocmswitch.planning.modules import is_leftover
from rocmswitch.planning.settingfaults import BOOTED
from rocmswitch.planning.unifiedimages import made_anew
from rocmswitch.planning.vouching import judge, required

_THERE = {"boot": "no kernel and no boot image there was"}
_LOADERS = "what the boot loader reads there was not"


def notes(system: System) -> tuple[str, ...]:
    """Sentences without a full stop."""
    return tuple(_notes(system))


def unseen(system: System) -> Iterator[str]:
    """What was not looked at, and why: what is said of the rest is not said of that."""
    for point in system.boot.unmounted:
        yield f"`/{point}` is not mounted: {_THERE.get(point, _LOADERS)} looked at"
    for path in system.boot.strays:
        yield f"`/{path}` is a unified image of no kernel that is installed: what is in it was not judged"
    yield from system.unread


def _notes(system: System) -> Iterator[str]:
    for kernel in system.kernels:
        if is_leftover(system, kernel):
            yield f"`/{kernel.folder}` is left alone: `/boot` has no kernel {kernel.release}"
        else:
            yield from _of_kernel(system, kernel)
    yield from unseen(system)
    running = system.running
    if running is not None and _is_blocked(system):
        yield "this boot keeps amdgpu from being loaded: leave `module_blacklist=amdgpu` out of the next one"
    if running is not None and running.secure_boot:
        yield "Secure Boot is on: nothing is signed anew, what is brought back has the signature it came with"


def _of_kernel(system: System, kernel: Kernel) -> Iterator[str]:
    kept = [one for one in judge(system, kernel) if one.is_right and not one.file.is_in_tree]
    for verdict in (one for one in kept if one.file.name == AMDGPU):
        yield f"`/{verdict.file.path}` is kept: {verdict.keeper or 'nobody'} vouches for it"
    own = [one for one in kernel.modules if one.name == AMDGPU and one.is_in_tree]
    if own and not required(kernel):
        yield f"no package owns kernel {kernel.release}: whether its amdgpu was changed cannot be told"
    for image in kernel.images:
        if image.is_unified:
            line = made_anew(system, kernel, image)
            yield f"kernel {kernel.release} boots by the unified image `/{image.path}`: {line} makes it anew"
        if image.problem:
            yield f"`/{image.path}` could not be looked into: {image.problem}"


def _is_blocked(system: System) -> bool:
    running = system.running
    texts = [one for one in system.settings if one.path == BOOTED and one.kind == "bootline"]
    return running is not None and any(blocks(one) for one in texts)
