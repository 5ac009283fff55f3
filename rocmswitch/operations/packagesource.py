"""Packages as sources of what they once brought: from a stick, from a package manager's cache, or by asking it.

Only the very version that the database calls installed serves: a module of another build of one kernel may not
load, and no hash vouches for it.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import TimeoutExpired

from rocmswitch.errors import NotFound, Refused, RocmswitchError
from rocmswitch.host.modulefiles import read_contents
from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import Contents, Owner, System
from rocmswitch.model.recovery import PACKAGE, Candidate
from rocmswitch.planning.vouching import agrees, contradiction, required
from rocmswitch.store.packagefile import PackageFile, members, open_package
from rocmswitch.system.disk import Disk
from rocmswitch.system.inside import Inside

_CACHES = {"dpkg": "var/cache/apt/archives", "rpm": "var/cache/dnf", "pacman": "var/cache/pacman/pkg"}
_SUFFIXES = {"dpkg": (".deb",), "rpm": (".rpm",), "pacman": (".pkg.tar.zst", ".pkg.tar.xz", ".pkg.tar.gz")}
_LONGEST = 300.0
"""Seconds that fetching one package may take: a kernel's has 100 MB."""
_APT = (
    "apt-get",
    "--quiet",
    "--option=Acquire::Retries=0",
    "--option=Acquire::http::Timeout=20",
    "--option=Acquire::https::Timeout=20",
    "--option=APT::Sandbox::User=root",
)
_DNF = ("dnf", "--quiet", "--assumeyes", "--setopt=retries=1", "--setopt=timeout=20", "download", "--destdir=.")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.~:_^-]*")
"""What names and versions of packages are made of: nothing that a program takes for an option."""


@dataclass(frozen=True)
class Wanted:
    """A file that a package brings, at *path* below the root. `kernel` and `name` are as in Candidate."""

    path: str
    owner: Owner
    kernel: str = ""
    name: str = ""

    @property
    def package(self) -> str:
        return self.owner.package.partition(":")[0]


def wanted(system: System) -> tuple[Wanted, ...]:
    """All that a package could have to bring back: modules of the kernels' packages, shadows, sources of DKMS."""
    found: dict[str, Wanted] = {}
    packages = PackageFiles(Path(system.root))
    for kernel in system.kernels:
        for stated in required(kernel):
            found[stated.path] = Wanted(stated.path, stated.owner, kernel.release, stated.name)
        for file in kernel.modules:
            if file.owner and file.path not in found:
                found[file.path] = Wanted(file.path, file.owner, kernel.release, file.name)
    for module in system.dkms:
        for path, owner in packages.owners(module.changed).items():
            found[path] = Wanted(path, owner or Owner(module.owner, packages.version(module.owner)))
    for firmware in system.firmware:
        if firmware.owner:
            found[firmware.path] = Wanted(firmware.path, firmware.owner)
    return tuple(found.values())


def from_files(system: System, files: Sequence[Path]) -> tuple[Candidate, ...]:
    """What the packages that the user has brought hold.

    The package of a DKMS source of which every file is right holds nothing: the same command may be given again.
    Raises NotFound, VerificationFailed where a file is no package, and Refused where it is not the package of the
    version that is installed.
    """
    found: list[Candidate] = []
    sources = {one.owner for one in system.dkms}
    for file in files:
        if not file.is_file():
            raise NotFound(f"there is no file `{file}`")
        package = open_package(file.absolute())
        own = [one for one in wanted(system) if one.package == package.name]
        if not own and package.name in sources:
            continue
        if not own:
            raise Refused(
                f"`{file.name}` is the package `{package.name}`, of which nothing here is to be brought back"
            )
        versions = {one.owner.version for one in own if one.owner.version}
        if versions and package.version not in versions:
            raise Refused(
                f"`{file.name}` is `{package.name}` {package.version}, and {_listed(versions)} is installed:"
                " only the same version fits"
            )
        found += _candidates(package, own, f"the package `{file.name}`")
    return tuple(found)


def from_cache(system: System) -> tuple[Candidate, ...]:
    """What the package manager of *system* still has of it. A file there that is no package is none."""
    kind = system.package_database
    if kind not in _CACHES:
        return ()
    reading, found = SystemRoot(Path(system.root)), list[Candidate]()
    by_package = _by_package(wanted(system))
    for path in reading.below(_CACHES[kind]):
        name = path.rpartition("/")[2]
        own = [ones for package, ones in by_package.items() if name.startswith(f"{package[0]}{_between(kind)}")]
        if name.endswith(_SUFFIXES[kind]) and own:
            try:
                package = open_package(Path(system.root) / path)
                fitting = by_package.get((package.name, package.version), ())
                found += _candidates(package, fitting, f"the package manager's cached `{name}`")
            except RocmswitchError:
                continue  # cut off, or of a format that nothing here opens: it is as if it were not there
    return tuple(found)


def from_manager(system: System) -> tuple[Candidate, ...]:
    """What the package manager of *system* could be asked for. Nobody has opened it yet, and it may not be had."""
    inside = Inside(Path(system.root))
    program = {"dpkg": "apt-get", "rpm": "dnf"}.get(system.package_database, "")
    if not program or not system.runs_here or not inside.finds(program):
        return ()
    return tuple(
        Candidate(
            PACKAGE,
            one.kernel,
            one.name,
            one.path,
            f"the package `{one.package}` {one.owner.version}, which {program} fetches",
            "",
            None,
        )
        for one in wanted(system)
        if one.owner.version and _PLAIN.fullmatch(one.package) and _PLAIN.fullmatch(one.owner.version)
    )


