"""A PyTorch that lies in an environment, whoever made it: read from its files, none of which is run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from rocmswitch.host.gpukernels import rocblas_of_packages
from rocmswitch.metadata.elf import ElfFacts, parse_elf
from rocmswitch.metadata.kpack import parse_kpack, targets_of_name
from rocmswitch.metadata.offloadbundle import parse_gpu_code
from rocmswitch.metadata.torchfiles import parse_torch_version, parse_wheel_tags, targets_of_database
from rocmswitch.model.deployment import Site
from rocmswitch.model.framework import Framework, FrameworkLibrary
from rocmswitch.model.gpucode import GpuCode
from rocmswitch.planning.gpukernels import Rocblas
from rocmswitch.system.reading import open_regular

_BUNDLES = ("torch/lib", "_rocm_sdk_core/lib", "_rocm_sdk_libraries*/lib")
"""Below a folder of packages: where the libraries lie that PyTorch loads."""

_TEXT_LIMIT = 1 << 16
_DATABASES = ("torch/share/miopen/db", "torch/lib/miopen/db", "_rocm_sdk_libraries*/share/miopen/db")
_BLASLT = ("torch/lib/hipblaslt/library", "_rocm_sdk_libraries*/lib/hipblaslt/library")
_CARD = "@GFXARCH@"
_DISTRIBUTION = re.compile(r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[^-/]+)\.dist-info")
_SYMBOLS = re.compile(r"(GLIBC|GLIBCXX|CXXABI)_([0-9][0-9.]*)")
_PYTHON = re.compile(r"python([0-9])\.([0-9]+)(t?)")
_VERSION = re.compile(r"^version(?:_info)? *= *([0-9])\.([0-9]+)", re.MULTILINE)
_CONDA = re.compile(r"python-([0-9])\.([0-9]+)[-.].*\.json")
_LIBRARIES, _ARCHIVES = 1000, 200
"""That are looked at in one environment, and in one folder."""


def read_framework(
    packages: Iterable[str], known: Mapping[str, FrameworkLibrary] | None = None
) -> Framework | None:
    """The PyTorch in the first of the folders of *packages* that has one; None where none has.

    What cannot be read is as if it were not there. Of libraries only headers and tables are read; of those that
    are *known* by their paths, and were not changed since, nothing.
    """
    site = next((Path(one) for one in packages if _names(Path(one, "torch"))), None)
    return _framework(site, known or {}) if site else None


def library_files(packages: Path) -> Iterator[Path]:
    """The libraries that PyTorch brings along in *packages*, each under its real path."""
    seen: set[Path] = set()
    for pattern in _BUNDLES:
        for path in sorted(found for folder in sorted(packages.glob(pattern)) for found in folder.glob("*.so*")):
            real = Path(os.path.realpath(path))
            if real not in seen and len(seen) < _LIBRARIES:
                seen.add(real)
                yield real


def _framework(site: Path, known: Mapping[str, FrameworkLibrary]) -> Framework:
    libraries = tuple(_libraries(site, known))
    said = parse_torch_version(_text(site / "torch/version.py"))
    distributions = dict(_distributions(site))
    blas = _rocblas(site)
    folder = next((one for pattern in _DATABASES for one in sorted(site.glob(pattern))), None)
    return Framework(
        str(site / "torch"),
        said.version or distributions.get("torch", ""),
        said.hip,
        said.cuda,
        bool(said.version),
        _tags(site, distributions.get("torch", "")),
        libraries,
        tuple(_packs(libraries)),
        blas.gpus if blas else (),
        blas.folder if blas else "",
        blas.version if blas else "",
        _named(targets_of_name, (one for pattern in _BLASLT for one in site.glob(pattern))),
        _named(targets_of_database, [folder] if folder else []),
        str(folder or ""),
        distributions.get("numpy", ""),
        tuple(sorted((name, version) for name, version in distributions.items() if name.startswith("rocm-sdk"))),
    )


def _named(targets: Callable[[str], tuple[str, ...]], folders: Iterable[Path]) -> tuple[str, ...]:
    """The cards that files in *folders* are called after."""
    return tuple(sorted({one for folder in folders for name in _names(folder) for one in targets(name)}))


def _libraries(site: Path, known: Mapping[str, FrameworkLibrary]) -> Iterator[FrameworkLibrary]:
    for path in library_files(site):
        found = _library(path, known.get(str(path)))
        if found is not None:
            yield found


def _library(path: Path, known: FrameworkLibrary | None) -> FrameworkLibrary | None:
    """None for what is no library, or may not be read."""
    try:
        with open_regular(path, buffered=True) as file:
            status = os.fstat(file.fileno())
            seen = (status.st_size, status.st_mtime_ns, status.st_ino)
            if known is not None and known.seen == seen:
                return known
            facts = parse_elf(file)
            code = parse_gpu_code(file) if facts else GpuCode()
    except OSError:
        return None
    if facts is None:
        return None
    search = "runpath" if facts.runpath else "rpath" if facts.rpath else ""
    needs = tuple(_newest(facts))
    return FrameworkLibrary(
        str(path), facts.soname, facts.needed, facts.executable_stack, search, needs, code, seen
    )


def _newest(facts: ElfFacts) -> Iterator[str]:
    found: dict[str, Version] = {}
    for name in (version for _, versions in facts.needed_versions for version in versions):
        match = _SYMBOLS.fullmatch(name)
        version = _parsed(match[2]) if match else None
        if match and version and version > found.get(match[1], Version("0")):
            found[match[1]] = version
    yield from (f"{kind}_{version}" for kind, version in sorted(found.items()))


def _parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _packs(libraries: Iterable[FrameworkLibrary]) -> Iterator[str]:
    """Of the archives that PyTorch's own library names: the targets, each once."""
    core = next((one for one in libraries if one.file == "libtorch_hip.so"), None)
    found: set[str] = set()
    for pattern in core.code.packs if core else ():
        parent, _, name = pattern.rpartition("/")
        folder = Path(core.path).parent / parent if core else Path()
        before, _, after = name.partition(_CARD)
        named = [one for one in _names(folder) if one.startswith(before) and one.endswith(after)]
        for one in named[:_ARCHIVES]:
            found.update(_of_pack(folder / one))
    yield from sorted(found)


