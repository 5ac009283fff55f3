"""All that is known about what the kernels of one system would load, put together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rocmswitch.errors import NotFound
from rocmswitch.host.dkms import read_dkms, read_originals
from rocmswitch.host.firmware import read_firmware
from rocmswitch.host.modulefiles import read_kernels, signer_of
from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.rootfacts import (
    architecture,
    check_system,
    image_tool,
    is_read_only,
    is_running,
    read_boot,
    read_running,
    runs_on,
)
from rocmswitch.host.settings import read_setting_files, read_settings
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.host.unifiedimages import install_layout, unified_files
from rocmswitch.model.kernel import (
    AMDGPU,
    Contents,
    DkmsModule,
    FirmwareFile,
    Kernel,
    ModuleFile,
    Original,
    Owner,
    Setting,
    System,
)

Owners = Mapping[str, Owner | None]


def read_system(root: Path) -> System:
    """The system at *root*, as far as this user may read it: what is lacking is told by its `unread`.

    Nothing is changed and none of its programs is run, unless this machine has no rpm. Raises NotFound where *root*
    is no system, MachineLacks where this user may not look into it.
    """
    files = SystemRoot(_real(root))
    check_system(files)
    is_own = is_running(files.root)
    packages = PackageFiles(files)
    kernels = read_kernels(files.root, files)
    settings = read_settings(files, is_running=is_own)
    firmware = read_firmware(files)
    owners = _owners(packages, kernels, settings, firmware)
    kernels = tuple(_owned(files, packages, one, owners) for one in kernels)
    dkms = read_dkms(files, packages)
    machine = architecture(files)
    found = System(
        root="/" if is_own else str(files.root),
        architecture=machine,
        runs_here=is_own or runs_on(os.uname().machine, machine),
        package_database=packages.kind,
        image_tool=image_tool(files),
        image_layout=install_layout(files),
        is_read_only=is_read_only(files),
        boot=replace(read_boot(files), strays=_strays(files, kernels)),
        kernels=kernels,
        settings=tuple(replace(one, owner=owners.get(one.path)) for one in settings),
        setting_files=read_setting_files(files),
        dkms=dkms,
        originals=(*read_originals(files, kernels), *_put_back(kernels, dkms)),
        firmware=tuple(replace(one, owner=owners.get(one.path)) for one in firmware),
        half_configured=packages.half_configured(),
        running=read_running() if is_own else None,
    )
    return replace(found, unread=files.unread)


def _strays(files: SystemRoot, kernels: Sequence[Kernel]) -> tuple[str, ...]:
    known = {image.path for one in kernels for image in one.images}
    return tuple(one.path for one in unified_files(files) if one.path not in known)


def _real(root: Path) -> Path:
    try:
        real = root.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise NotFound(f"`{root}` is not there") from error
    if not real.is_dir():
        raise NotFound(f"`{root}` is no folder")
    return real


def _owners(
    packages: PackageFiles,
    kernels: Sequence[Kernel],
    settings: Sequence[Setting],
    firmware: Sequence[FirmwareFile],
) -> Owners:
    """Of everything that may belong to a package, in one pass over the package database."""
    known: dict[str, Contents] = {file.path: file.contents for one in kernels for file in one.modules}
    paths = [path for one in kernels for _, path in one.listed]
    return packages.owners(
        [*known, *paths, *(one.path for one in settings), *(one.path for one in firmware)], known
    )


def _owned(files: SystemRoot, packages: PackageFiles, kernel: Kernel, owners: Owners) -> Kernel:
    path = next((one.path for one in kernel.modules if one.name == AMDGPU and one.is_in_tree), "")
    package, version = packages.package_of_kernel(kernel.release, path)
    return replace(
        kernel,
        modules=tuple(_signed(files, replace(one, owner=owners.get(one.path))) for one in kernel.modules),
        package=package,
        package_version=version,
        stated=packages.stated_modules(
            kernel.release, kernel.folder, {one.path: one.contents for one in kernel.modules}
        ),
    )


def _signed(files: SystemRoot, one: ModuleFile) -> ModuleFile:
    return replace(one, signer=signer_of(files.root, one.path)) if one.contents.is_signed else one


def _put_back(kernels: Sequence[Kernel], dkms: Sequence[DkmsModule]) -> tuple[Original, ...]:
    """Modules in `updates` that no package has and DKMS has not built: before 3.1.7 it put originals back there."""
    built = {unpacked for one in dkms for build in one.builds for _, unpacked in build.files}
    return tuple(
        Original(file.kernel, file.name, file.path, file.contents)
        for one in kernels
        for file in one.modules
        if file.place == "updates" and file.owner is None and file.contents.unpacked not in built
    )
