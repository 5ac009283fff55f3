"""Which indexes and boot images are made anew, once the files are right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rocmswitch.model.kernel import Kernel, System
from rocmswitch.model.recovery import Disable, Fault, FileAction, Lack, Rebuild, Restore, SetAside
from rocmswitch.planning.bootfaults import IMAGE_ROWS, INDEX_ROWS
from rocmswitch.planning.reinstalling import recover, room_in_boot
from rocmswitch.planning.restoring import FilesPlan
from rocmswitch.planning.unifiedimages import is_left_alone, is_sealed, lack_of

_MARGIN = 10
"""Per cent by which a boot image may be larger than the one beside which it is made."""
_MEGABYTE = 1_000_000


def indexed(
    system: System, found: Sequence[Fault], plans: Mapping[str, FilesPlan], rebuilt: Sequence[Rebuild]
) -> tuple[str, ...]:
    """The kernels whose folder changes, or whose index leads elsewhere than to what lies in it."""
    wanted = _touched(plans) | _of_rows(found, INDEX_ROWS[:1]) | _rebuilt(rebuilt)
    # A file that stays damaged has no aliases, whatever depmod does.
    wanted |= {one for one in _of_rows(found, INDEX_ROWS[1:]) if one in plans and plans[one].is_mended}
    return tuple(one.release for one in system.kernels if one.release in wanted and one.release in plans)


def plan_images(
    system: System,
    found: Sequence[Fault],
    plans: Mapping[str, FilesPlan],
    files: Sequence[FileAction],
    rebuilt: Sequence[Rebuild],
) -> tuple[tuple[str, ...], tuple[Lack, ...]]:
    """The kernels whose boot images are made anew, and what keeps others from it."""
    sealed = {image.path for one in system.kernels for image in one.images if is_sealed(system, image)}
    stale = [one for one in found if one.path not in sealed]
    wanted = _touched(plans) | _of_rows(stale, IMAGE_ROWS) | _rebuilt(rebuilt)
    is_settled = not any(_is_copied(one) for one in files)
    misled = _of_rows(found, INDEX_ROWS[:1])
    made: list[str] = []
    lacks: list[Lack] = []
    for kernel in (one for one in system.kernels if one.release in plans):
        # Another index may choose another file than the one that was copied.
        is_same = is_settled and kernel.release not in misled
        is_changed = kernel.release in wanted or not is_same
        plan = plans[kernel.release]
        lacks += _sealed_lacks(system, kernel, found, plan, is_changed=is_changed)
        has_copies = any(image.modules for image in kernel.images if image.path not in sealed)
        if (kernel.release not in wanted and (is_same or not has_copies)) or is_left_alone(system, kernel):
            continue
        lack = _keeps_from(system, kernel, plan)
        if lack is not None:
            lacks.append(lack)
        elif _can_have_one(system, kernel):
            made.append(kernel.release)
    return tuple(made), tuple(dict.fromkeys(lacks))


def _sealed_lacks(
    system: System, kernel: Kernel, found: Sequence[Fault], plan: FilesPlan, *, is_changed: bool
) -> Iterator[Lack]:
    """Of the images that only another program makes: those that are wrong, or will be."""
    wrong = {one.path for one in found if one.id.partition(":")[0] in IMAGE_ROWS}
    for image in kernel.images:
        if is_sealed(system, image) and (image.path in wrong or (is_changed and image.modules)):
            yield lack_of(system, kernel, image) if plan.is_mended else _waits(system, kernel)


def _touched(plans: Mapping[str, FilesPlan]) -> set[str]:
    return {release for release, plan in plans.items() if plan.restores or plan.aside}


def _rebuilt(rebuilt: Sequence[Rebuild]) -> set[str]:
    return {kernel for one in rebuilt for kernel in one.kernels}


def _of_rows(found: Sequence[Fault], rows: Sequence[str]) -> set[str]:
    return {one.kernel for one in found if one.id.partition(":")[0] in rows}


def _is_copied(action: FileAction) -> bool:
    """Whether boot images have copies of what is changed: settings, and firmware, which is no kernel's."""
    return isinstance(action, Disable) or (isinstance(action, Restore | SetAside) and not action.kernel)


def _can_have_one(system: System, kernel: Kernel) -> bool:
    return bool(kernel.images or (system.image_tool and kernel.package))


def _keeps_from(system: System, kernel: Kernel, plan: FilesPlan) -> Lack | None:
    if not _can_have_one(system, kernel):
        return None
    if not plan.is_mended:
        return _waits(system, kernel)
    path = _image(kernel)
    what = f"the boot image of kernel {kernel.release} stays as it is"
    needed = max((one.size for one in kernel.images if not one.is_unified), default=0) * (100 + _MARGIN) // 100
    free = system.boot.free
    if not _is_known(system) or free >= needed:
        return None
    need, room = _megabytes(needed), _megabytes(free)
    more = f"free {_megabytes(needed - free)} in `/boot` ({room_in_boot(system, kernel)})"
    return Lack(
        f"{what}: making it anew needs {need}, and {room} are free", f"{more}, then run `{recover(system)}`", path
    )


def _waits(system: System, kernel: Kernel) -> Lack:
    what = (
        f"the boot image of kernel {kernel.release} stays as it is: it may hold a better copy than its folder does"
    )
    return Lack(what, f"once the kernel's modules are right, run `{recover(system)}`", _image(kernel))


def _image(kernel: Kernel) -> str:
    return kernel.images[0].path if kernel.images else kernel.vmlinuz


def _is_known(system: System) -> bool:
    """Whether what is free is that of /boot, not of the folder that it is to be mounted on."""
    return system.boot.is_mounted or not system.boot.is_separate


def _megabytes(size: int) -> str:
    return f"{-(-size // _MEGABYTE)} MB"
