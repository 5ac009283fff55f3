"""What only other programs' scripts can do to a system: DKMS builds, and the end of a broken installation.

None of them is believed: what they leave is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.model.kernel import Kernel, System
from rocmswitch.model.recovery import Lack, Rebuild
from rocmswitch.operations.booting import programs_lock
from rocmswitch.planning.reinstalling import inside as typed
from rocmswitch.system.inside import Inside
from rocmswitch.system.process import Finished

_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NONINTERACTIVE_SEEN": "true"}
_CONFIGURE = ("dpkg", "--force-confdef", "--force-confold", "--configure", "-a")
"""Of files that a user has changed, the user's stay: there is nobody to ask."""


def rebuild(one: Rebuild, system: System, tell: Callable[[str], None]) -> None:
    """Build and install it for each of its kernels. What came of it, `built` says."""
    inside = Inside(Path(system.root), programs_lock(Path(system.root)))
    which = ["--force", "-m", one.name, "-v", one.version, "-k"]
    for kernel in one.kernels:
        tell(f"building {one.name}/{one.version} for kernel {kernel}, which takes a while")
        for step in ("build", "install"):
            _run(inside, ["dkms", step, *which, kernel])


def built(one: Rebuild, system: System) -> tuple[tuple[str, ...], tuple[Lack, ...]]:
    """What *system*, read afterwards, has of *one*: sentences, and the kernels for which it failed."""
    label = f"{one.name}/{one.version}"
    done, lacks = [], []
    for kernel in (kernel for kernel in system.kernels if kernel.release in one.kernels):
        if _is_installed(one, kernel, system):
            done.append(f"{label} was built anew for kernel {kernel.release}")
        else:
            log = f"/var/lib/dkms/{label}/build/make.log"
            remedy = f"look at `{typed(system, f'tail {log}')}`; until it builds, the kernel's own module is used"
            lacks.append(Lack(f"{label} could not be built for kernel {kernel.release}", remedy, kernel.folder))
    return tuple(done), tuple(lacks)


def configure(system: System, tell: Callable[[str], None]) -> tuple[tuple[str, ...], tuple[Lack, ...]]:
    """Let dpkg end what was broken off, which runs the scripts of packages; what it did, and what it could not."""
    tell("ending the installation that was broken off, which runs scripts of packages: `dpkg --configure -a`")
    said = _run(Inside(Path(system.root)), list(_CONFIGURE))
    left = PackageFiles(Path(system.root)).half_configured()
    if not left:
        return ("the package manager has nothing half-configured any more",), ()
    errors = [line for line in said.stderr.decode(errors="replace").splitlines() if line.strip()]
    told = f" ({errors[-1].strip()})" if errors else ""
    line = typed(system, "dpkg --configure -a")
    return (), (Lack(f"half-configured is still {', '.join(f'`{one}`' for one in left)}{told}", f"run `{line}`"),)


def _run(inside: Inside, command: list[str]) -> Finished:
    try:
        return inside.run(command, environment=_QUIET)
    except FileNotFoundError:
        return Finished(127, b"", f"there is no `{command[0]}`".encode())


def _is_installed(one: Rebuild, kernel: Kernel, system: System) -> bool:
    """Whether what lies in front of the kernel's own modules is what DKMS has built now."""
    builds = [
        build
        for module in system.dkms
        if (module.name, module.version) == (one.name, one.version)
        for build in module.builds
        if build.kernel == kernel.release
    ]
    wanted = {name: digest for build in builds for name, digest in build.files}
    there = {(file.name, file.contents.unpacked) for file in kernel.modules if not file.is_in_tree}
    return bool(wanted) and all(pair in there for pair in wanted.items())
