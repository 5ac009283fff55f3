"""What can be installed, for `list --available`: by vendor, how big, and whether this machine can have it."""

from __future__ import annotations

from dataclasses import dataclass

from rocmswitch.metadata.lock import Lock
from rocmswitch.model.host import Host
from rocmswitch.model.recommendation import Machine
from rocmswitch.model.stack import Stack
from rocmswitch.planning.gpufiles import kernels_for
from rocmswitch.planning.limits import fitting_build
from rocmswitch.planning.naming import by_version

VENDORS = {"rocm": "AMD's releases", "therock": "AMD's new builds", "debian": "Debian's own builds"}
OTHERS = "Others"


@dataclass(frozen=True)
class Size:
    """Of a stack's runtime set, in bytes, without what a machine mostly has."""

    download: int
    installed: int


@dataclass(frozen=True)
class Offered:
    """One stack. `lacks` is what this machine lacks for it, empty where it can have it."""

    stack: Stack
    vendor: str
    kinds: tuple[str, ...]
    """Of its sources, in the manifest's order."""
    size: Size | None
    lacks: str


def offer(stack: Stack, lock: Lock | None, host: Host) -> Offered:
    """*stack* on *host*. A Python that its wheels exist for can be fetched, so that is never lacking."""
    machine = Machine(
        target="",
        architecture=host.architecture,
        codename=host.codename,
        glibc=host.glibc,
        fetchable=frozenset(tag for build in stack.pytorch for tag in build.python),
    )
    _, limits = fitting_build(stack, machine)
    lacks = "; ".join(f"needs {one.needs}, {one.has}" for one in limits)
    return Offered(stack, vendor_of(stack.name), stack.rocm.kinds, size_of(stack, lock) if lock else None, lacks)


def vendor_of(name: str) -> str:
    """The heading that the stack stands under."""
    return VENDORS.get(by_version(name)[0], OTHERS)


def size_of(stack: Stack, lock: Lock) -> Size:
    """Of the runtime set in *lock*: its packages, without those of the host and what only these need."""
    packages = {one.name: one for one in lock.packages if "runtime" in one.sets}
    wanted = {name for one in packages.values() for name in one.needs}
    waiting = [name for name in packages if name not in wanted] or list(packages)
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in packages and name not in found and name not in stack.rocm.host:
            found.add(name)
            waiting += packages[name].needs
    chosen = [packages[name] for name in found]
    return Size(sum(one.size for one in chosen), sum(one.installed_size for one in chosen))


def saved_by(lock: Lock) -> dict[str, int]:
    """By card, the bytes of kernels that an installation for it alone leaves out; nothing where nobody looked."""
    targets: dict[str, int] = {}
    for one in lock.packages:
        for target, count in (one.kernels or {}).items():
            targets[target] = targets.get(target, 0) + count
    cards = sorted({card for target in targets for card in target.split()})
    return {
        card: sum(count for target, count in targets.items() if not kernels_for((card,)).runs(target))
        for card in cards
    }
