"""What is wrong between a kernel's modules and its boot: the index that finds them, the images that hold copies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rocmswitch.metadata.modprobeconf import IMAGE
from rocmswitch.model.finding import FAULT, NOTE, WARNING
from rocmswitch.model.kernel import AMDGPU, CLOSED, MODULES, BootImage, Kernel, PackedFile, Setting, System
from rocmswitch.model.recovery import Fault
from rocmswitch.planning.vouching import folder_of

INDEX_ROWS = ("index", "aliases")
UNIFIED = "unified-image"
IMAGE_ROWS = ("image", "image-settings", "image-firmware", "no-image", "empty-image", "damaged-image", UNIFIED)
"""Rows that are mended by depmod, and by making the boot image anew."""

_DIGITS = 12
_LISTS = "initramfs-tools"
"""Whose files are lists of names, and no shell."""
_READS = (("initramfs-tools/", _LISTS), ("etc/mkinitcpio", "mkinitcpio"), ("dracut", "dracut"))
"""By a part of a setting's path, what makes boot images by it."""
_PUTS_IN = r"(add_drivers|force_drivers|MODULES)\+?="
"""How shell of dracut.conf(5) and mkinitcpio.conf(5) begins that puts modules in; `omit_drivers` keeps them out."""


def boot_faults(system: System, kernel: Kernel) -> Iterator[Fault]:
    yield from _index_faults(kernel)
    if _needs_an_image(system, kernel):
        what = f"kernel {kernel.release} has no boot image"
        evidence = f"`/{kernel.vmlinuz}` has no initramfs beside it, and {system.image_tool} makes one for each"
        yield _fault("no-image", kernel, what, evidence, kernel.vmlinuz)
    for image in kernel.images:
        yield from _image_faults(system, kernel, image)
    yield from _lacking(system, kernel)


def _index_faults(kernel: Kernel) -> Iterator[Fault]:
    listed = dict(kernel.listed)
    for name in MODULES:
        files = [one for one in kernel.modules if one.name == name]
        where = listed.get(name, "")
        # Of twins in one folder depmod may take either: that they are twins is what is wrong.
        if files and folder_of(where) == folder_of(files[0].path):
            continue
        if evidence := _misled(where, files[0].path if files else "", name in listed):
            what = f"the index of kernel {kernel.release} leads to another `{name}` than is there"
            yield _fault("index", kernel, what, evidence, where or files[0].path, name=name)
    winner = kernel.winner(AMDGPU)
    if not kernel.has_aliases and winner is not None:
        what = f"nothing loads `amdgpu` by itself under kernel {kernel.release}"
        evidence = f"`/{kernel.folder}/modules.alias` names it for no card of vendor 1002"
        evidence += f", as `/{winner.path}` is {winner.contents.fault}" if winner.contents.fault else ""
        yield _fault("aliases", kernel, what, evidence, kernel.folder)


def _misled(listed: str, first: str, is_listed: bool) -> str:
    """What is wrong with the path that the index has, where *first* is the one to be loaded."""
    if first:
        return f"it has `/{listed}`, and depmod prefers `/{first}`" if is_listed else f"it lacks `/{first}`"
    return f"it has `/{listed}`, which is gone" if is_listed else ""


def _needs_an_image(system: System, kernel: Kernel) -> bool:
    """A packaged kernel on a system whose tool makes images: one without any was broken off, or its image lost."""
    return bool(system.image_tool and kernel.vmlinuz and kernel.package and not kernel.images)


