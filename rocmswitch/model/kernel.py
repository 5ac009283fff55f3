"""What the kernels of one system would load: all files of amdgpu and its companions, and what decides between them.

The system may be the one that runs or one that is mounted somewhere: every path here is relative to its root, leads
through no symlink (`usr/lib/modules/…` where `lib` is a link) and has no leading slash.
"""

from __future__ import annotations

from dataclasses import dataclass

AMDGPU = "amdgpu"
MODULES = (
    AMDGPU,
    "amdttm",
    "amdkcl",
    "amd-sched",
    "amddrm_ttm_helper",
    "amddrm_buddy",
    "amddrm_exec",
    "amdxcp",
    "amddrm_suballoc_helper",
)
"""What amdgpu-dkms installs: new ones beside old ones end in `Unknown symbol`, so they go together."""

SUFFIXES = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")

EMPTY, DAMAGED, FOREIGN = "empty", "damaged", "foreign"
"""What can be seen of a module without its package: no byte; cut off or no module; of another kernel."""
UNREADABLE = "unreadable"
"""Not known: only root may read it."""
CLOSED = "only root may read it"
"""How that is said, also as the `problem` of a boot image that others may not open: no fault of the image."""


@dataclass(frozen=True)
class Owner:
    """The package that a file belongs to, and what its database says the file has to be."""

    package: str
    version: str
    algorithm: str = ""
    """`md5`, `sha256`, …; empty where the database states no hash."""
    stated: str = ""
    is_intact: bool | None = None
    """Whether the file has the stated hash; None where none is stated."""


@dataclass(frozen=True)
class Contents:
    """What a module's bytes say, wherever they lie: lib/modules, a snapshot, an archive, a boot image."""

    size: int
    md5: str
    sha256: str
    unpacked: str
    """The SHA-256 of the module itself, the same for `.ko` and `.ko.xz`; empty where it cannot be unpacked."""
    fault: str = ""
    """EMPTY, DAMAGED, UNREADABLE (then the hashes are empty), or nothing."""
    vermagic: str = ""
    """`6.1.0-50-amd64 SMP preempt mod_unload modversions`: its first word is the kernel it is for."""
    version: str = ""
    is_signed: bool = False
    parameters: tuple[str, ...] = ()
    """`NAME:TYPE`, as modinfo lists them: `vm_size:int`."""

    @property
    def kernel(self) -> str:
        return self.vermagic.partition(" ")[0]


@dataclass(frozen=True)
class ModuleFile:
    """One file of one module in the folder of one kernel."""

    kernel: str
    name: str
    """As modprobe calls it: `amdgpu`."""
    path: str
    contents: Contents
    owner: Owner | None = None
    """None for one that no package owns."""
    signer: str = ""
    """As modinfo says it; empty where it is not signed or there is no modinfo."""
    target: str = ""
    """The real path, where `path` leads through a link; empty where it does not."""

    @property
    def place(self) -> str:
        """The folder right below the kernel's: `kernel`, `updates`, `extra`, `weak-updates`."""
        return self.path.partition(f"/{self.kernel}/")[2].partition("/")[0]

    @property
    def is_in_tree(self) -> bool:
        return self.place == "kernel"

    @property
    def fault(self) -> str:
        """EMPTY, DAMAGED, FOREIGN, UNREADABLE or nothing: what is wrong with it whatever its package says."""
        # Red Hat's weak-updates are links to modules of another kernel with the same ABI: the loader takes those.
        is_weak = self.target != "" and self.place == "weak-updates"
        foreign = self.contents.vermagic and self.contents.kernel != self.kernel and not is_weak
        return self.contents.fault or (FOREIGN if foreign else "")


@dataclass(frozen=True)
class Stated:
    """A file of MODULES that a package says lies in a kernel's folder, whether it is there or not."""

    name: str
    path: str
    owner: Owner
    """`is_intact` is None where the file is gone."""


@dataclass(frozen=True)
class PackedFile:
    """One file inside a boot image. `unpacked` is as in Contents, and the plain SHA-256 for what is no module."""

    path: str
    unpacked: str


@dataclass(frozen=True)
class BootImage:
    """An initramfs of one kernel."""

    path: str
    size: int
    modules: tuple[tuple[str, PackedFile], ...] = ()
    """Those of MODULES that are inside, by name."""
    settings: tuple[PackedFile, ...] = ()
    """The files of modprobe.d that are inside: they count before the root is mounted."""
    firmware: tuple[PackedFile, ...] = ()
    """The files of lib/firmware/updates that are inside."""
    problem: str = ""
    """Why it could not be opened: a sentence without a full stop."""
    is_damaged: bool = False
    """It is cut short or garbled: the kernel cannot unpack it either."""
    is_unified: bool = False
    """It lies in one file for the firmware with its kernel, which another tool makes than that of other images."""


