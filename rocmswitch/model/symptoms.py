"""What `doctor` has seen: facts of this machine and this shell, without a judgement."""

from __future__ import annotations

from dataclasses import dataclass

from rocmswitch.model.convolutions import ConvolutionSymptoms
from rocmswitch.model.framework import FrameworkSymptoms
from rocmswitch.model.gpu import Gpu
from rocmswitch.model.host import Missing
from rocmswitch.model.kernel import System
from rocmswitch.model.leftover import Leftover
from rocmswitch.model.machine import MachineSymptoms


@dataclass(frozen=True)
class Setting:
    """A variable that a file sets for every shell or session of the user."""

    file: str
    line: int
    name: str
    value: str
    """As it is written: `$NAME` in it is not replaced, quotes are gone."""
    foreign: tuple[str, ...] = ()
    """Entries of LD_LIBRARY_PATH or LD_PRELOAD that belong to another ROCm."""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Active:
    """What is entered in this shell. `variables` are those that it sets on this machine's card."""

    name: str
    stack: str
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Hook:
    """The shell's hook as it is installed: `state` is `absent`, `current` or `older`; empty where nobody knows."""

    shell: str = ""
    """`bash`, `zsh`, `fish`; empty for a shell that has no hook."""
    rc: str = ""
    state: str = ""


@dataclass(frozen=True)
class Tools:
    """Where a shell finds ROCm's programs."""

    missing: tuple[str, ...] = ()
    """Folders that what is entered has put on PATH, and that are not on it."""
    hidden_by: str = ""
    """A folder with another ROCm's programs that comes before those."""
    unreached: str = ""
    """A ROCm of the machine whose programs no folder of PATH leads to."""


@dataclass(frozen=True)
class ShellSymptoms:
    """This shell, and what the user's files do to every shell."""

    settings: tuple[Setting, ...] = ()
    foreign: tuple[tuple[str, str], ...] = ()
    """Variable and entry of the environment that this command was started in."""
    override: str = ""
    """HSA_OVERRIDE_GFX_VERSION in it."""
    active: Active | None = None
    hook: Hook = Hook()
    gone: tuple[str, str] = ("", "")
    """Variable and name, where this shell is in what is not installed any more."""
    program: str = ""
    """This rocmswitch; empty where it has no file of its own that a search path could find."""
    on_path: str = ""
    """The one that a shell finds."""
    kept: tuple[tuple[str, str], ...] = ()
    """What the variables of `foreign` hold besides; not named where that is nothing."""
    tools: Tools = Tools()


@dataclass(frozen=True)
class Copy:
    """One file of a library that is loaded, and what led to it."""

    path: str
    why: str


@dataclass(frozen=True)
class Clash:
    """A library that is there twice (`copies`), or once and from another stack (`foreign`)."""

    kind: str
    library: str
    """`libamdhip64`."""
    files: tuple[Copy, ...]


@dataclass(frozen=True)
class TreeSymptoms:
    """One installed tree. `kind` is `prefix` or `venv`."""

    name: str
    kind: str
    stack: str = ""
    place: str = ""
    """Its published link."""
    damage: str = ""
    """Why its receipt cannot be read."""
    prefix: str = ""
    """The stack that it needs and that is gone."""
    linked: str = ""
    """The folder of another's that it stands for and that is gone."""
    framework: str = ""
    cannot_import: str = ""
    elsewhere: str = ""
    """The file that was imported, where that is not the environment's own."""
    clashes: tuple[Clash, ...] = ()
    foreseen: tuple[Clash, ...] = ()
    """What it would load from elsewhere if it were started in this shell without being entered."""
    missing: tuple[Missing, ...] = ()
    """What a prefix was to find on this machine, and does not find there now."""
    is_shared: bool = False
    """It is there for all users."""
    changes: tuple[tuple[str, str], ...] = ()
    """What is not as it was made: its kind (`unprotected`, `version`, `missing`, `content`), and a sentence."""