def _image_faults(system: System, kernel: Kernel, image: BootImage) -> Iterator[Fault]:
    if image.size == 0:
        yield _fault("empty-image", kernel, f"`/{image.path}` is empty", "it has no byte", image.path)
    elif image.is_damaged:
        yield _fault("damaged-image", kernel, f"`/{image.path}` is damaged", image.problem, image.path)
    elif image.is_unified and image.problem not in ("", CLOSED):
        # Nothing else that is looked at says what this kernel loads before its root is there.
        what = f"kernel {kernel.release} boots by `/{image.path}`, which could not be looked into"
        yield _fault(UNIFIED, kernel, what, image.problem, image.path)
    elif image.problem:
        what = f"`/{image.path}` could not be looked into"
        severity = NOTE if image.problem == CLOSED else WARNING
        yield _fault("unreadable-image", kernel, what, image.problem, image.path, severity=severity)
    if not image.modules:
        # modprobe.d and firmware in it count for what is loaded out of it.
        return
    for name, packed in image.modules:
        if evidence := _other_bytes(kernel, name, packed):
            what = f"`/{image.path}` holds another `{name}` than kernel {kernel.release} has"
            yield _fault("image", kernel, what, evidence, image.path, name=name)
    if evidence := _other_settings(system, image):
        what = f"`/{image.path}` holds other settings than the system"
        yield _fault("image-settings", kernel, what, evidence, image.path)
    if evidence := _other_firmware(system, image):
        what = f"`/{image.path}` holds other firmware than the system"
        yield _fault("image-firmware", kernel, what, evidence, image.path)


def _lacking(system: System, kernel: Kernel) -> Iterator[Fault]:
    """What a setting wants in the boot image of a kernel that has it, and what no image of that kernel has."""
    if not kernel.images or any(one.problem or not one.size for one in kernel.images):
        return
    image = kernel.images[0]
    inside = {name for one in kernel.images for name, _ in one.modules}
    for setting in system.settings:
        if _wants_inside(system, setting) and setting.module not in inside and kernel.winner(setting.module):
            what = f"`/{image.path}` lacks the `{setting.module}` that is to be inside"
            evidence = f"`/{setting.path}` line {setting.line}: `{setting.text.strip()}`"
            yield _fault("image", kernel, what, evidence, image.path, name=setting.module)


def _wants_inside(system: System, setting: Setting) -> bool:
    """Whether the tool that makes images here reads the line, and puts the module in by it."""
    tool = next((tool for mark, tool in _READS if mark in setting.path), "")
    is_list = tool == _LISTS or re.match(_PUTS_IN, setting.text.strip())
    return setting.kind == IMAGE and tool == system.image_tool and bool(is_list)


def _other_bytes(kernel: Kernel, name: str, packed: PackedFile) -> str:
    winner = kernel.winner(name)
    if winner is None:
        return f"it has `/{packed.path}`, and the kernel's folder has none"
    wanted = winner.contents.unpacked
    if not wanted or wanted == packed.unpacked:
        return ""
    inside = packed.unpacked[:_DIGITS] or "no whole module"
    return f"inside is sha256 {inside}, `/{winner.path}` unpacked is {wanted[:_DIGITS]}"


def _other_settings(system: System, image: BootImage) -> str:
    """What differs between the image's modprobe.d and the root's, where the root's files are known."""
    if system.setting_files is None:
        return ""
    root = {_merged(one.path): one.unpacked for one in system.setting_files}
    for packed in image.settings:
        found = root.get(_merged(packed.path))
        if found is None:
            return f"`/{packed.path}` is inside, and not on the system"
        if found and found != packed.unpacked:
            return f"`/{packed.path}` has other contents inside than on the system"
    inside = {_merged(one.path) for one in image.settings}
    for setting in system.settings:
        path = _merged(setting.path)
        if "modprobe.d/" in path and path in root and path not in inside and not path.startswith("run/"):
            return f"`/{setting.path}` is on the system, and not inside"
    return ""


def _other_firmware(system: System, image: BootImage) -> str:
    root = {_merged(one.path): one.sha256 for one in system.firmware}
    for packed in image.firmware:
        if root.get(_merged(packed.path)) != packed.unpacked:
            return f"`/{packed.path}` is inside, and not so on the system"
    return ""


def _merged(path: str) -> str:
    """The same name for a file of a merged /usr and of one that is not."""
    return path.removeprefix("usr/")


def _fault(
    row: str, kernel: Kernel, what: str, evidence: str, path: str, *, name: str = "", severity: str = FAULT
) -> Fault:
    subject = f"{path}/{name}" if name and row == "image" else f"{kernel.release}/{name}" if name else path
    return Fault(f"{row}:{subject}", what, evidence, severity, kernel.release, path)
