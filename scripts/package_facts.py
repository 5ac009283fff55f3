"""What a stack's packages need of a machine and which GPUs they have code for, read from the packages themselves.

A package that `host` of the manifest does not list belongs to the stack. Of each that it lists the proof is what
the stack's own ELF files ask of it: sonames, each with the highest version of every family of symbol versions.
Not of the C library: which one a set needs stands in the relations of its packages.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from rocmswitch.errors import RocmswitchError
from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.repository import OpenedIndex, Repositories
from rocmswitch.host.apt import host_mirror
from rocmswitch.host.facts import read_host
from rocmswitch.metadata.debversion import version_key
from rocmswitch.metadata.elf import ElfFacts, parse_elf
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.metadata.offloadbundle import parse_gpu_code
from rocmswitch.model.package import SIGNED, Artifact, Package
from rocmswitch.model.stack import Stack
from rocmswitch.planning.closure import Closure, resolve_closure
from rocmswitch.planning.placement import C_LIBRARY
from rocmswitch.planning.sets import roots_of, sets_of
from rocmswitch.store.archive import Envelope
from rocmswitch.store.cache import Cache
from rocmswitch.store.layout import Layout
from rocmswitch.store.members import FILE, Limits, Tar, read_members
from rocmswitch.system.disk import Disk

MANIFESTS = Path(__file__).resolve().parent.parent / "manifests"
HOME = Layout.under(MANIFESTS.parent / ".home" / "lock")
_VERSION = re.compile(r"(?P<family>.+)_(?P<number>[0-9]+(\.[0-9]+)*)")
_TARGET = re.compile(r"gfx[0-9a-f]+(-[0-9]+)*(-generic)?")
_MACHINE = "EM_X86_64"


def opened_index(stack: Stack, mirror: str | None, *, allow_expired: bool) -> OpenedIndex:
    """The stack's signed indexes of today, by the code that installs it."""
    host = read_host()
    found = host_mirror(Path("/"), "debian", host)
    mirrors = {"debian": found} if found else {}
    now = datetime.now(timezone.utc)
    repositories = Repositories(Http(), HOME, Disk(), now, host_mirrors=mirrors)
    return repositories.open(stack.rocm.sources, host, mirror=mirror, allow_expired=allow_expired)


