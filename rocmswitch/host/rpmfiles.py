"""Whose a file is according to rpm: asked of the program, because its database has three formats."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import Owner
from rocmswitch.system.process import Finished, run
from rocmswitch.system.temporary import temporary_folder

FOLDERS = ("usr/lib/sysimage/rpm", "var/lib/rpm")
"""Where the database is: of Fedora since 36 and SUSE, of all before them."""
_FILES = ("rpmdb.sqlite", "Packages.db", "Packages")
_ALGORITHMS = {"1": "md5", "2": "sha1", "8": "sha256", "9": "sha384", "10": "sha512"}
"""RFC 4880's numbers, as FILEDIGESTALGO has them; old packages state none and mean MD5."""
_FORMAT = r"[%{=NAME}\t%{=EVR}\t%{=FILEDIGESTALGO}\t%{FILEDIGESTS}\t%{FILENAMES}\n]"


def database(files: SystemRoot) -> str:
    """The folder of the database of *files*, below their root; empty where there is none."""
    there = (one for one in FOLDERS if any(files.is_file(f"{one}/{name}") for name in _FILES))
    return files.within(next(there, ""))


class RpmFiles:
    """The packages of one system. Paths are as packages spell them, without a leading slash."""

    kind = "rpm"

    def __init__(self, files: SystemRoot) -> None:
        self._files = files

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """VERSION-RELEASE, with an epoch where there is one. Of several of one name, the last that rpm tells of."""
        lines = self._asked(r"%{NAME}\t%{EVR}\n").split(b"\n")
        pairs = (os.fsdecode(line).partition("\t") for line in lines if line)
        return {name: version for name, _, version in pairs}

    def broken(self) -> tuple[str, ...]:
        """None: rpm knows no package that is half installed."""
        return ()

    def claims(self, paths: Iterable[str]) -> dict[str, Owner]:
        """The package of each of *paths* that has one, be the file there or not."""
        wanted = {os.fsencode(f"/{path}"): path for path in paths}
        return {wanted[path]: owner for path, owner in self._listed(wanted)}

    def claims_below(self, folder: str) -> dict[str, Owner]:
        """What packages have below *folder*; links and folders, too, of which no hash is stated."""
        start = os.fsencode(f"/{folder}/")
        wanted = {path: None for path in self._by_path if path.startswith(start)}
        return {os.fsdecode(path[1:]): owner for path, owner in self._listed(wanted)}

    def _listed(self, wanted: Iterable[bytes]) -> Iterator[tuple[bytes, Owner]]:
        for path in wanted:
            line = self._by_path.get(path)
            if line is not None:
                name, version, number, stated = line.decode(errors="surrogateescape").split("\t")[:4]
                algorithm = _ALGORITHMS.get(number, "md5") if stated else ""
                yield path, Owner(name, version, algorithm, stated)

    @cached_property
    def _by_path(self) -> Mapping[bytes, bytes]:
        """One line of _FORMAT for every file of every package, by the file's path.

        The whole list, because `rpm -qf` looks at this machine's files instead, unless it may change its root.
        """
        lines = (line for line in self._asked(_FORMAT).split(b"\n") if line.count(b"\t") >= 4)
        return {line.split(b"\t", 4)[4]: line for line in lines}

    def _asked(self, query: str) -> bytes:
        command = self._command()
        if command is None:
            self._files.note(self._database, "this machine has no `rpm`, so nobody knows whose the files are")
            return b""
        done = _run(command, query)
        why = done.stderr.decode(errors="replace").strip().split("\n")[-1]
        if done.code != 0 and command[0] != "chroot":
            # SQLite opens no database that it may not write beside, unless another process left its index there.
            with temporary_folder() as folder:
                self._copy_to(folder)
                done = _run([command[0], "--dbpath", str(folder)], query)
        if done.code != 0 or not done.stdout:
            self._files.note(self._database, why or f"`rpm` ended with {done.code} and told nothing")
        return done.stdout

    def _command(self) -> list[str] | None:
        """This machine's rpm on that database; else, for root, the system's own."""
        program = shutil.which("rpm")
        if program is not None:
            return [program, "--dbpath", str(self._files.root / self._database)]
        if os.geteuid() == 0 and self._files.is_file("usr/bin/rpm") and shutil.which("chroot"):
            return ["chroot", str(self._files.root), "/usr/bin/rpm"]
        return None

    def _copy_to(self, folder: Path) -> None:
        for name in self._files.names(self._database):
            if name.startswith(_FILES):
                try:
                    with self._files.open(f"{self._database}/{name}") as old, (folder / name).open("wb") as new:
                        shutil.copyfileobj(old, new)
                except OSError as error:
                    self._files.note(f"{self._database}/{name}", error.strerror or str(error))

    @cached_property
    def _database(self) -> str:
        return database(self._files)


def _run(command: list[str], query: str) -> Finished:
    asking = ["-qa", "--nodigest", "--nosignature", "--queryformat", query]
    return run([*command, *asking], environment={**os.environ, "LC_ALL": "C"})