@dataclass(frozen=True)
class DeviceFile:
    """A file that programs open to reach a card."""

    path: str
    there: bool
    usable: bool
    """This user may read and write it."""
    group: str = ""
    """Which may use it; empty where only root may."""
    joined: bool = False
    """The user is in that group, by the machine's list of groups; the session may be older."""
    is_unmapped: bool = False
    """Its group is none of this container's: it shows the number that stands for all others."""


@dataclass(frozen=True)
class Standing:
    """What a manifest says of the first card with an installed stack."""

    stack: str
    support: str
    """Empty where it says nothing."""
    known_bad: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    overrides: bool = False
    """It needs HSA_OVERRIDE_GFX_VERSION on this card."""
    better: str = ""
    """A stack that is known to do better."""


@dataclass(frozen=True)
class CardSymptoms:
    """The cards and what stands between them and a program."""

    gpus: tuple[Gpu, ...] = ()
    target: str = ""
    """What the first card is, or what the user says that it is."""
    hidden: int = 0
    """Cards that the kernel does not let this process use."""
    plugged: tuple[str, ...] = ()
    """PCI addresses of AMD's display controllers."""
    devices: tuple[DeviceFile, ...] = ()
    user: str = ""
    contained: bool = False
    """In a container, which has to be given the device files when it is started."""
    stacks: tuple[Standing, ...] = ()
    named: bool = False
    """The user has said which card `target` is."""
    integrated: tuple[int, ...] = ()
    """Nodes of those of `gpus` that are part of a processor."""
    chosen: str = ""
    """`ROCR_VISIBLE_DEVICES=1`: what already says which cards programs see."""
    overridden: tuple[str, ...] | None = None
    """Stacks whose manifests set HSA_OVERRIDE_GFX_VERSION for `target`; None where that was not asked."""


@dataclass(frozen=True)
class PlaceSymptoms:
    """Our folders, and the project that this command was started in."""

    writable: tuple[str, ...] = ()
    """Folders of ours that other users may change."""
    strange: tuple[tuple[str, str], ...] = ()
    """Those that belong to another user, and the number of the one that they should belong to."""
    cache: str = ""
    """The cache, where it lies on another file system than `data`."""
    data: str = ""
    pin: str = ""
    """The nearest pin file."""
    wrong_pin: bool = False
    """It is no pin, or cannot be read."""
    missing: tuple[str, ...] = ()
    """What it asks for and what is not installed: a stack, or a stack and an environment."""


@dataclass(frozen=True)
class ChangeSymptoms:
    """A recorded change that is no longer what it was. `state` is one of planning/drift.py, `place` whose files."""

    number: int
    verb: str
    state: str
    place: str
    folder: str
    files: tuple[str, ...] = ()
    remedies: tuple[tuple[str, ...], ...] = ()
    """Commands, any of which ends it: the words after `rocmswitch`."""
    detail: str = ""


@dataclass(frozen=True)
class LedgerSymptoms:
    """The records of changes to files that other programs use."""

    folder: str = ""
    interrupted: bool = False
    unreadable: tuple[int, ...] = ()
    changes: tuple[ChangeSymptoms, ...] = ()


@dataclass(frozen=True)
class Symptoms:
    """All that the rows of planning/diagnosis.py judge."""

    shell: ShellSymptoms = ShellSymptoms()
    trees: tuple[TreeSymptoms, ...] = ()
    card: CardSymptoms = CardSymptoms()
    place: PlaceSymptoms = PlaceSymptoms()
    ledger: LedgerSymptoms = LedgerSymptoms()
    leftovers: tuple[Leftover, ...] = ()
    system: System | None = None
    """What the kernels here would load; None where there are none, as in a container."""
    rocm: str = ""
    """The version of the ROCm in use, or of what was asked about."""
    machine: MachineSymptoms = MachineSymptoms()
    convolutions: tuple[ConvolutionSymptoms, ...] = ()
    """How each environment of ours computes them."""
    frameworks: tuple[FrameworkSymptoms, ...] = ()
    """The PyTorch of each environment that was looked at, by its files."""
