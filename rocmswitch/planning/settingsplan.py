"""Which files of settings are taken out of use, and what is said of those that are not."""

from __future__ import annotations

from collections.abc import Sequence

from rocmswitch.model.finding import FAULT, NOTE
from rocmswitch.model.kernel import Setting, System
from rocmswitch.model.recovery import Disable, Fault, Lack
from rocmswitch.planning.reinstalling import recover
from rocmswitch.planning.settingfaults import is_disabled_by_name
from rocmswitch.planning.unifiedimages import CMDLINE, made_anew

_IN_WORDS = ("blocked:", "nomodeset:")
_AFTERWARDS = {
    "etc/default/grub": "then run `update-grub`",
    "etc/kernel/cmdline": "then have the boot entries written anew (`kernel-install`, `dracut` or `mkinitcpio`)",
}


def plan_settings(
    system: System, found: Sequence[Fault], consent: frozenset[str] | None
) -> tuple[tuple[Disable, ...], tuple[Lack, ...], tuple[str, ...]]:
    """What is disabled, what would have to be by hand, and what is left alone.

    Without *consent* (None) everything is proposed that could be; else ours, and the files it names.
    """
    disabled, left = [], []
    for path, settings in _files(system).items():
        action = Disable(path, _reason(path, found), tuple(one.text for one in settings), settings[0].is_ours)
        if consent is None or path in consent or not action.needs_consent:
            disabled.append(action)
        else:
            left.append(path)
    gone = {one.path for one in disabled}
    lacks = tuple(_by_hand(system, one) for one in _still_wrong(system, found, gone))
    notes = [f"`/{one}` is left as it is: nobody has consented to disable it" for one in left]
    notes += [_worded(system, one) for one in found if one.id.startswith(_IN_WORDS) and one.severity != NOTE]
    return tuple(disabled), lacks, tuple(notes)


def _files(system: System) -> dict[str, list[Setting]]:
    found: dict[str, list[Setting]] = {}
    for setting in system.settings:
        if is_disabled_by_name(setting):
            found.setdefault(setting.path, []).append(setting)
    return found


def _reason(path: str, found: Sequence[Fault]) -> str:
    """What its first line does that is worst; *found* has the worst first."""
    return next((one.what for one in found if one.path == path), "it has a say in how amdgpu is loaded")


def _still_wrong(system: System, found: Sequence[Fault], gone: set[str]) -> list[Fault]:
    paths = {one.path for one in system.settings}
    return [one for one in found if one.severity == FAULT and one.path in paths - gone]


def _by_hand(system: System, fault: Fault) -> Lack:
    if fault.path.startswith("etc/modprobe.d/"):
        cure = f"run `{recover(system)}` and consent to it, or take the line out of `/{fault.path}`"
    else:
        cure = _taken_out(system, fault.path)
    return Lack(f"`/{fault.path}` is not changed: {fault.what}", cure, fault.path)


def _worded(system: System, fault: Fault) -> str:
    return f"{fault.what}: {_taken_out(system, fault.path)}"


def _taken_out(system: System, path: str) -> str:
    whole = f"{system.root.rstrip('/')}/{path}"
    # grub-probe and its like want the devices below which a system runs.
    when = "" if system.root == "/" else " once that system runs"
    if path.startswith("boot/grub"):
        return f"run `update-grub`{when}, which makes it of `/etc/default/grub`: it must not be there either"
    for kernel in system.kernels:
        for image in kernel.images:
            if image.is_unified and image.path == path:
                source = f"{system.root.rstrip('/')}/{CMDLINE}"
                line = made_anew(system, kernel, image)
                return f"take it out of `{source}`, or from where that image has it; {line} makes it anew"
    afterwards = _AFTERWARDS.get(path, "")
    return f"take it out of `{whole}`" + (f", {afterwards}{when}" if afterwards else "")
