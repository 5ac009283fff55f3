"""One copy of each ROCm library in a process, and none of another stack: judged from what is mapped.

And before anything runs: what the loader would take for the libraries that a stack brings along. Version
numbers are not compared, because they prove nothing: two builds of one version are two copies all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from rocmswitch.metadata.elf import ElfFacts
from rocmswitch.model.symptoms import Clash, Copy
from rocmswitch.planning.loader import Files, Origin, Search, find

CORE = ("libamdhip64", "libhsa-runtime64", "librocblas", "libMIOpen")
"""Two copies of one of these in a process are a fault for certain: each holds the state of the device."""
LIBRARIES = (
    *CORE,
    *("libamd_comgr", "libhiprtc", "libhipblas", "libhipblaslt", "libhipfft", "libhiprand", "libhipsolver"),
    *("libhipsparse", "librccl", "librocfft", "librocm-core", "librocm_smi64", "librocrand", "librocsolver"),
    *("librocsparse", "libroctracer64", "libroctx64"),
)
"""Libraries that belong to one ROCm release and must come from one stack."""

_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+) ([0-9]+) +(/.*)")
_FILE_NAME = re.compile(r"(?P<stem>lib[A-Za-z0-9_-]+?)(-[0-9a-f]{8})?\.so(\.[0-9.]+)?")
"""With the hash that auditwheel puts into the names of what a wheel carries."""
_DELETED = " (deleted)"
_OPT = re.compile(r"/opt/rocm(?!switch/)")
"""Where AMD's packages and hand-made builds lie: `/opt/rocm-6.2.4`, `/opt/rocm-patched`. Not /opt/amdgpu, whose
libdrm belongs to the driver, and not our own folder for all users, which holds interpreters too."""
_SHOWN = 5
"""Files of another stack; a whole one may be mapped."""


@dataclass(frozen=True)
class Mapped:
    """One file in /proc/PID/maps. `identity` is its device and inode: what the loader compares."""

    path: str
    identity: str


@dataclass(frozen=True)
class Check:
    """One look at an environment. `error` says why its framework could not be imported."""

    framework: str = ""
    """The distribution that was imported; empty where there is none that loads ROCm."""
    version: str = ""
    error: str = ""
    clashes: tuple[Clash, ...] = ()
    elsewhere: str = ""
    """The framework's own file, where it does not lie in the environment."""


def parse_maps(text: str) -> tuple[Mapped, ...]:
    """The files in a maps file of proc(5), each once, in the order of their addresses."""
    found: dict[tuple[str, str], Mapped] = {}
    for line in text.splitlines():
        match = _MAPPING.fullmatch(line)
        if match:
            # The kernel writes a newline in a name as \012, and no other byte otherwise than it is.
            path = match[3].replace("\\012", "\n")
            one = Mapped(path, f"{match[1]}:{match[2]}")
            found.setdefault((one.path.removesuffix(_DELETED), one.identity), one)
    return tuple(found.values())


def library_of(path: str) -> str:
    """Which of LIBRARIES a file is by its name; empty for any other."""
    match = _FILE_NAME.fullmatch(PurePosixPath(path.removesuffix(_DELETED)).name)
    return match["stem"] if match and match["stem"] in LIBRARIES else ""


def judge(
    mapped: Sequence[Mapped], roots: Sequence[str], search: Search, files: Files, others: Sequence[str] = ()
) -> tuple[Clash, ...]:
    """What is wrong with a process in which *mapped* are loaded, and what led to it.

    *roots* are the trees of the stack it belongs to, as real paths; *others* folders in which other stacks lie:
    whatever comes from there is one of them, also what is not in LIBRARIES.
    """
    # A file of the stack that asked says more than one of those that are wrong here themselves.
    ordered = sorted(mapped, key=lambda one: not is_below(one.path, roots))
    clashes = []
    for library in LIBRARIES:
        copies = list({one.identity: one for one in mapped if library_of(one.path) == library}.values())
        strangers = [one for one in copies if not is_below(one.path, roots)]
        if len(copies) > 1 or strangers:
            kind = "copies" if len(copies) > 1 else "foreign"
            told = tuple(Copy(one.path, _why(one.path, ordered, search, files)) for one in copies)
            clashes.append(Clash(kind, library, told))
    return tuple(clashes) or _of_others(ordered, roots, search, files, others)


def _of_others(
    mapped: Sequence[Mapped], roots: Sequence[str], search: Search, files: Files, others: Sequence[str]
) -> tuple[Clash, ...]:
    """Files of another stack, each as a clash of its own; where its libraries are there too, they say enough."""
    strangers = (one.path for one in mapped if not is_below(one.path, roots))
    found = [path for path in strangers if path.startswith(tuple(others)) or _OPT.match(path)]
    return tuple(
        Clash("foreign", PurePosixPath(path).name, (Copy(path, _why(path, mapped, search, files)),))
        for path in found[:_SHOWN]
    )


