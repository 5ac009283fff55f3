"""What of a machine, besides its card and its kernels' modules, decides whether a card can be used: bare facts.

Paths are as the machine itself calls them, with a leading slash; `where` is such a path, with `:LINE` where there
is one.
"""

from __future__ import annotations

from dataclasses import dataclass

APT, RPM = "apt", "rpm"
"""Who reads a source of packages: apt, or dnf, yum and zypper."""


@dataclass(frozen=True)
class LogLine:
    """One line of the kernel's log that may concern a card, with its time as the log has it."""

    text: str
    where: str


@dataclass(frozen=True)
class KernelLog:
    """What the kernel has said of cards since this boot."""

    lines: tuple[LogLine, ...] = ()
    source: str = ""
    """`/dev/kmsg`, `journalctl -k -b`, a file, or another system's `/var/log/journal`; empty where this user may
    read none of them."""


@dataclass(frozen=True)
class SecureBoot:
    """Whether the firmware, or the kernel itself, lets only signed modules in; None where nothing tells."""

    is_on: bool | None = None
    where: str = ""
    """The file that says it."""
    lockdown: str = ""
    """`none`, `integrity` or `confidentiality`; empty where only root may read it, or where there is none."""
    is_enforced: bool = False
    """The kernel was told to take signed modules only (`module.sig_enforce`), Secure Boot or not."""
    certificate: str = ""
    """The one that DKMS signs with here; empty where there is none."""
    is_enrolled: bool | None = None
    """Whether the firmware's list has that certificate."""
    is_waiting: bool = False
    """It was handed over, and somebody has to agree to it at the next boot."""

    @property
    def rejects(self) -> bool:
        """A module that nobody has signed is refused."""
        if self.is_enforced or self.lockdown in ("integrity", "confidentiality"):
            return True
        # Where the kernel does not say, it locks itself down: Debian's, Ubuntu's, Fedora's and SUSE's do.
        return bool(self.is_on) and self.lockdown != "none"


@dataclass(frozen=True)
class Source:
    """One enabled place that packages are taken from."""

    kind: str
    file: str
    line: int
    uri: str
    suite: str = ""
    key: str = ""
    """The file of keys that it names; empty where it names none."""
    has_key: bool = True
    """That file is there."""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Pin:
    """One entry of apt_preferences(5)."""

    file: str
    line: int
    packages: str
    pin: str
    """`release o=repo.radeon.com`"""
    priority: int

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class LoaderFolder:
    """A folder of another ROCm in which the loader looks for libraries, for every program."""

    file: str
    line: int
    folder: str
    is_alone: bool = False
    """The file says nothing else, and no package owns it."""
    package: str = ""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class FailedBuild:
    """A log of DKMS that ends in an error."""

    module: str
    """`amdgpu/6.12.12-2164967.24.04`"""
    kernel: str
    error: str
    """The first line that says what was wrong."""
    where: str


@dataclass(frozen=True)
class Space:
    """A folder, the bytes that are free for this user there, and those that what comes next would take."""

    folder: str
    purpose: str
    free: int
    needed: int


@dataclass(frozen=True)
class SnapshotState:
    """The newest usable snapshot of the driver: its number, and the kernels whose modules it does not hold."""

    number: int
    created: str
    lacking: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    """Kernels of which it has the modules as they were before."""


@dataclass(frozen=True)
class FirmwareTwin:
    """A file that lies plain beside the packed one of its package: the kernel takes the plain one."""

    plain: str
    packed: str


@dataclass(frozen=True)
class MachineSymptoms:
    """All that the rows about the machine, its log and its sources of packages judge."""

    log: KernelLog = KernelLog()
    secure_boot: SecureBoot = SecureBoot()
    sources: tuple[Source, ...] = ()
    pins: tuple[Pin, ...] = ()
    codename: str = ""
    """Of the distribution's release, where its packages and AMD's go by the same names: Ubuntu's."""
    loader: tuple[LoaderFolder, ...] = ()
    builds: tuple[FailedBuild, ...] = ()
    spaces: tuple[Space, ...] = ()
    snapshot: SnapshotState | None = None
    firmware_twins: tuple[FirmwareTwin, ...] = ()
    command_line: str = ""
    """Of the kernel that runs; empty where it is not known."""
    translated: tuple[str, ...] = ()
    """PCI addresses of AMD's cards whose memory accesses an IOMMU translates."""
    is_loaded: bool | None = None
    """Whether the module amdgpu is loaded; None where nothing tells."""
