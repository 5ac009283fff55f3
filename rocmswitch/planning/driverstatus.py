"""What each kernel would load, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rocmswitch.model.finding import NOTE
from rocmswitch.model.kernel import AMDGPU, DAMAGED, EMPTY, FOREIGN, Kernel, System
from rocmswitch.model.recovery import Fault
from rocmswitch.planning.bootfaults import IMAGE_ROWS, UNIFIED
from rocmswitch.planning.modules import covered, faults, is_leftover, kernel_faults, missing
from rocmswitch.planning.vouching import CHANGED, SHADOW, Verdict, agrees, builder, judge, required


def status_lines(system: System) -> tuple[str, ...]:
    """One sentence for each kernel, then what has a say in all of them; without full stops."""
    return (*(_line(system, one) for one in system.kernels), *_whole(system), *_running(system))


def _line(system: System, kernel: Kernel) -> str:
    name = f"kernel {kernel.release}"
    if is_leftover(system, kernel):
        return f"{name} cannot be booted any more: only its modules are left"
    winner = kernel.winner()
    if winner is None:
        lost = [one for one in required(kernel) if one.name == AMDGPU]
        package = f"it has lost the one that {lost[0].owner.package} brought" if lost else "its packages bring none"
        return f"{name} would load no amdgpu: {package}"
    verdict = next(one for one in judge(system, kernel) if one.file is winner)
    told = f"{name} {_loads(system, kernel, verdict)}"
    return ", and ".join((told, *_besides(system, kernel, tuple(kernel_faults(system, kernel)))))


def _loads(system: System, kernel: Kernel, verdict: Verdict) -> str:
    file, package = verdict.file, verdict.file.owner.package if verdict.file.owner else ""
    if verdict.is_right:
        if file.is_in_tree:
            return "would load its own amdgpu" + ("" if package else ", which no package owns")
        return f"would load the amdgpu of {verdict.keeper} in place of its own"
    if verdict.row == SHADOW and any(agrees(one.owner, file.contents) for one in required(kernel)):
        return f"would load its own amdgpu, but from `{file.place}`, where a package has put none"
    said = {
        EMPTY: f"cannot load amdgpu: `/{file.path}` is empty",
        DAMAGED: f"cannot load amdgpu: `/{file.path}` is damaged",
        FOREIGN: f"cannot load amdgpu: `/{file.path}` is for kernel {file.contents.kernel}",
        CHANGED: f"would load an amdgpu that was changed since {package} brought it",
    }
    if file.fault in said:
        return said[file.fault]
    module = builder(system, file)
    if verdict.row == SHADOW and module is not None:
        source = "a changed source" if module.changed else "a source that no package vouches for"
        return f"would load an amdgpu that DKMS built from {source}"
    return said.get(verdict.row, "would load a changed amdgpu that no package owns")


def _besides(system: System, kernel: Kernel, found: Sequence[Fault]) -> Iterator[str]:
    rows = {one.id.partition(":")[0] for one in found}
    unified = [one.path for one in kernel.images if one.is_unified]
    if unified:
        yield f"it boots by the unified image {', '.join(f'`/{one}`' for one in unified)}"
    if "aliases" in rows:
        yield "nothing loads it by itself"
    if "index" in rows:
        yield "its index leads elsewhere"
    if "no-image" in rows:
        yield "it has no boot image"
    elif rows.intersection(("empty-image", "damaged-image")):
        yield "its boot image is damaged"
    elif UNIFIED in rows:
        yield "that could not be looked into"
    elif rows.intersection(IMAGE_ROWS):
        yield "its boot image holds something else"
    gone = [one.name for one in missing(kernel) if covered(system, kernel, one) is None and one.name != AMDGPU]
    if gone:
        yield f"{', '.join(gone)} beside it has gone"


def _whole(system: System) -> Iterator[str]:
    """What is no kernel's own: settings, sources of DKMS, firmware, packages."""
    return (one.what for one in faults(system) if not one.kernel and one.severity != NOTE)


def _running(system: System) -> Iterator[str]:
    running = system.running
    if running is not None:
        loaded = ", ".join(running.loaded) if running.loaded else "no amdgpu"
        yield f"running is kernel {running.release}, which has loaded {loaded}"
