"""Virtual environments, made by uv from wheels that the cache has: no network, no index, nobody's configuration.

They are made where they stay, and still `--relocatable`: then their scripts find their Python beside
themselves, so that they are the same bytes in every tree, and a data folder that moves takes them along.
Bytecode is compiled now, because a read-only tree cannot keep it later.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import csv
import io
import os
import re
import stat
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from rocmswitch.errors import Failed, MachineLacks, RocmswitchError, VerificationFailed
from rocmswitch.model.package import Digest
from rocmswitch.model.receipt import FileEntry
from rocmswitch.store.cache import hash_of
from rocmswitch.store.protection import Protection, protect
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.process import Finished, run

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR")
"""What uv sees of our environment: where interpreters are, and nothing that would change what it does."""


@dataclass(frozen=True)
class Wheel:
    """A verified wheel in the cache, with the name that its installer needs."""

    filename: str
    path: Path
    digest: Digest

    @property
    def requirement(self) -> str:
        """The line that allows this file and no other."""
        return f"{self.project}=={parse_wheel_filename(self.filename)[1]} --hash={self.digest}"

    @property
    def project(self) -> str:
        """Its normalised name. Raises Failed where the file's name is no wheel's."""
        try:
            return parse_wheel_filename(self.filename)[0]
        except InvalidWheelFilename as error:
            raise Failed(f"`{self.filename}` is not the name of a wheel") from error


class Uv:
    """The uv that came with us. *folder*, on the file system of the environments, keeps what it unpacks.

    Environments are hard links to that: the second one with the same wheels costs neither time nor space.
    *pythons* is where the interpreters lie that it fetches.
    """

    def __init__(self, folder: Path, disk: Disk, pythons: Path | None = None) -> None:
        self._folder = folder
        self._disk = disk
        self._pythons = pythons or folder / "pythons"

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
        requirements = "".join(f"{wheel.requirement}\n" for wheel in wheels)
        with disk_errors(self._folder):
            links = [self._link(wheel) for wheel in wheels]
        self.run("venv", "--relocatable", "--no-project", "--allow-existing", "--python", python, folder)
        if wheels:
            found = [word for link in links for word in ("--find-links", link)]
            flags = ("--no-index", "--no-deps", "--no-build", "--require-hashes", "--compile-bytecode")
            into = ("--python", folder / "bin/python", "--requirements", "-")
            self.run("pip", "install", *flags, *found, *into, stdin=requirements.encode())
        if protection is not None:
            with disk_errors(folder):
                protect(folder, protection, self._disk)

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


def list_environment(folder: Path, wheels: Sequence[Wheel]) -> tuple[FileEntry, ...]:
    """Every file and symlink below *folder*, sorted, hashed now, each with the wheel that carried it.

    Raises VerificationFailed where a file is not the one in its wheel: uv's unpacked copy may have rotted.
    """
    carried = {path: (wheel.project, value) for wheel in wheels for path, value in _recorded(wheel).items()}
    site = next(folder.glob("lib/python*/site-packages"), folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        entries = tuple(threads.map(lambda path: _entry(folder, path), paths))
    return tuple(_attributed(entry, site.relative_to(folder).as_posix(), carried) for entry in entries)


def _entry(folder: Path, path: Path) -> FileEntry:
    name, found = path.relative_to(folder).as_posix(), path.lstat()
    if path.is_symlink():
        return FileEntry(name, "link", 0o777, target=os.readlink(path))  # noqa: PTH115
    return FileEntry(name, "file", stat.S_IMODE(found.st_mode), found.st_size, hash_of(path, "sha256"))


def _attributed(entry: FileEntry, site: str, carried: Mapping[str, tuple[str, str]]) -> FileEntry:
    package, value = carried.get(entry.path.removeprefix(f"{site}/"), ("", ""))
    # numpy 2.2.6 carries bytecode, which uv compiles anew.
    if value and entry.sha256 != value and not entry.path.endswith(".pyc"):
        raise VerificationFailed(
            f"`{entry.path}` is not the file that the wheel of {package} carries",
            hint="run `rocmswitch cache prune`",
        )
    return FileEntry(entry.path, entry.kind, entry.mode, entry.size, entry.sha256, entry.target, package)


def _recorded(wheel: Wheel) -> dict[str, str]:
    """What the wheel itself says of its files: path in site-packages to SHA-256 in hex, empty where it has none."""
    try:
        with zipfile.ZipFile(wheel.path) as archive:
            record = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/RECORD", name))
            rows = list(csv.reader(io.TextIOWrapper(archive.open(record), "utf-8", newline="")))
        return {row[0]: _as_hex(row[1]) for row in rows if row and "/../" not in f"/{row[0]}"}
    except (zipfile.BadZipFile, StopIteration, UnicodeDecodeError, binascii.Error, IndexError) as error:
        raise Failed(f"`{wheel.filename}` has no readable RECORD") from error


def _as_hex(stated: str) -> str:
    """`sha256=` and unpadded URL-safe base64, as the wheel format has it."""
    algorithm, _, value = stated.partition("=")
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex() if algorithm == "sha256" else ""


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