def _why(path: str, mapped: Sequence[Mapped], search: Search, files: Files) -> str:
    """What led the loader to *path*: the first reason that its own search confirms."""
    facts = files.facts(path)
    names = {PurePosixPath(path).name, *([facts.soname] if facts else [])}
    if any(one == path or one in names or files.real(one) == path for one in search.preload):
        return "LD_PRELOAD"
    needed = {one.path: facts.needed for one in mapped if (facts := files.facts(one.path))}
    for asker, wanted in needed.items():
        for name in wanted:
            if name in names or (library_of(path) and library_of(name) == library_of(path)):
                origin = find(name, _chain(asker, needed, files), search, files)
                if origin and origin.path == path:
                    return _in_words(origin, asker)
    return _why_opened(path, tuple(needed), search, files)


def _why_opened(path: str, askers: Sequence[str], search: Search, files: Files) -> str:
    """The same for a library that no header asks for: dlopen(3) searches by the same rules."""
    name = PurePosixPath(path).name
    bare = Search(search.library_path)
    # What lies beside it, and finds it there, came in its wake.
    others = [one for one in askers if PurePosixPath(one).parent != PurePosixPath(path).parent]
    origins = (find(name, (asker,), bare, files) for asker in others)
    origin = next((one for one in origins if one and one.path == path and "default" not in one.why), None)
    if origin:
        return f"{origin.why}, opened while the program ran"
    if path in {files.real(one) for one in search.cache.values()}:
        return "the loader's cache (/etc/ld.so.cache), opened while the program ran"
    return "its own path, opened while the program ran"


def _chain(asker: str, needed: Mapping[str, tuple[str, ...]], files: Files) -> tuple[str, ...]:
    """*asker*, a file that needs it, one that needs that, and so on."""
    chain = [asker]
    while True:
        facts = files.facts(chain[-1])
        names = {PurePosixPath(chain[-1]).name, *([facts.soname] if facts else [])}
        above = next((one for one, wanted in needed.items() if one not in chain and names & {*wanted}), None)
        if above is None:
            return tuple(chain)
        chain.append(above)


def _in_words(origin: Origin, asker: str) -> str:
    if origin.why == "LD_PRELOAD":
        return origin.why
    if origin.why == "LD_LIBRARY_PATH":
        return f"LD_LIBRARY_PATH, needed by {asker}"
    return origin.why if asker in origin.why else f"{origin.why}, needed by {asker}"


def foresee(askers: Sequence[str], roots: Sequence[str], search: Search, files: Files) -> tuple[Clash, ...]:
    """What would come from elsewhere if *askers*, files of a stack, were loaded: told from headers, nothing is run.

    For each ROCm library that they need, the loader's choice where that lies outside *roots*. Where it does not
    define a symbol version that is asked for, the program would not even start, and the reason says so.
    """
    found: dict[str, dict[str, str]] = {}
    for asker, name, facts in _needs(askers, files):
        for origin in _choices(asker, name, search, files):
            if not is_below(origin.path, roots):
                lacking = _lacking(facts, name, files.facts(origin.path))
                why = _in_words(origin, asker) + (f"; it lacks {', '.join(lacking)}" if lacking else "")
                found.setdefault(library_of(name), {}).setdefault(origin.path, why)
    return tuple(
        Clash("foreign", library, tuple(Copy(path, why) for path, why in files_of.items()))
        for library, files_of in sorted(found.items())
    )


def _needs(askers: Iterable[str], files: Files) -> Iterator[tuple[str, str, ElfFacts]]:
    for asker in askers:
        facts = files.facts(asker)
        if facts:
            yield from ((asker, name, facts) for name in facts.needed if library_of(name))


def _choices(asker: str, name: str, search: Search, files: Files) -> list[Origin]:
    """What is loaded by LD_PRELOAD before anybody asks, and what the search finds."""
    preloaded = [files.real(one) for one in search.preload if library_of(one) == library_of(name)]
    found = find(name, (asker,), search, files)
    return [*(Origin(path, "LD_PRELOAD") for path in preloaded if path), *([found] if found else [])]


def _lacking(asker: ElfFacts, name: str, offered: ElfFacts | None) -> list[str]:
    """The symbol versions that *asker* wants of *name* and that *offered* does not define."""
    wanted = dict(asker.needed_versions)
    soname = offered.soname if offered else ""
    defined = offered.defined_versions if offered else ()
    return [one for one in wanted.get(name, wanted.get(soname, ())) if one not in defined]


def is_below(path: str, roots: Iterable[str]) -> bool:
    return any(PurePosixPath(path).is_relative_to(root) for root in roots)
