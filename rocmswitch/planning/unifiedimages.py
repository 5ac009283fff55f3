"""What makes a unified kernel image anew: it holds a boot image of its own, untouched by the tool for those."""

from __future__ import annotations

import shlex

from rocmswitch.model.kernel import BootImage, Kernel, System
from rocmswitch.model.recovery import Lack
from rocmswitch.planning.reinstalling import inside, plan_line

CMDLINE = "etc/kernel/cmdline"
"""Where the tools that make them have their command line from."""
_UKI = "uki"


def made_anew(system: System, kernel: Kernel, image: BootImage) -> str:
    """What does it, for people: the line in back-ticks, or in words where nobody can tell."""
    line = _line(system, kernel, image)
    return f"`{inside(system, line)}`" if line else "the program that has made it"


def is_sealed(system: System, image: BootImage) -> bool:
    """Whether the tool for boot images leaves *image* as it is: mkinitcpio makes it anew, by a preset."""
    return image.is_unified and system.image_tool != "mkinitcpio"


def is_left_alone(system: System, kernel: Kernel) -> bool:
    """Whether it boots by such images alone: the tool would make another one, which nobody boots."""
    return bool(kernel.images) and all(is_sealed(system, one) for one in kernel.images)


def lack_of(system: System, kernel: Kernel, image: BootImage) -> Lack:
    """That *image* stays as it is, and what is to be typed."""
    what = f"`/{image.path}`, by which kernel {kernel.release} boots, stays as it is: it is a unified image"
    return Lack(what, f"run {made_anew(system, kernel, image)}, then `{plan_line(system)}`", image.path)


def _line(system: System, kernel: Kernel, image: BootImage) -> str:
    release, path = shlex.quote(kernel.release), shlex.quote(f"/{image.path}")
    linux = f"/{kernel.folder}/vmlinuz" if kernel.vmlinuz == image.path else f"/{kernel.vmlinuz}"
    if system.image_layout == _UKI:
        return f"kernel-install add {release} {shlex.quote(linux)}"
    if system.image_tool == "mkinitcpio":
        return "mkinitcpio -P"
    if system.image_tool == "dracut":
        return f"dracut --force --uefi --kver {release} {path}"
    others = [one.path for one in kernel.images if not one.is_unified]
    if not others:
        return ""
    initrd, given = shlex.quote(f"/{others[0]}"), f"--cmdline=@/{CMDLINE}"  # without one it would find no root
    made_of = f"--linux={shlex.quote(linux)} --initrd={initrd} {given} --uname={release}"
    return f"ukify build {made_of} --output={path}"
