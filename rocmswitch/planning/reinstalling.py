"""The exact lines that bring a package's files back where nothing here has them."""

from __future__ import annotations

import shlex

from rocmswitch.model.kernel import Kernel, Owner, System

_COMMANDS = {
    "dpkg": ("apt-get install --reinstall", "="),
    "rpm": ("dnf reinstall", "-"),
    "pacman": ("pacman -S", ""),
}


def reinstall(system: System, package: str, version: str = "") -> str:
    """The line, without back-ticks; empty where nobody knows the package or its database."""
    if not package or system.package_database not in _COMMANDS:
        return ""
    command, between = _COMMANDS[system.package_database]
    # pacman's archive has the newest version only, and no way to name another.
    exact = f"{package}{between}{version}" if version and between else package
    return inside(system, f"{command} {shlex.quote(exact)}")


def remedy(system: System, owner: Owner | None, kernel: Kernel | None = None) -> str:
    """What to type, for people: the package manager's line, and how a package from a stick is taken instead."""
    package, version = (owner.package, owner.version) if owner else ("", "")
    if not package and kernel is not None:
        package, version = kernel.package, kernel.package_version
    line = reinstall(system, package, version)
    if not line:
        whose = f"kernel {kernel.release}" if kernel else "the file"
        return f"install {whose} anew, the way it was installed; no package is known that brings it"
    offer = recover(system, "--package FILE")
    if not system.runs_here:
        return f"run `{offer}` on a machine of its kind, with `{package}` {version}".rstrip()
    return f"run `{line}`; or run `{offer}` with that package from elsewhere"


def recover(system: System, *words: str) -> str:
    """The line that recovers *system*, without back-ticks."""
    root = () if system.root == "/" else ("--root", shlex.quote(system.root))
    return " ".join(("sudo rocmswitch recover", *root, "--apply", *words))


def inside(system: System, line: str) -> str:
    """*line* as it is typed here for the system that may only be mounted."""
    return line if system.root == "/" else f"chroot {shlex.quote(system.root)} {line}"


def plan_line(system: System) -> str:
    """The line that shows what a recovery of *system* would do, without back-ticks."""
    return recover(system).removesuffix(" --apply")


def room_in_boot(system: System, kernel: Kernel) -> str:
    """Whose files there can go, in words; what lies by of *kernel*, which is not right, stays."""
    root = "" if system.root == "/" else f" --root {shlex.quote(system.root)}"
    others = [one for one in system.boot.before if kernel.release not in one]
    ours = f"; boot images from before, by `sudo rocmswitch backup prune driver{root}`" if others else ""
    return f"an old kernel's files, by the package manager{ours}"
