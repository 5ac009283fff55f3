"""A change of files that other programs use: what stood there, what was put, from where and why.

A change is described by `Replacement`s, which say what a plan saw and what shall stand there instead; carried
out, it is a `Generation`, which is never changed afterwards and from which everything can be brought back.
"""

from __future__ import annotations

from dataclasses import dataclass

GENERATION_SCHEMA = 1

ABSENT, FILE, LINK = "absent", "file", "link"
"""What can stand at a path. Anything else (a folder, a device) is no business of a deployment."""


@dataclass(frozen=True)
class Seen:
    """What lstat(2) says of one path: enough to notice that it is another file, or was written to, since.

    All zero and `absent` where nothing is there. Times are nanoseconds since 1970.
    """

    kind: str = ABSENT
    device: int = 0
    inode: int = 0
    size: int = 0
    modified: int = 0
    changed: int = 0
    """st_ctime: also a new name of the file changes it."""
    target: str = ""
    """Of a link."""


@dataclass(frozen=True)
class FileState:
    """What stands at one path, so that it can be brought back byte for byte."""

    kind: str = ABSENT
    sha256: str = ""
    size: int = 0
    mode: int = 0
    """Permissions alone."""
    owner: int = 0
    group: int = 0
    modified: int = 0
    """st_mtime_ns."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Extended attributes, sorted; values in base64."""
    target: str = ""

    def holds_the_same(self, other: FileState) -> bool:
        """Whether a program that reads the path finds no difference."""
        return (self.kind, self.sha256, self.target) == (other.kind, other.sha256, other.target)


NOTHING = FileState()


@dataclass(frozen=True)
class NewFile:
    """The bytes of a file of the user's. `sha256` is what the plan read, empty where it read no content."""

    source: str
    size: int
    sha256: str = ""
    seen: Seen = Seen()
    """The file when the plan looked at it; `absent` where nobody did."""
    is_roots: bool = False
    """It is to be root's, for everybody to read, whatever stood there: a kernel module is nobody else's."""


@dataclass(frozen=True)
class SavedFile:
    """What a generation has saved, to be brought back with all that `state` says."""

    generation: int
    name: str
    """In the generation's folder."""
    state: FileState
    is_apart: bool = False
    """The bytes are the user's own backup as well, which must not become one file with what is put: who patches by
    hand writes over it in place."""


@dataclass(frozen=True)
class NewText:
    """A small file of ours, made here: everybody may read it, only its owner write."""

    text: str


@dataclass(frozen=True)
class NewLink:
    """A symlink that says *target*."""

    target: str


@dataclass(frozen=True)
class NoFile:
    """Nothing shall stand there."""


@dataclass(frozen=True)
class Adopted:
    """What stands there stays; what stood there before lies at `original`, a path below the same root."""

    original: str


Content = NewFile | NewText | SavedFile | NewLink | NoFile | Adopted


@dataclass(frozen=True)
class Replacement:
    """One path, and what shall stand there.

    `root` is an absolute folder without a symlink in it; `path` leads from there without one. What is there when
    the change is carried out must still be what the plan has `seen`.
    """

    root: str
    path: str
    seen: Seen
    content: Content
    known: FileState | None = None
    """What `seen` is known to hold, by the record of the generation that put it: then it is not read again."""


@dataclass(frozen=True)
class Step:
    """One path of a generation. `saved` and `kept` are names in the generation's folder, empty where none are."""

    root: str
    path: str
    before: FileState
    after: FileState
    saved: str = ""
    """The bytes of `before`."""
    kept: str = ""
    """The bytes of `after`, where the file system could link or reflink them: what `deploy --again` puts."""
    source: str = ""
    """Where the bytes of `after` came from."""
    placed: Seen = Seen()
    """What stood there when the change was complete."""


@dataclass(frozen=True)
class Place:
    """Whose files a change is about. `device` and `inode` tell a folder from another one of the same name."""

    kind: str
    """`venv` and `prefix` are ours; `foreign` is any other environment, `user` a user's own site-packages,
    `scope` our own folders, `driver` the kernel modules and settings of a whole system.
    """
    name: str
    """As users call it: `myproj`, `user`, or the whole path of an environment that is not ours."""
    folder: str
    """The published link of what is ours, else the folder itself."""
    resolved: str
    device: int
    inode: int

    def as_json(self) -> dict[str, object]:
        """What plans say of it for programs."""
        return {"kind": self.kind, "name": self.name, "folder": self.folder}


@dataclass(frozen=True)
class Intent:
    """What a change is for.

    `verb` is the command: `deploy`, `adopt`, `restore`, `undo`, `default`, `remove`, `rebind`, and of the driver
    `set`, `unset`, `recover`.
    """

    verb: str
    place: Place
    reason: str = ""
    """The user's own, where `--force` was needed."""
    reverts: int = 0
    """The generation that an `undo` takes back."""
    restores: tuple[int, ...] = ()
    """The generations whose files a `restore` takes back."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Generation:
    """A change that was carried out, whole. `number` counts from 1 in its scope."""

    number: int
    created: str
    """ISO 8601, UTC."""
    intent: Intent
    steps: tuple[Step, ...]
    interrupted: bool = False
    """It could not be taken back whole after a crash, because something else had changed a file meanwhile."""
    schema: int = GENERATION_SCHEMA


@dataclass(frozen=True)
class Site:
    """Where a deployment goes: an environment, its folders of packages, and what is named in hints."""

    place: Place
    packages: tuple[str, ...]
    """Absolute, without symlinks: the folders that Python imports from, the most likely one first."""
    python: str = ""
    """Its interpreter; empty where there is none."""
    stack: str = ""
    """Of an environment of ours."""
    notes: tuple[str, ...] = ()
    """What the user may not expect of it: sentences without a full stop."""


@dataclass(frozen=True)
class Problem:
    """Why a library should not go where it is to go.

    `kind` is `architecture`, `soname`, `needed`, `version`, `glibc` or `stack`.
    """

    kind: str
    file: str
    what: str
    """One sentence without a full stop."""
