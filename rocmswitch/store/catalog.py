"""The manifests there are: those that travel with rocmswitch, and the user's and the machine's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rocmswitch.errors import Failed, ManifestMistake, NotFound, Refused, RocmswitchError
from rocmswitch.model.grammar import is_name

if TYPE_CHECKING:
    from rocmswitch.model.stack import Stack

SUFFIX = ".yaml"
LOCK_SUFFIX = ".lock"
_READ_LIMIT = 16 * 1024 * 1024
"""Bytes of a manifest or lock that are read at all; what a manifest may have is far less."""


@dataclass(frozen=True)
class Manifest:
    """A stack, and the file that pins it. `sha256` is of that file, as receipts record it."""

    stack: Stack
    file: Path
    sha256: str
    shipped: bool


class Catalog:
    """Manifests by the name of their stack. Their files are `NAME.yaml`, a tested lock beside is `NAME.lock`."""

    def __init__(self, shipped: Path, own: tuple[Path, ...] = ()) -> None:
        """*own* are folders, the user's before the machine's; one that is not there holds nothing."""
        self._folders = (*own, shipped)
        self._shipped = shipped

    def names(self) -> tuple[str, ...]:
        """All names, sorted. Nothing is read: a broken manifest is reported by whoever asks for that one."""
        return tuple(sorted(filter(is_name, self._files)))

    def read(self, name: str) -> Manifest:
        """The manifest of *name*.

        Raises NotFound; ManifestMistake for a file that is wrong or is called otherwise than its stack;
        Refused for one that would replace another without saying so.
        """
        from rocmswitch.metadata.manifest import parse_manifest

        file, *hidden = self._of(name)
        content = _read(file)
        stack = parse_manifest(content, str(file))
        if stack.name != name:
            raise ManifestMistake(f"{file}: the stack `{stack.name}` belongs in a file `{stack.name}{SUFFIX}`")
        if hidden and stack.replaces != name:
            raise Refused(
                f"{file} would replace {hidden[0]} without saying so",
                hint=f"give the file and its stack another name, or write `replaces: {name}` into it",
            )
        return Manifest(stack, file, hashlib.sha256(content).hexdigest(), file.parent == self._shipped)

    def read_all(self) -> tuple[tuple[Manifest, ...], tuple[RocmswitchError, ...]]:
        """All manifests that can be read, and what is wrong with the others: one broken file hides nothing else."""
        manifests: list[Manifest] = []
        mistakes: list[RocmswitchError] = []
        for name in self.names():
            try:
                manifests.append(self.read(name))
            except RocmswitchError as error:
                mistakes.append(error)
        return tuple(manifests), tuple(mistakes)

    def lock(self, name: str) -> bytes | None:
        """The tested lock beside the manifest of *name*; None where there is none. Raises NotFound."""
        file = self._of(name)[0].with_suffix(LOCK_SUFFIX)
        return _read(file) if file.is_file() else None

    def _of(self, name: str) -> tuple[Path, ...]:
        if name not in self._files:
            raise NotFound(f"no stack is called `{name}`", hint="run `rocmswitch list --available`")
        return self._files[name]

    @cached_property
    def _files(self) -> dict[str, tuple[Path, ...]]:
        """The files of each name, the one that counts first."""
        found: dict[str, tuple[Path, ...]] = {}
        for folder in self._folders:
            for file in sorted(folder.glob(f"*{SUFFIX}")):
                if file.is_file() and not file.name.startswith("."):
                    name = file.name[: -len(SUFFIX)]
                    found[name] = (*found.get(name, ()), file)
        return found


def shipped_manifests() -> Path:
    """The folder of the manifests that travel with rocmswitch: in the package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "manifests", package.parent / "manifests"):
        if folder.is_dir():
            return folder
    raise Failed(f"the manifests that belong to rocmswitch are not in {package}", hint="install rocmswitch again")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_READ_LIMIT)
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}") from error
