"""What is wrong with the lines of modprobe.d and of the boot command line that name amdgpu."""

from __future__ import annotations

from collections.abc import Iterator

from rocmswitch.model.finding import FAULT, NOTE, WARNING
from rocmswitch.model.kernel import Setting, System
from rocmswitch.model.recovery import Fault
from rocmswitch.planning.moduleoptions import Option, blocks, fits, options, type_of, unsets_modes

_DISABLED_FOLDERS = ("etc/modprobe.d/", "etc/modules-load.d/")
"""Where a file is read by its ending, so that another name takes it out of use."""
BOOTED = "proc/cmdline"
_SAYS = {
    "blacklist": "keeps `{}` from being loaded for the card",
    "install": "runs a command in place of loading `{}`",
    "remove": "runs a command in place of unloading `{}`",
    "softdep": "has other modules loaded with `{}`",
}


def setting_faults(system: System) -> Iterator[Fault]:
    for setting in system.settings:
        if setting.kind == "bootline":
            yield from _bootline(system, setting)
        elif setting.kind == "options":
            yield from _options(system, setting)
        elif setting.kind in _SAYS:
            yield _line(setting)


def is_disabled_by_name(setting: Setting) -> bool:
    """Whether recover may take the file out of use: a person's, or ours, in a folder that is read by name."""
    return setting.owner is None and setting.path.startswith(_DISABLED_FOLDERS) and setting.kind != "load"


def spot(setting: Setting) -> str:
    return f"{setting.path}:{setting.line}"


def _line(setting: Setting) -> Fault:
    packaged = setting.owner is not None
    what = f"`/{setting.path}` {_SAYS[setting.kind].format(setting.module)}"
    return Fault(
        f"{setting.kind}:{spot(setting)}", what, _quoted(setting), NOTE if packaged else WARNING, path=setting.path
    )


def _options(system: System, setting: Setting) -> Iterator[Fault]:
    for option in options(setting):
        yield _judged(system, setting, option)


def _bootline(system: System, setting: Setting) -> Iterator[Fault]:
    booted = setting.path == BOOTED
    severity = NOTE if booted else WARNING
    where = "this boot" if booted else f"`/{setting.path}`"
    ending = "; drop it for the next boot" if booted else " at every boot"
    if blocks(setting):
        what = f"{where} keeps `{setting.module}` from being loaded{ending}"
        yield Fault(f"blocked:{spot(setting)}", what, _quoted(setting), severity, path=setting.path)
    if unsets_modes(setting):
        what = f"{where} keeps `amdgpu` from driving the card (`nomodeset`){ending}"
        yield Fault(f"nomodeset:{spot(setting)}", what, _quoted(setting), severity, path=setting.path)
    for option in options(setting):
        yield _judged(system, setting, option, is_over=booted)


def _judged(system: System, setting: Setting, option: Option, *, is_over: bool = False) -> Fault:
    """*is_over*: it was given for the boot that is running, and is gone with it unless a file has it too."""
    word = f"{option.name}={option.value}" if option.value is not None else option.name
    known = _types(system, option)
    if not known and _can_be_asked(system, option):
        row, severity = "unknown-option", NOTE
        what = f"no installed `{option.module}` has the parameter `{option.name}`: the kernel ignores it"
    elif unfit := next((kind for _, kind in known if not fits(option.value, kind)), ""):
        row, severity = "bad-option", FAULT
        what = f"`{option.module}` is not loaded with `{word}`, which is no {unfit}"
    else:
        row, severity = "option", WARNING
        whose = "a package" if setting.owner else "rocmswitch" if setting.is_ours else "somebody"
        what = f"`{option.module}` is loaded with `{word}`, which {whose} has set"
    if is_over or (setting.owner is not None and severity != FAULT):
        severity = NOTE
    return Fault(f"{row}:{spot(setting)}/{option.name}", what, _quoted(setting), severity, path=setting.path)


def _types(system: System, option: Option) -> list[tuple[str, str]]:
    """Kernel and type, of every copy that has the parameter: also one that wins only once others are gone."""
    found = []
    for kernel in system.kernels:
        for file in kernel.modules:
            kind = type_of(option, file.contents.parameters) if file.name == option.module else ""
            if kind:
                found.append((kernel.release, kind))
    return found


def _can_be_asked(system: System, option: Option) -> bool:
    """Whether any copy lists its parameters: a damaged one says nothing, and there may be no other."""
    files = (file for kernel in system.kernels for file in kernel.modules if file.name == option.module)
    return any(file.contents.parameters for file in files)


def _quoted(setting: Setting) -> str:
    return f"`/{setting.path}` line {setting.line}: `{setting.text.strip()}`"
