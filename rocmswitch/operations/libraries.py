"""One copy of each library in an environment: looked at in a child when something has changed, and kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from rocmswitch.host.maps import FRAMEWORKS, loader_cache, loader_files, observe
from rocmswitch.model.symptoms import Clash, Copy
from rocmswitch.planning.libraries import Check, foresee, is_below, judge, parse_maps
from rocmswitch.planning.loader import Search
from rocmswitch.store.freshness import look_is_due
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.private import may_write
from rocmswitch.store.receipts import receipt_path
from rocmswitch.system.disk import Disk
from rocmswitch.system.reading import read_regular

_BUNDLES = ("torch/lib", "_rocm_sdk_core/lib", "_rocm_sdk_libraries/lib")
"""Below site-packages: where a library is put over another without anything else changing."""
_DRIVER = "sys/module/amdgpu"


def look(one: Installation, installed: Installed, environment: Mapping[str, str]) -> Check:
    """Import what the environment *one* is for and say what it loaded from elsewhere. Raises nothing.

    *environment* is that of a program inside, as `run` gives it. An environment without a framework that
    loads ROCm has nothing to say.
    """
    framework = framework_of(one)
    if not framework:
        return Check()
    seen = observe(one.link / "bin/python", framework, environment, one.tree)
    if seen.error:
        return Check(framework, error=seen.error)
    mapped, files = parse_maps(seen.maps), loader_files()
    roots = _roots(one, installed)
    # To ask the loader's cache costs a process: only where there is something to explain.
    others = tuple(f"{folder.resolve()}/" for folder in installed.folders)
    clashes = judge(mapped, roots, Search.of(environment), files, others)
    if clashes:
        clashes = judge(mapped, roots, Search.of(environment, loader_cache()), files, others)
    own = is_below(os.path.realpath(seen.file), roots)
    return Check(framework, seen.version, clashes=clashes, elsewhere="" if own else seen.file)


def look_if_changed(
    one: Installation,
    installed: Installed,
    environment: Mapping[str, str],
    disk: Disk,
    root: Path = Path("/"),
) -> Check:
    """The same, taken from the last look where receipt, driver and site-packages are as they were then.

    *root* is where the machine's /sys is. Never fails what calls it: where the result cannot be kept, the next
    call looks again.
    """
    path = one.layout.checks / f"{one.link.name}.json"
    seen = fingerprint(one, root)
    kept = _kept(path, seen)
    if kept is not None and not look_is_due(one, root):
        return kept
    # Times changed and nothing else: what is kept is kept anew, so that the next quick look at times is content.
    check = kept or look(one, installed, environment)
    if not may_write(path.parent):
        return check
    # A full disk: a look is worth no error.
    with contextlib.suppress(OSError):
        disk.make_directories(path.parent)
        disk.replace_file(path, json.dumps({"of": seen, "check": asdict(check)}).encode())
        _sweep(path.parent, one.link.parent, disk)
    return check


def could_clash(one: Installation, installed: Installed, environment: Mapping[str, str]) -> tuple[Clash, ...]:
    """What would be loaded from elsewhere in *environment*, told from ELF headers; nothing is run."""
    files = loader_files()
    return foresee(tuple(_askers(one)), _roots(one, installed), Search.of(environment), files)


def framework_of(one: Installation) -> str:
    """The distribution in *one* whose import loads ROCm, a key of FRAMEWORKS; empty where there is none."""
    names = {package.name for package in one.receipt.packages} | ({"torch"} if one.receipt.torch else set())
    return next((name for name in FRAMEWORKS if name in names), "")


def fingerprint(one: Installation, root: Path = Path("/")) -> str:
    """Changes when the receipt, the kernel's driver or what is installed in *one* changes. Reads no large file."""
    state = hashlib.sha256(_content(receipt_path(one.link)))
    for name in ("version", "srcversion"):
        state.update(_content(root / _DRIVER / name) + b"\0")
    for site in sorted(one.link.glob("lib/python*/site-packages")):
        for folder in (site, *(site / below for below in _BUNDLES)):
            state.update("".join(_entries(folder)).encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _sweep(checks: Path, links: Path, disk: Disk) -> None:
    """Forget the environments that are gone."""
    for path in checks.glob("*.json"):
        if not (links / path.stem).is_symlink():
            disk.discard(path)


def _entries(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                # A folder's size and time also change when something is read in it: __pycache__ appears.
                found = entry.stat(follow_symlinks=False)
                times = "" if entry.is_dir(follow_symlinks=False) else f"{found.st_size} {found.st_mtime_ns}"
                if entry.name != "__pycache__":
                    yield f"{folder.name}/{entry.name}\0{times} {found.st_ino}\0"
    except OSError:
        return


def _roots(one: Installation, installed: Installed) -> tuple[str, ...]:
    """The trees that *one* may load from, as real paths: its own, and that of the prefix it is bound to."""
    prefix = installed.below(one)
    links = [one.link, *([prefix.link, prefix.link / "root"] if prefix else [])]
    return tuple(str(link.resolve()) for link in links if link.exists())


def _askers(one: Installation) -> Iterator[str]:
    """What the wheels bundle: libtorch_hip and its like, and the ROCm libraries, which need one another."""
    for site in one.link.resolve().glob("lib/python*/site-packages"):
        for folder in _BUNDLES:
            yield from (str(library) for library in sorted((site / folder).glob("*.so*")))


def _kept(path: Path, wanted: str) -> Check | None:
    """The last look, if it was at exactly this."""
    try:
        told = json.loads(_content(path) or b"{}")
        if told.get("of") != wanted:
            return None
        check = told["check"]
        clashes = tuple(
            Clash(str(one["kind"]), str(one["library"]), tuple(Copy(**file) for file in one["files"]))
            for one in check["clashes"]
        )
        texts = {name: str(check[name]) for name in ("framework", "version", "error", "elsewhere")}
        return Check(**texts, clashes=clashes)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # Garbled: as if there had been none.
        return None


def _content(path: Path) -> bytes:
    """Empty where it cannot be read."""
    try:
        return read_regular(path)
    except OSError:
        return b""
