"""How the ELF files of a tree find one another: links followed, search paths computed, gaps named. No effects."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.elf import ElfFacts
from rocmswitch.model.fileentry import FileEntry

_HOPS = 40
"""As many symlinks as the kernel follows: path_resolution(7)."""
_ORIGIN = re.compile(r"\$ORIGIN(?![A-Za-z0-9_])|\$\{ORIGIN\}")


class Paths:
    """The paths of a tree as its entries state them, with links followed as the kernel would."""

    def __init__(self, entries: Iterable[FileEntry]) -> None:
        self._entries = {one.path: one for one in entries}

    def resolve(self, path: str) -> str | None:
        """*path* without links; None where it leads out of the tree or in a circle. It need not exist."""
        waiting = path.split("/")[::-1]
        done: list[str] = []
        hops = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                if not done:
                    return None
                done.pop()
            elif part not in ("", "."):
                entry = self._entries.get("/".join((*done, part)))
                if entry is not None and entry.kind == "link":
                    hops += 1
                    if hops > _HOPS or entry.target.startswith("/"):
                        return None
                    waiting.extend(entry.target.split("/")[::-1])
                else:
                    done.append(part)
        return "/".join(done)

    def exists(self, path: str) -> bool:
        return path == "" or path in self._entries

    def check_links(self) -> tuple[str, ...]:
        """The links that were absolute and lead to nothing here. Raises VerificationFailed where one leaves."""
        dangling = []
        for entry in self._entries.values():
            if entry.kind != "link":
                continue
            found = self.resolve(entry.path)
            if found is None:
                raise VerificationFailed(
                    f"`{entry.path}` of `{entry.package}` is a symlink out of the tree, to `{entry.target}`"
                )
            if entry.original_target and not self.exists(found):
                dangling.append(entry.path)
        return tuple(dangling)


@dataclass(frozen=True)
class Gap:
    """A library, or a symbol version of it, that neither the tree nor the host has for *path*."""

    path: str
    soname: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.soname} ({self.version})" if self.version else self.soname


@dataclass(frozen=True)
class Linkage:
    """The ELF files of one tree that are for one processor, by path. `root` is the ROCm tree inside."""

    paths: Paths
    root: str
    facts: Mapping[str, ElfFacts]
    places: dict[str, dict[str, str]] = field(default_factory=dict)
    """For a file name, the folders that have it, each with the path of the file itself."""
    seen_from: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """For a file, what $ORIGIN may be: its own folder first, then those with a link to it, by which the loader
    may have come. A program is always where it really is."""

    @classmethod
    def of(cls, entries: Iterable[FileEntry], root: str, facts: Mapping[str, ElfFacts]) -> Linkage:
        entries = tuple(entries)
        found = cls(Paths(entries), root, facts)
        for entry in sorted(entries, key=lambda one: (one.kind == "link", one.path)):
            real = found.paths.resolve(entry.path) or ""
            if real in facts:
                folder, name = posixpath.split(entry.path)
                found.places.setdefault(name, {})[folder] = real
                known = found.seen_from.get(real, ())
                if not known or not facts[real].interpreter:
                    found.seen_from[real] = tuple(dict.fromkeys((*known, folder)))
        return found

    def provider(self, path: str, soname: str) -> str | None:
        """The file of the tree that *path* gets for *soname* once it is relocated; None: the host's."""
        folders = self.places.get(soname)
        if not folders:
            return None
        return folders[self._folder_for(path, soname)]

    def search_path(self, path: str, also: Sequence[str] = ()) -> str | None:
        """The DT_RPATH that *path* ought to have; None where it needs no file of the tree, or has it already.

        *also* are folders of the tree that go behind what it needs, for what it may open by name.
        """
        facts = self.facts[path]
        needed = [one for one in facts.needed if one in self.places]
        if not needed:
            return None
        kept = [
            entry
            for one in (facts.runpath or facts.rpath).split(":")
            if (entry := self._relative(path, one)) is not None
        ]
        for origin in self.seen_from[path]:
            for soname in needed:
                if not any(self._folder(origin, one) in self.places[soname] for one in kept):
                    kept.append(_from_origin(self._folder_for(path, soname), origin))
        kept += [_from_origin(one, posixpath.dirname(path)) for one in also]
        wanted = ":".join(dict.fromkeys(kept))
        return None if wanted == facts.rpath and not facts.runpath else wanted

    def library_folders(self, *roots: str) -> tuple[str, ...]:
        """The folders below *roots*, in their order, that the loader of a system there would look in."""
        real = {posixpath.dirname(one) for one, facts in self.facts.items() if facts.soname}
        return tuple(one for root in roots for one in sorted(real) if _is_library_folder(one, root))

    def gaps(self, path: str, host: Mapping[str, frozenset[str]]) -> Iterator[Gap]:
        """What *path* needs and nothing has. *host* holds the sonames found there, with what each defines."""
        facts = self.facts[path]
        versions = dict(facts.needed_versions)
        for soname in facts.needed:
            provider = self.provider(path, soname)
            if provider is None and soname not in host:
                yield Gap(path, soname)
                continue
            defined = self.facts[provider].defined_versions if provider else host[soname]
            for version in versions.get(soname, ()):
                # A library without any versions satisfies all: the loader only warns.
                if defined and version not in defined:
                    yield Gap(path, soname, version)

    def essential(self) -> frozenset[str]:
        """The tree's public libraries and what they need in it: where these lack something, nothing works.

        Public is a library with a numbered soname (plugins have none) in the ROCm tree's own library folder.
        """
        waiting = [path for path in self.facts if self._is_public(path)]
        found: set[str] = set()
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                waiting += [one for name in self.facts[path].needed if (one := self.provider(path, name))]
        return frozenset(found)

    def _is_public(self, path: str) -> bool:
        numbered = re.search(r"\.so\.\d", self.facts[path].soname)
        return bool(numbered) and any(_is_library_folder(one, self.root) for one in self.seen_from[path])

    def _folder_for(self, path: str, soname: str) -> str:
        """Which folder to take *soname* from: the first the file itself names, its own, one of the ROCm tree."""
        folders = self.places[soname]
        facts = self.facts[path]
        origins = self.seen_from[path]
        named = [self._relative(path, one) for one in (facts.runpath or facts.rpath).split(":")]
        asked = [self._folder(origin, one) for origin in origins for one in named if one is not None]
        preferred = [one for one in (*asked, *origins, f"{self.root}/lib") if one is not None and one in folders]
        inner = f"{self.root}/"
        return (
            preferred[0] if preferred else min(folders, key=lambda one: (not one.startswith(inner), len(one), one))
        )

    def _relative(self, path: str, entry: str) -> str | None:
        """An entry of a search path, relative to $ORIGIN; None where it leads out of the tree."""
        if _ORIGIN.match(entry):
            short = _ORIGIN.sub("$ORIGIN", entry)
            return (
                short if "$" not in short[1:] and self._folder(posixpath.dirname(path), short) is not None else None
            )
        if not entry.startswith("/"):
            return None
        folder = self.paths.resolve(entry)
        own = self.root.startswith("opt/rocm") and re.fullmatch(r"/opt/rocm(?:-[0-9.]+)?(/.*)?", entry)
        if own and (folder is None or not self.paths.exists(folder)):
            folder = self.paths.resolve(f"{self.root}{own[1] or ''}")
        if not folder or not self.paths.exists(folder):
            return None
        return _from_origin(folder, posixpath.dirname(path))

    def _folder(self, origin: str, entry: str) -> str | None:
        """The folder of the tree that an entry means for a file that is reached by *origin*."""
        return self.paths.resolve(posixpath.join(origin, entry.replace("$ORIGIN", ".", 1)))


def _is_library_folder(folder: str, root: str) -> bool:
    return re.fullmatch(rf"{re.escape(root)}/lib(64)?(/[a-z0-9_]+-linux-gnu)?", folder) is not None


def _from_origin(folder: str, origin: str) -> str:
    way = posixpath.relpath(f"/{folder}", f"/{origin}")
    return "$ORIGIN" if way == "." else f"$ORIGIN/{way}"
