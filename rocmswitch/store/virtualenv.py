"""Virtual environments, made by uv from wheels that the cache has: no network, no index, nobody's configuration.

They are made where they stay, and still `--relocatable`: then their scripts find their Python beside
themselves, so that they are the same bytes in every tree, and a data folder that moves takes them along.
Bytecode is compiled now, because a read-only tree cannot keep it later.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from rocmswitch.errors import Failed, MachineLacks, RocmswitchError, VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.knownwheels import Known, link_bytecode
from rocmswitch.store.listing import list_environment as list_environment
from rocmswitch.store.listing import site_packages
from rocmswitch.store.protection import Protection, protect
from rocmswitch.store.wheelfiles import Wheel as Wheel
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.process import Finished, run

if TYPE_CHECKING:
    from rocmswitch.store.bundledpython import BundledPython

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR")
"""What uv sees of our environment: where interpreters are, and nothing that would change what it does."""

_SUPPORT = "_virtualenv.py"
"""What uv adds to environments of Pythons before 3.10, which import it at each start."""


class Uv:
    """The uv that came with us. *folder*, on the file system of the environments, keeps what it unpacks.

    Environments are hard links to that: the second one with the same wheels costs neither time nor space.
    *pythons* is where the interpreters lie that it fetches.
    """

    def __init__(
        self, folder: Path, disk: Disk, pythons: Path | None = None, *, python: BundledPython | None = None
    ) -> None:
        """*python* is one that came with a bundle: no other is fetched then."""
        self.python = python
        self._folder = folder
        self._disk = disk
        self._pythons = pythons or folder / "pythons"
        self._known = Known(folder / "known", disk)

    @property
    def disk(self) -> Disk:
        return self._disk

    @property
    def pythons(self) -> Path:
        return self._pythons

    def make_environment(
        self, folder: Path, python: Path, wheels: Sequence[Wheel], protection: Protection | None = None
    ) -> None:
        """Make an environment of *python* with *wheels*, all of them and nothing else, in the empty *folder*.

        With a *protection* it keeps them when its owner installs more. Nothing is synced. Raises Failed,
        MachineLacks, and VerificationFailed where a wheel is not what its digest says.
        """
        self.run("venv", "--relocatable", "--no-project", "--allow-existing", "--python", python, folder)
        if wheels:
            with disk_errors(folder):
                self._install(folder, wheels)
        if protection is not None:
            with disk_errors(folder):
                protect(folder, protection, self._disk)

    def list_environment(self, folder: Path, wheels: Sequence[Wheel]) -> tuple[FileEntry, ...]:
        """As `listing.list_environment`; what is shared with an environment before is not hashed again."""
        return list_environment(folder, wheels, self._known)

    def _install(self, folder: Path, wheels: Sequence[Wheel]) -> None:
        """Put *wheels* into the environment, each with its bytecode: linked where it is known, else compiled."""
        site = site_packages(folder)
        found = {wheel: self._known.find(wheel, site) for wheel in wheels}
        known = {wheel: one for wheel, one in found.items() if one is not None}
        fresh = [wheel for wheel in wheels if wheel not in known]
        self._put(folder, fresh, "--compile-bytecode")
        self._put(folder, list(known))
        if not link_bytecode(known.values(), site, self._disk):
            self._put(folder, list(known), "--compile-bytecode", "--reinstall")
        elif not fresh and (site / _SUPPORT).exists():
            run([folder / "bin/python", "-I", "-m", "compileall", "-q", site / _SUPPORT])

    def _put(self, folder: Path, wheels: Sequence[Wheel], *more: str) -> None:
        if not wheels:
            return
        requirements = "".join(f"{wheel.requirement}\n" for wheel in wheels)
        found = [word for wheel in wheels for word in ("--find-links", self._link(wheel))]
        flags = ("--no-index", "--no-deps", "--no-build", "--require-hashes", *more)
        into = ("--python", folder / "bin/python", "--requirements", "-")
        self.run("pip", "install", *flags, *found, *into, stdin=requirements.encode())

    def size(self) -> int:
        """Bytes that only uv's own folder holds: what an environment shares would stay there."""
        found = (path.lstat() for path in self._folder.rglob("*"))
        return sum(one.st_size for one in found if stat.S_ISREG(one.st_mode) and one.st_nlink == 1)

    def discard(self) -> None:
        """Forget what uv has unpacked; environments keep their files. Waits for another uv that works there."""
        if self._folder.exists():
            self.run("cache", "clean")
            with disk_errors(self._folder):
                self._disk.remove_tree(self._folder)

    def run(self, *words: str | Path, stdin: bytes = b"") -> Finished:
        """Run uv without a network and without anybody's configuration. Raises as `make_environment`."""
        done = self.attempt("--quiet", *words, stdin=stdin)
        if done.code:
            raise complaint(done.stderr.decode(errors="replace"), "make the environment")
        return done

    def attempt(
        self, *words: str | Path, stdin: bytes = b"", settings: Mapping[str, str] = MappingProxyType({})
    ) -> Finished:
        """As `run`, for the caller to look at the exit code. *settings* are variables over those that it sets."""
        try:
            environment = self._environment(os.environ) | dict(settings)
            return run([_executable(), *words], stdin=stdin, environment=environment, ends_with_us=True)
        except FileNotFoundError as error:
            raise MachineLacks("`uv`, which makes environments, is missing from this installation") from error

    def _environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        kept = {name: environment[name] for name in _KEPT if name in environment}
        return kept | {
            "UV_CACHE_DIR": str(self._folder / "cache"),
            "UV_NO_CONFIG": "1",
            "UV_OFFLINE": "1",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }

    def _link(self, wheel: Wheel) -> Path:
        """A folder with *wheel* under its real name, which uv reads: always the same, or uv would unpack again."""
        folder = self._folder / "wheels" / wheel.digest.value
        link, target = folder / wheel.filename, str(wheel.path.absolute())
        self._disk.make_directories(folder, synced=False)
        if not link.is_symlink() or str(link.readlink()) != target:
            self._disk.discard(link)
            with contextlib.suppress(FileExistsError):  # another process was faster
                self._disk.symlink(link, target)
        return folder


def _executable() -> str:
    import uv

    return str(uv.find_uv_bin())


def complaint(stderr: str, task: str) -> RocmswitchError:
    """uv's own words in one line, in the class that its cause belongs to. *task* is what it could not do."""
    start = re.search(r"^error\b", stderr, re.MULTILINE)  # what it says before is progress
    lines = [line.strip() for line in stderr[start.start() if start else 0 :].splitlines() if line.strip()]
    lines = [re.sub(r"^(error|cause|Caused by|×|├─▶|╰─▶|│)[: ]\s*", "", line) for line in lines]
    said = ": ".join(line.rstrip(".:") for line in lines if not line.startswith("hint:")) or "it gave no reason"
    if "No space left on device" in said or "os error 28" in said:
        return MachineLacks(f"no space is left to {task}", hint="run `rocmswitch cache prune`")
    kind = VerificationFailed if "hash mismatch" in said.lower() else Failed
    return kind(f"uv could not {task}: {said}")