@dataclass(frozen=True)
class Kernel:
    """One folder of lib/modules."""

    release: str
    folder: str
    """`lib/modules/RELEASE` or `usr/lib/modules/RELEASE`."""
    vmlinuz: str = ""
    """The kernel itself; empty where it is not there: a leftover, or /boot is not mounted."""
    modules: tuple[ModuleFile, ...] = ()
    """All copies, in the order in which depmod prefers them."""
    listed: tuple[tuple[str, str], ...] = ()
    """By name of a module, the path that depmod's index has for it, also one that is gone."""
    has_aliases: bool = False
    """Whether the index leads from a card (`pci:v00001002d…`) to amdgpu: without it nothing loads it by itself."""
    images: tuple[BootImage, ...] = ()
    package: str = ""
    """The package that owns its in-tree amdgpu, or should: what is to be reinstalled."""
    package_version: str = ""
    stated: tuple[Stated, ...] = ()
    """What the package database lists of MODULES below `kernel/`, with the hash it has for each."""

    def winner(self, name: str = AMDGPU) -> ModuleFile | None:
        """The file that depmod's index names; where it names none that is there, the one depmod would prefer."""
        files = [one for one in self.modules if one.name == name]
        listed = dict(self.listed).get(name)
        return next((one for one in files if one.path == listed), files[0] if files else None)


@dataclass(frozen=True)
class Setting:
    """One line that has a say in whether and how one of MODULES is loaded."""

    path: str
    line: int
    """From 1."""
    text: str
    kind: str
    """`options`, `blacklist`, `install`, `remove`, `softdep`, `load` (modules-load.d), `image` (put into the boot
    image), `bootline` (the boot command line, wherever it is configured)."""
    module: str
    is_ours: bool = False
    """It is in the file of `rocmswitch driver set`, and nobody else has written there."""
    owner: Owner | None = None


@dataclass(frozen=True)
class Original:
    """A module that DKMS has put aside, or a copy that a person has left beside it (`.origin`)."""

    kernel: str
    name: str
    path: str
    contents: Contents
    origin: str = ""
    """Where it stood, if DKMS has written that down beside it: since 3.1 it moves the distribution's own away."""


@dataclass(frozen=True)
class DkmsBuild:
    """What DKMS has built of one module for one kernel."""

    kernel: str
    state: str
    """`built` or `installed`, by what lies in its folders; what it means for the boot only the files say."""
    files: tuple[tuple[str, str], ...] = ()
    """By name of a module, the SHA-256 (unpacked, as in Contents) of what was built."""


@dataclass(frozen=True)
class DkmsModule:
    """One NAME/VERSION of DKMS that builds any of MODULES, or a folder it has left behind."""

    name: str
    version: str
    source: str = ""
    """The folder of its source; empty where it is gone."""
    provides: tuple[str, ...] = ()
    is_automatic: bool = False
    """Whether it is built for every new kernel."""
    builds: tuple[DkmsBuild, ...] = ()
    owner: str = ""
    """The package of its source."""
    changed: tuple[str, ...] = ()
    """Files of the source that are not what their package says, paths as all here."""
    is_leftover: bool = False
    """An empty shell, which breaks `dkms status` for everything."""


@dataclass(frozen=True)
class FirmwareFile:
    """A file in lib/firmware/updates: it is loaded instead of the one that linux-firmware brings."""

    path: str
    sha256: str
    owner: Owner | None = None


@dataclass(frozen=True)
class Boot:
    """The folder /boot."""

    is_separate: bool = False
    """By fstab."""
    is_mounted: bool = True
    is_read_only: bool = False
    free: int = 0
    """Bytes for root."""
    before: tuple[str, ...] = ()
    """Names of boot images from before that lie by there; nothing needs one once its kernel is right."""
    unmounted: tuple[str, ...] = ()
    """Of `boot`, `boot/efi` and `efi`, those that fstab knows and that are not mounted."""
    strays: tuple[str, ...] = ()
    """Unified kernel images of no kernel that is installed: what is inside was not judged."""


@dataclass(frozen=True)
class Running:
    """What the running kernel says; of a system that is only mounted there is none."""

    release: str
    command_line: str
    loaded: tuple[str, ...] = ()
    """Those of MODULES that are loaded."""
    secure_boot: bool | None = None


@dataclass(frozen=True)
class System:
    """All that is known about what the kernels of one system would load."""

    root: str
    """Absolute: `/` for the one that runs."""
    architecture: str
    """As uname -m would say it there: `x86_64`; empty where it cannot be told."""
    runs_here: bool
    """Whether its programs can be run on this machine: the same architecture."""
    package_database: str = ""
    """`dpkg`, `rpm`, `pacman`, or nothing."""
    image_tool: str = ""
    """`initramfs-tools`, `dracut`, `mkinitcpio`, or nothing."""
    image_layout: str = ""
    """What kernel-install is set to make of kernel and boot image: `uki`, `bls`, …; empty where nobody has said."""
    is_read_only: bool = False
    boot: Boot = Boot()
    kernels: tuple[Kernel, ...] = ()
    settings: tuple[Setting, ...] = ()
    setting_files: tuple[PackedFile, ...] | None = None
    """Every file of modprobe.d (etc and lib), whatever it is about: a boot image has copies of them. `unpacked` is
    empty where one could not be read; None where it is not known which there are.
    """
    dkms: tuple[DkmsModule, ...] = ()
    originals: tuple[Original, ...] = ()
    firmware: tuple[FirmwareFile, ...] = ()
    half_configured: tuple[str, ...] = ()
    """Packages whose installation was broken off."""
    running: Running | None = None
    unread: tuple[str, ...] = ()
    """What could not be read, and why: sentences without a full stop. What they name may be there or not."""
