"""A recovery carried out on the value of a system: what would be found there afterwards."""

from __future__ import annotations

from dataclasses import replace

from rocmswitch.model.kernel import Contents, DkmsModule, FirmwareFile, Kernel, ModuleFile, Owner, System
from rocmswitch.model.recovery import Disable, RecoveryPlan, Restore, SetAside, Write
from rocmswitch.planning.unifiedimages import is_sealed
from rocmswitch.planning.vouching import required
from tests.support.systems import contents, genuine, image_of, settled, shadow


def carried_out(system: System, plan: RecoveryPlan) -> System:
    """*system* after all steps of *plan*, in their order."""
    system = replace(system, kernels=tuple(_files(one, plan) for one in system.kernels))
    system = _settings(_firmware(system, plan), plan)
    system = _dkms(system, plan)
    system = replace(system, half_configured=() if plan.configure else system.half_configured)
    kernels = [settled(one) if one.release in plan.index else one for one in system.kernels]
    return replace(system, kernels=tuple(_imaged(one, system, plan) for one in kernels))


def owned_as_stated(kernel: Kernel, path: str, found: Contents, before: Owner | None = None) -> Owner | None:
    """Its package, asked anew whether *found* is what it states."""
    owner = next((one.owner for one in required(kernel) if one.path == path), before)
    if owner is None or not owner.stated:
        return owner
    return replace(owner, is_intact=owner.stated in (found.md5, found.sha256))


def _files(kernel: Kernel, plan: RecoveryPlan) -> Kernel:
    files = {one.path: one for one in kernel.modules}
    for action in plan.files:
        if isinstance(action, Restore) and action.kernel == kernel.release:
            found = action.candidate.contents or genuine(kernel.release, action.name)
            before = files[action.path].owner if action.path in files else None
            owner = owned_as_stated(kernel, action.path, found, before)
            files[action.path] = ModuleFile(kernel.release, action.name, action.path, found, owner)
    for action in plan.files:
        if isinstance(action, SetAside):
            files.pop(action.path, None)
    modules = tuple(sorted(files.values(), key=lambda one: one.path))
    preferred = settled(replace(kernel, modules=modules)).modules
    return kernel if files == {one.path: one for one in kernel.modules} else replace(kernel, modules=preferred)


def _firmware(system: System, plan: RecoveryPlan) -> System:
    aside = {one.path for one in plan.files if isinstance(one, SetAside)}
    back = {one.path for one in plan.files if isinstance(one, Restore) and not one.kernel}

    def after(file: FirmwareFile) -> FirmwareFile:
        return (
            replace(file, owner=replace(file.owner, is_intact=True)) if file.owner and file.path in back else file
        )

    return replace(system, firmware=tuple(after(one) for one in system.firmware if one.path not in aside))


def _settings(system: System, plan: RecoveryPlan) -> System:
    gone = {one.path for one in plan.files if isinstance(one, Disable)}
    return replace(
        system,
        settings=tuple(one for one in system.settings if one.path not in gone),
        setting_files=None
        if system.setting_files is None
        else tuple(one for one in system.setting_files if one.path not in gone),
    )


def _dkms(system: System, plan: RecoveryPlan) -> System:
    off = {one.path for one in plan.files if isinstance(one, Write)}

    def switched(module: DkmsModule) -> DkmsModule:
        is_off = f"etc/dkms/{module.name}-{module.version}.conf" in off
        return replace(module, is_automatic=module.is_automatic and not is_off)

    system = replace(system, dkms=tuple(switched(one) for one in system.dkms))
    for rebuild in plan.rebuild:
        for release in rebuild.kernels:
            system = _rebuilt(system, rebuild.name, release)
    return system


def _rebuilt(system: System, name: str, release: str) -> System:
    """The clean source of *name*, built and installed for one kernel."""
    module = next(one for one in system.dkms if one.name == name)
    files = {one: contents(f"clean {one}", release) for one in module.provides}
    made = tuple(
        ModuleFile(release, one, shadow(release, one), found) for one, found in files.items() if module.provides
    )
    built = tuple((one, found.unpacked) for one, found in files.items())
    builds = tuple(replace(one, files=built) if one.kernel == release else one for one in module.builds)
    fresh = {one.path for one in made}

    def after(kernel: Kernel) -> Kernel:
        if kernel.release != release:
            return kernel
        kept = tuple(one for one in kernel.modules if one.path not in fresh)
        return settled(replace(kernel, modules=(*made, *kept)))

    return replace(
        system,
        kernels=tuple(after(one) for one in system.kernels),
        dkms=tuple(replace(one, changed=(), builds=builds) if one is module else one for one in system.dkms),
    )


def _imaged(kernel: Kernel, system: System, plan: RecoveryPlan) -> Kernel:
    if kernel.release not in plan.images:
        return kernel
    inside = {name for image in kernel.images for name, _ in image.modules} or {"amdgpu"}
    made = image_of(kernel, system, sorted(inside))
    # Another program makes those anew, when somebody has typed what is told.
    sealed = (one for one in kernel.images if is_sealed(system, one))
    return replace(kernel, images=(made, *sealed))
