"""The facts about the machine that `doctor` judges: its log, its firmware, its sources of packages, its room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rocmswitch.errors import RocmswitchError
from rocmswitch.host.bootfacts import read_boot_facts
from rocmswitch.host.dkmslogs import read_failed_builds
from rocmswitch.host.facts import read_host
from rocmswitch.host.kernellog import read_kernel_log
from rocmswitch.host.loaderpaths import read_loader_folders
from rocmswitch.host.packagesources import read_pins, read_sources
from rocmswitch.host.rootfacts import is_running
from rocmswitch.host.secureboot import read_secure_boot
from rocmswitch.host.spaces import file_system_of, free_at
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.modprobeconf import parse_bootline
from rocmswitch.model.finding import FAULT
from rocmswitch.model.kernel import Kernel, Setting, System
from rocmswitch.model.machine import MachineSymptoms, SnapshotState, Space
from rocmswitch.model.receipt import Receipt
from rocmswitch.model.snapshot import Snapshot
from rocmswitch.planning.modules import is_leftover, kernel_faults
from rocmswitch.planning.settingfaults import BOOTED
from rocmswitch.planning.space import tree_size
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.snapshots import Snapshots
from rocmswitch.system.disk import Disk

LEAST = (280_000_000, 2_200_000_000)
"""Bytes of the archives and of the tree of the smallest stack, debian-5.2.3, whole: by its tested lock."""
_LEAST_TEMPORARY = 256 * 1024 * 1024
"""Bytes. A compiler's own files while it builds an extension of torch."""
_MARGIN = 110
"""Percent of the largest boot image that a new one, written beside it, may take."""


def inspect_machine(root: Path, cards: Iterable[str]) -> MachineSymptoms:
    """Of the machine at *root*; *cards* are the PCI addresses of AMD's. Raises nothing."""
    files = SystemRoot(root.resolve())
    runs = files.root.is_dir() and is_running(files.root)
    boot = read_boot_facts(files, cards, is_running=runs)
    sources = read_sources(files)
    return MachineSymptoms(
        log=read_kernel_log(files, is_running=runs),
        secure_boot=read_secure_boot(files),
        sources=sources,
        pins=read_pins(files),
        codename=_codename(root) if sources else "",
        loader=read_loader_folders(files),
        builds=read_failed_builds(files),
        firmware_twins=boot.firmware_twins,
        command_line=boot.command_line,
        translated=boot.translated,
        is_loaded=boot.is_loaded,
    )


def with_command_line(system: System, command_line: str) -> System:
    """*system* with what the command line of its own boot, recorded below its root, says of amdgpu."""
    if system.running is not None:
        return system
    lines = parse_bootline(command_line)
    told = tuple(Setting(BOOTED, one.number, one.text, one.kind, one.module) for one in lines)
    return replace(system, settings=(*system.settings, *told))


def spaces(
    installed: Installed, own: Layout, environment: Mapping[str, str], system: System | None
) -> tuple[Space, ...]:
    """Where the next `use`, and the next kernel, will write. What is on one file system is told once."""
    archives, tree = _next_use(installed)
    temporary = Path(environment.get("TMPDIR") or "/tmp")
    wanted = [
        (own.data, "the next `rocmswitch use`", tree),
        (own.cache, "what the next `rocmswitch use` downloads", archives),
        (temporary, "what compilers put there", _LEAST_TEMPORARY),
    ]
    rooms: dict[int, Space] = {}
    for folder, purpose, needed in wanted:
        free, file_system = free_at(folder), file_system_of(folder)
        if free is not None and file_system in rooms:
            first = rooms[file_system]
            rooms[file_system] = replace(first, needed=first.needed + needed)
        elif free is not None:
            rooms[file_system] = Space(str(folder), purpose, free, needed)
    return (*rooms.values(), *_boot_space(system))


def snapshot_state(system: System | None, root: Path, disk: Disk) -> SnapshotState | None:
    """How the newest usable snapshot stands to the kernels of *system*; None where there is none to be seen."""
    newest = _newest(Snapshots(Layout.driver(root), disk, root)) if system else None
    if system is None or newest is None:
        return None
    sound = [one for one in system.kernels if not is_leftover(system, one) and _is_sound(system, one)]
    states = {one.release: _held(newest, one) for one in sound}
    return SnapshotState(
        newest.number,
        newest.created,
        tuple(release for release, held in states.items() if held is None),
        tuple(release for release, held in states.items() if held is False),
    )


def _codename(root: Path) -> str:
    """Only Ubuntu's suites are AMD's too: its packages for Debian are those of a release of Ubuntu."""
    host = read_host(root)
    return host.codename if "ubuntu" in (host.distribution, *host.like) else ""


def _next_use(installed: Installed) -> tuple[int, int]:
    """Bytes of the archives and of the tree: as the largest that is here, else as little as a stack takes."""
    receipts = [one.receipt for one in (*installed.prefixes(), *installed.venvs()) if not one.receipt.linked]
    if not receipts:
        return LEAST
    largest = max(receipts, key=_size)
    return sum(one.size for one in largest.packages), tree_size(_size(largest))


def _size(receipt: Receipt) -> int:
    return receipt.size


def _boot_space(system: System | None) -> Iterator[Space]:
    """A /boot of its own is small, and every new kernel and driver puts an image there."""
    if system is None or not (system.boot.is_separate and system.boot.is_mounted):
        return
    largest = max((image.size for kernel in system.kernels for image in kernel.images), default=0)
    yield Space("/boot", "a new boot image", system.boot.free, largest * _MARGIN // 100)


def _newest(snapshots: Snapshots) -> Snapshot | None:
    """Others than root may not look there."""
    try:
        numbers = snapshots.numbers()
    except OSError:
        return None
    for number in reversed(numbers):
        try:
            return snapshots.read(number)
        except (RocmswitchError, OSError):
            continue  # `driver status` tells of it
    return None


def _is_sound(system: System, kernel: Kernel) -> bool:
    """What is wrong now is nothing to keep."""
    return kernel.winner() is not None and not any(one.severity == FAULT for one in kernel_faults(system, kernel))


def _held(newest: Snapshot, kernel: Kernel) -> bool | None:
    """Whether it holds the amdgpu of *kernel* as it is now; None where it holds none of it."""
    winner = kernel.winner()
    file = newest.find(winner.path) if winner else None
    if file is None or winner is None:
        return None
    return file.state.sha256 == winner.contents.sha256
