"""What this machine provably has: sonames with their symbol versions, programs, headers.

Proofs come from ELF files in the loader's folders and from paths below /usr, never from the name of a
distribution or from what its package manager says. ROCm trees that others installed do not count.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from rocmswitch.errors import ManifestMistake
from rocmswitch.host.loaderconf import read_loader_lines
from rocmswitch.host.systemroot import SystemRoot, within
from rocmswitch.metadata.debversion import version_key
from rocmswitch.metadata.elf import ElfFacts, parse_elf
from rocmswitch.model.grammar import parse_newest
from rocmswitch.model.host import Evidence

MACHINES = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64", "ppc64le": "EM_PPC64", "riscv64": "EM_RISCV"}
"""elf.h's names by those of uname(2), for the 64-bit machines that ROCm or its tools run on."""

_SONAME = re.compile(r"(?P<soname>[^/()\s]+\.so[^/()\s]*)(?:\((?P<version>[^()\s]+)\))?")
_PROGRAM_FOLDERS = ("usr/local/bin", "usr/bin", "bin", "usr/local/sbin", "usr/sbin", "sbin")
_DEFAULT_FOLDERS = ("lib64", "usr/lib64", "lib", "usr/lib")
"""Of ld.so(8). Distributions add their multiarch folders, by ld.so.conf or in the loader itself."""
_RELEASE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})*")
"""Not `v1`, as libc++ calls its folder."""
_FOREIGN_ROCM = re.compile(r"/opt/(rocm|amdgpu)")


class HostLibraries:
    """The libraries, programs and headers below *root*, looked up one by one when they are asked for."""

    def __init__(self, root: Path = Path("/"), machine: str = "") -> None:
        """*machine* is uname(2)'s word for the processor, by default this one's."""
        self._root = root
        self._machine = machine or os.uname().machine
        self._facts: dict[str, tuple[Path, ElfFacts] | None] = {}

    def lacks(self, proof: str) -> str | None:
        """Why *proof* (of `rocm.host` in a manifest) does not hold here; None where it does.

        A proof is a soname, perhaps with a symbol version (`libstdc++.so.6(GLIBCXX_3.4.30)`), or a path
        below /usr, in which `*` stands for any name, perhaps with a bound: `include/c++/*/vector (<< 16)`.
        Raises ManifestMistake for anything else.
        """
        path, below = parse_newest(proof) or (proof, "")
        if "/" in path:
            if path.startswith("/") or ".." in path.split("/"):
                raise ManifestMistake(f"`{proof}` is not a path below /usr")
            if not self._has_path(path):
                return f"there is no `{path}` below /usr"
            return self._too_new(path, below) if below else None
        parts = _SONAME.fullmatch(proof)
        if parts is None:
            raise ManifestMistake(f"`{proof}` is neither a soname nor a path below /usr")
        return self._lacks_library(parts["soname"], parts["version"])

    def find(self, soname: str) -> Path | None:
        """The file that the loader would take for *soname*; None where there is none for this processor."""
        found = self._look_up(soname)
        return found[0] if found else None

    def defined_versions(self, soname: str) -> tuple[str, ...]:
        """The symbol versions that the host's *soname* defines."""
        found = self._look_up(soname)
        return found[1].defined_versions if found else ()

    def has_path(self, path: str) -> bool:
        """Whether there is something at the absolute *path*; a program may be in any of the program folders."""
        folder, name = posixpath.split(path)
        if folder.lstrip("/") in _PROGRAM_FOLDERS and self._has_path(f"bin/{name}"):
            return True
        return os.access(_inside(self._root, path), os.F_OK)

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """Where the loader looks, in its order, without ROCm trees that others installed."""
        multiarch = f"{self._machine}-linux-gnu"
        defaults = (f"{folder}/{multiarch}" for folder in ("lib", "usr/lib"))
        configured = (one.folder for one in read_loader_lines(SystemRoot(self._root)))
        named = (*configured, *defaults, *_DEFAULT_FOLDERS)
        found = dict.fromkeys(_inside(self._root, folder) for folder in named)
        ours = (one for one in found if not _FOREIGN_ROCM.match(self._below_root(one)))
        return tuple(one for one in ours if os.access(one, os.X_OK) and one.is_dir())

    def _lacks_library(self, soname: str, version: str | None) -> str | None:
        found = self._look_up(soname)
        if found is None:
            return f"the loader's folders have no `{soname}`"
        if version and version not in found[1].defined_versions:
            return f"`{self._below_root(found[0])}` does not define `{version}`"
        return None

    def _look_up(self, soname: str) -> tuple[Path, ElfFacts] | None:
        if soname not in self._facts:
            candidates = (self._usable(folder / soname) for folder in self.folders)
            self._facts[soname] = next((one for one in candidates if one), None)
        return self._facts[soname]

    def _usable(self, path: Path) -> tuple[Path, ElfFacts] | None:
        """A library that a program of this processor can load, with its links followed."""
        real = _inside(self._root, self._below_root(path))
        if _FOREIGN_ROCM.match(self._below_root(real)) or not os.access(real, os.R_OK) or not real.is_file():
            return None
        with real.open("rb") as file:
            facts = parse_elf(file)
        fits = facts and facts.bits == 64 and facts.machine == MACHINES.get(self._machine)
        return (real, facts) if facts and fits else None

    def _has_path(self, proof: str) -> bool:
        folder, _, rest = proof.partition("/")
        if folder in ("bin", "sbin"):
            paths = (_inside(self._root, f"{place}/{rest}") for place in _PROGRAM_FOLDERS)
            return any(os.access(path, os.X_OK) and path.is_file() for path in paths)
        return any(self._found(proof))

    def _too_new(self, pattern: str, below: str) -> str | None:
        """Why the newest version in the place of the last `*` of *pattern* does not do; None where it does."""
        star = pattern[: pattern.rindex("*")].count("/")
        names = (path.relative_to(self._root / "usr").parts[star] for path in self._found(pattern))
        newest = max(filter(_RELEASE.fullmatch, names), key=version_key, default="")
        if not newest:
            return f"`{pattern}` below /usr has no version"
        if version_key(newest) < version_key(below):
            return None
        return f"`{pattern}` below /usr is of version {newest}, and has to be older than {below}"

    def _found(self, pattern: str) -> Iterator[Path]:
        """What there is below /usr: a link that leads nowhere is not."""
        found = (self._root / "usr").glob(pattern)
        return (path for path in found if os.access(_inside(self._root, self._below_root(path)), os.F_OK))

    def _below_root(self, path: Path) -> str:
        """*path* as programs of this machine would name it."""
        return f"/{path.relative_to(self._root)}"


def evidence(table: Mapping[str, tuple[str, ...]], names: Iterable[str], libraries: HostLibraries) -> Evidence:
    """Which of the packages *names* that stand in *table* (`rocm.host`) this machine provably has."""
    proven, lacking = [], []
    for name in sorted(set(names) & table.keys()):
        why = next((why for proof in table[name] if (why := libraries.lacks(proof))), None)
        if why is None:
            proven.append((name, ", ".join(table[name]) or "nothing here runs it"))
        else:
            lacking.append((name, why))
    return Evidence(tuple(proven), tuple(lacking))


def _inside(root: Path, name: str) -> Path:
    """*name* below *root* with its links followed as `within` does; as it is where they lead in a circle."""
    try:
        return root / within(root, name)
    except OSError:
        return root / name.lstrip("/")