@dataclass
class Contents:
    """Of one package: what its ELF files are called, what they need, and its GPU code by target."""

    sonames: set[str] = field(default_factory=set)
    needed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By soname, the symbol versions."""
    targets: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    """Targets in the names of files."""

    def add(self, name: str, file: BinaryIO) -> None:
        self.named.update(found[0] for found in _TARGET.finditer(name))
        self.targets.update(parse_gpu_code(file).targets)
        facts = parse_elf(file)
        if facts and facts.machine == _MACHINE and facts.bits == 64:
            self._add_facts(name, facts)

    def _add_facts(self, name: str, facts: ElfFacts) -> None:
        self.sonames.add(facts.soname or name)
        for soname in facts.needed:
            self.needed[soname].update(())
        for soname, versions in facts.needed_versions:
            self.needed[soname].update(versions)


def read_package(archive: Path) -> Contents:
    """Every file of the package, one after the other. Raises Unfit."""
    contents = Contents()
    with archive.open("rb") as deb, tempfile.TemporaryFile() as file:
        tar = Tar(Envelope(deb).data(), Limits().size)
        for member in read_members(tar, Limits()):
            if member.kind == FILE:
                file.seek(0)
                file.truncate()
                file.writelines(tar.pieces(member.size))
                contents.add(member.path.rpartition("/")[2], file)
    return contents


def fetched(closure: Closure, opened: OpenedIndex) -> Iterator[tuple[Package, Path]]:
    """Each package and its archive in the cache below .home."""
    places = {
        Artifact(
            one.name, one.version, one.filename, opened.urls(one), one.size, one.digest, verification=SIGNED
        ): one
        for one in closure.packages
    }
    downloads = Downloads(Http(), Cache(HOME.archives, HOME.partial, Disk()))
    for artifact, archive in downloads.fetch(places, Silent()):
        yield places[artifact], archive


def proofs(listed: Contents, own: Iterable[Contents]) -> tuple[str, ...]:
    """What *own* packages ask of the libraries in *listed*."""
    versions: dict[str, set[str]] = defaultdict(set)
    for one in own:
        for soname in one.needed.keys() & listed.sonames:
            versions[soname] |= one.needed[soname]
    return tuple(proof for soname in sorted(versions) for proof in _highest(soname, versions[soname]))


def _highest(soname: str, versions: Iterable[str]) -> list[str]:
    """The highest number of each family: `GLIBCXX_3.4.32` and `CXXABI_1.3.15`; the soname alone without any."""
    highest: dict[str, str] = {}
    for found in filter(None, map(_VERSION.fullmatch, versions)):
        number = highest.get(found["family"], "0")
        highest[found["family"]] = max(number, found["number"], key=version_key)
    return [f"{soname}({family}_{number})" for family, number in sorted(highest.items())] or [soname]


def of_the_stack(stack: Stack, closure: Closure) -> list[str]:
    """Packages that are reached from the roots without passing one of `host`."""
    reached, waiting = set[str](), list(closure.roots)
    while waiting:
        name = waiting.pop()
        if name not in reached and name not in stack.rocm.host:
            reached.add(name)
            waiting += closure.needs[name]
    return sorted(reached)


def differences(stack: Stack, contents: Mapping[str, Contents], names: Iterable[str]) -> list[str]:
    """Lines of `host` as they have to be for the packages *names*, where the manifest has others.

    Proofs by path are the manifest's own affair.
    """
    own = [contents[name] for name in names]
    lines = []
    for name, stated in stack.rocm.host.items():
        if name == C_LIBRARY:
            continue
        read = proofs(contents[name], own) if name in contents else ()
        paths = tuple(one for one in stated if "/" in one)
        if {*read, *paths} != set(stated):
            lines.append(f"{name}: [{', '.join((*read, *paths))}]")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/package-facts", description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--mirror", help="instead of the one that this machine's apt uses")
    parser.add_argument("--allow-expired", action="store_true", help="accept an index whose Valid-Until has passed")
    parser.add_argument("--check", action="store_true", help="exit 1 where `host` has other proofs")
    options = parser.parse_args()
    file = MANIFESTS / f"{options.stack}.yaml"
    stack = parse_manifest(file.read_bytes(), str(file))
    try:
        opened = opened_index(stack, options.mirror, allow_expired=options.allow_expired)
        closure = resolve_closure(roots_of(stack, sets_of(stack)), opened.indexes)
        contents = {package.name: read_package(archive) for package, archive in fetched(closure, opened)}
    except RocmswitchError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return error.exit_code
    own = of_the_stack(stack, closure)
    _print_names(stack, closure, own)
    lines = differences(stack, contents, own)
    print(*(f"host, other than in the manifest: {line}" for line in lines), sep="\n")
    for name, one in sorted(contents.items()):
        if one.targets or one.named:
            names = f"; names of files: {' '.join(sorted(one.named))}" if one.named - one.targets else ""
            print(f"code, {name}: {' '.join(sorted(one.targets)) or 'none'}{names}")
    return 1 if lines and options.check else 0


def _print_names(stack: Stack, closure: Closure, own: list[str]) -> None:
    """Whatever the stack's packages need and nobody lists would be unpacked as a part of ROCm."""
    needed = {need for name in own for need in closure.needs[name]}
    print(f"of the stack: {' '.join(own)}")
    print(f"of the host: {' '.join(sorted(needed & stack.rocm.host.keys()))}")
    print(f"of the host, for nothing: {' '.join(sorted(stack.rocm.host.keys() - needed))}")


if __name__ == "__main__":
    sys.exit(main())