def _of_pack(path: Path) -> tuple[str, ...]:
    """By the archive itself, else by its name."""
    try:
        with open_regular(path, buffered=True) as file:
            found = parse_kpack(file)
    except OSError:
        return ()
    return found or targets_of_name(path.name)


def _tags(site: Path, version: str) -> tuple[str, ...]:
    return parse_wheel_tags(_text(site / f"torch-{version}.dist-info/WHEEL")) if version else ()


def _distributions(site: Path) -> Iterator[tuple[str, str]]:
    for name in _names(site):
        match = _DISTRIBUTION.fullmatch(name)
        if match:
            yield canonicalize_name(match["name"]), match["version"]


def _rocblas(site: Path) -> Rocblas | None:
    try:
        return rocblas_of_packages((str(site),), "")
    except OSError:
        return None


def interpreter_of(site: Site) -> str:
    """The tag of the environment's Python, `cp311`, by the name of its file or by what is written beside it.

    Nothing is run. Empty where nothing tells it.
    """
    folder = Path(site.place.resolved)
    named = tag_of_folder(os.path.realpath(site.python).rpartition("/")[2]) if site.python else ""
    if named:
        return named
    version = _VERSION.search(_text(folder / "pyvenv.cfg"))
    if version:
        return f"cp{version[1]}{version[2]}"
    packaged = (_CONDA.fullmatch(name) for name in _names(folder / "conda-meta"))
    return next((f"cp{one[1]}{one[2]}" for one in packaged if one), "")


def tag_of_folder(name: str) -> str:
    """`python3.11`, as folders of packages and interpreters are called, as `cp311`; empty for other names."""
    match = _PYTHON.fullmatch(name)
    return f"cp{match[1]}{match[2]}{match[3]}" if match else ""


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []


def _text(path: Path) -> str:
    """Its beginning; empty where it is not there or is no file."""
    try:
        with open_regular(path) as file:
            return file.read(_TEXT_LIMIT).decode("utf-8", "replace")
    except OSError:
        return ""