def fetch(candidates: Iterable[Candidate], system: System, folder: Path, disk: Disk) -> tuple[Candidate, ...]:
    """Those of *candidates* that nobody has opened, opened: fetched into *folder*, an empty one below the root.

    One that cannot be had is refused, with the reason. Raises MachineLacks, OSError.
    """
    owners = {one.path: one for one in wanted(system)}
    by_package = _by_package(owners[one.path] for one in candidates if one.path in owners)
    found: list[Candidate] = []
    for number, ((name, version), own) in enumerate(by_package.items()):
        place = folder / str(number)
        disk.make_directory(place, 0o700)
        reason = _download(name, version, system, place)
        files = [path for path in place.iterdir() if path.is_file()]
        try:
            if files:
                package = open_package(files[0])
                found += _candidates(package, own, f"`{files[0].name}`, fetched just now")
                reason = "the package that was fetched does not hold it"
        except RocmswitchError as error:
            reason = error.message
        there = {one.path for one in found}
        found += [_refused(one, name, version, reason) for one in own if one.path not in there]
    return tuple(found)


def content_of(candidate: Candidate) -> bytes:
    """The bytes that *candidate*, a package that is there, has for its path. Raises VerificationFailed, OSError."""
    return members(open_package(Path(candidate.file)), (candidate.path,))[candidate.path]


def _download(name: str, version: str, system: System, place: Path) -> str:
    """Let the system's own package manager fetch it into *place*; why it did not, if so."""
    if system.package_database != "dpkg":
        return _asked([*_DNF, f"{name}-{version}"], system, place)
    reason = _asked([*_APT, "download", f"{name}={version}"], system, place)
    if not any(place.glob("*.deb")):
        # Its lists may be old, or cleared away: new ones go into our folder, so that the system's stay as they are.
        inner = f"/{place.relative_to(system.root)}"
        own = (f"--option=Dir::State::Lists={inner}/lists", f"--option=Dir::Cache={inner}/cache")
        _asked([*_APT, *own, "update"], system, place)
        reason = _asked([*_APT, *own, "download", f"{name}={version}"], system, place)
    return reason


def _asked(command: list[str], system: System, place: Path) -> str:
    """Run it in *place*, as the system sees that; its last complaint."""
    inside = Inside(Path(system.root))
    folder = f"/{place.relative_to(inside.root)}"
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = inside.run(command, environment=quiet, folder=folder, is_online=True, timeout=_LONGEST)
    except FileNotFoundError:
        return f"there is no `{command[0]}`"
    except TimeoutExpired:
        return f"`{command[0]}` did not end within {_LONGEST:.0f} seconds"
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if line.startswith(("E:", "Error"))), lines[-1] if lines else "")
    return said.removeprefix("E: ") or f"`{command[0]}` brought nothing"


def _candidates(package: PackageFile, own: Iterable[Wanted], where: str) -> Iterator[Candidate]:
    by_path = {one.path: one for one in own}
    for path, content in members(package, by_path).items() if by_path else ():
        contents = contents_of(content, path, by_path[path].name)
        yield candidate(PACKAGE, by_path[path], where, str(package.path), contents)


def candidate(kind: str, one: Wanted, where: str, file: str, contents: Contents) -> Candidate:
    """What *file* has for the path of *one*; refused where it is no module and its package states another hash."""
    against = not one.name and agrees(one.owner, contents) is False
    refused = f"it has {contradiction(one.owner, contents)}" if against else ""
    return Candidate(kind, one.kernel, one.name, one.path, where, file, contents, refused)


def contents_of(content: bytes, path: str, name: str) -> Contents:
    """As `read_contents`; of what is no module only its size and its hashes."""
    if name:
        return read_contents(io.BytesIO(content), path.rpartition("/")[2])
    sha256 = hashlib.sha256(content).hexdigest()
    return Contents(len(content), hashlib.md5(content, usedforsecurity=False).hexdigest(), sha256, sha256)


def _refused(one: Wanted, name: str, version: str, reason: str) -> Candidate:
    where = f"the package `{name}` {version}"
    return Candidate(PACKAGE, one.kernel, one.name, one.path, where, "", None, refused=reason)


def _by_package(files: Iterable[Wanted]) -> dict[tuple[str, str], tuple[Wanted, ...]]:
    found: dict[tuple[str, str], tuple[Wanted, ...]] = {}
    for one in files:
        key = (one.package, one.owner.version)
        found[key] = (*found.get(key, ()), one)
    return found


def _between(kind: str) -> str:
    """What stands between a package's name and its version in the name of its file."""
    return "_" if kind == "dpkg" else "-"


def _listed(versions: Iterable[str]) -> str:
    return " or ".join(sorted(versions))


def without(candidates: Sequence[Candidate], opened: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """*candidates*, with those in place of the ones for the same paths that nobody had opened."""
    new = {one.path: one for one in opened}
    return tuple(
        replace(new[one.path]) if one.kind == PACKAGE and one.contents is None and one.path in new else one
        for one in candidates
    )
