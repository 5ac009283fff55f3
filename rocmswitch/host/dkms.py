"""What DKMS keeps below var/lib/dkms: what it builds of amdgpu, has built, and has put aside. It is never run."""

from __future__ import annotations

import errno
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rocmswitch.host.modulefiles import read_contents
from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.dkmsconf import Assignments, built_names, is_automatic, parse_dkms_conf
from rocmswitch.metadata.modprobeconf import canonical
from rocmswitch.model.kernel import Contents, DkmsBuild, DkmsModule, Kernel, Original, Owner

_TREE, _SOURCES = "var/lib/dkms", "usr/src"
_ORIGINALS = "original_module"
_CONF_LIMIT = 64 * 1024
"""Bytes. That of amdgpu-dkms has some thousand."""
_ORIGIN_LIMIT = 4096
"""Bytes of a path."""
_MODULE = re.compile(r"(?P<file>(?P<name>[^.]+)\.ko(?:\.(?:xz|zst|gz))?)")
_COPY = re.compile(
    rf"{_MODULE.pattern}[._-](?:orig(?:in|inal)?|bak|backup|old|save|dist)[^/]*",
    re.IGNORECASE,
)
_ORIGIN = ".origin"


@dataclass(frozen=True)
class _Version:
    """One NAME/VERSION of the tree. `folder` is its path."""

    name: str
    version: str
    folder: str
    source: str
    """Empty where no dkms.conf is there."""
    builds: tuple[DkmsBuild, ...]
    conf: Assignments

    @property
    def provides(self) -> tuple[str, ...]:
        built = (name for one in self.builds for name, _ in one.files)
        named = map(canonical, built_names(self.conf))
        return tuple(filter(None, dict.fromkeys([*named, *built])))

    @property
    def is_leftover(self) -> bool:
        return not self.source and not any(one.files for one in self.builds)


def read_dkms(files: SystemRoot, packages: PackageFiles) -> tuple[DkmsModule, ...]:
    """What builds any of MODULES, and every shell without source and modules, for that breaks `dkms status`."""
    tree = _tree(files)
    found = (one for name in files.names(tree) for one in _versions(files, tree, name))
    return tuple(_judged(files, packages, one) for one in found if one.provides or one.is_leftover)


def read_originals(files: SystemRoot, kernels: Sequence[Kernel]) -> tuple[Original, ...]:
    """Copies of modules that DKMS or a person has put aside, in its tree and beside the modules themselves."""
    tree = _tree(files)
    found: dict[str, Original] = {}
    for path in files.below(tree):
        _, _, below = path.partition(f"/{_ORIGINALS}/")
        release = below.partition("/")[0]
        if below or _COPY.fullmatch(path.rpartition("/")[2]):
            found.update(_original(files, path, release, is_aside=bool(below)))
    for kernel in kernels:
        for path in files.below(kernel.folder):
            if _COPY.fullmatch(path.rpartition("/")[2]):
                found.update(_original(files, path, kernel.release, is_aside=False))
    return tuple(found.values())


def _original(files: SystemRoot, path: str, release: str, *, is_aside: bool) -> Mapping[str, Original]:
    """By its path; nothing for what is none of MODULES, and for the note that DKMS has put beside one."""
    name = path.rpartition("/")[2]
    match = (_MODULE.fullmatch(name) if is_aside else None) or _COPY.fullmatch(name)
    module = canonical(match["name"]) if match else ""
    if match is None or not module or _origin(files, path):
        return {}
    contents = _contents(files, path, match["file"])
    if contents is None:
        return {}
    origin = _origin(files, f"{path}{_ORIGIN}")
    return {path: Original(release or contents.kernel, module, path, contents, origin)}


def _origin(files: SystemRoot, path: str) -> str:
    """What a note of DKMS says: since 3.1 `amdgpu.ko.xz.origin` holds nothing but a path and a line's end."""
    status = files.status(path)
    if status is None or status.st_size > _ORIGIN_LIMIT:
        return ""
    text = (files.read(path, _ORIGIN_LIMIT) or b"").decode(errors="surrogateescape").rstrip("\n")
    if not text.startswith("/") or "\0" in text or "\n" in text:
        return ""
    folder, _, name = text.strip("/").rpartition("/")
    return f"{files.within(folder)}/{name}".lstrip("/")


def _versions(files: SystemRoot, tree: str, name: str) -> Iterator[_Version]:
    for version in files.names(f"{tree}/{name}"):
        folder = f"{tree}/{name}/{version}"
        # `kernel-K-ARCH` is a link to what is installed for that kernel.
        if version == _ORIGINALS or version.startswith("kernel-") or not files.is_folder(folder):
            continue
        source = files.within(f"{folder}/source")
        texts = [files.read(f"{source}/dkms.conf", _CONF_LIMIT)]
        builds = tuple(_builds(files, f"{tree}/{name}", version))
        conf = parse_dkms_conf(_decoded([*texts, *_overrides(files, name, version)]))
        yield _Version(name, version, folder, source if texts[0] is not None else "", builds, conf)


def _overrides(files: SystemRoot, name: str, version: str) -> Iterator[bytes | None]:
    """Of a person, and of ours; those for one kernel alone are not looked at."""
    for one in (name, f"{name}-{version}"):
        yield files.read(f"etc/dkms/{one}.conf", _CONF_LIMIT)


def _decoded(contents: Sequence[bytes | None]) -> list[str]:
    return [one.decode(errors="surrogateescape") for one in contents if one]


def _builds(files: SystemRoot, folder: str, version: str) -> Iterator[DkmsBuild]:
    for kernel in files.names(f"{folder}/{version}"):
        if kernel in ("source", "build") or not files.is_folder(f"{folder}/{version}/{kernel}"):
            continue
        for architecture in files.names(f"{folder}/{version}/{kernel}"):
            built = f"{folder}/{version}/{kernel}/{architecture}"
            if files.is_folder(f"{built}/module"):
                link = f"{folder}/kernel-{kernel}-{architecture}"
                is_installed = files.is_folder(link) and files.within(link) == files.within(built)
                modules = tuple(_built(files, f"{built}/module"))
                yield DkmsBuild(kernel, "installed" if is_installed else "built", modules)


def _built(files: SystemRoot, folder: str) -> Iterator[tuple[str, str]]:
    for name in files.names(folder):
        match = _MODULE.fullmatch(name)
        module = canonical(match["name"]) if match else ""
        contents = _contents(files, f"{folder}/{name}", name) if module else None
        if contents is not None:
            yield module, contents.unpacked


def _judged(files: SystemRoot, packages: PackageFiles, one: _Version) -> DkmsModule:
    # Elsewhere nothing of a package is expected, and a hostile link may lead to all of /usr.
    is_usual = one.source.startswith(f"{files.within(_SOURCES)}/")
    brought = packages.files_below(one.source) if is_usual else {}
    owners = Counter(owner.package for owner in brought.values())
    return DkmsModule(
        name=one.name,
        version=one.version,
        source=one.source,
        provides=one.provides,
        is_automatic=is_automatic(one.conf),
        builds=one.builds,
        owner=owners.most_common(1)[0][0] if owners else "",
        changed=_changed(files, one.source, brought) if brought else (),
        is_leftover=one.is_leftover,
    )


def _changed(files: SystemRoot, source: str, brought: Mapping[str, Owner]) -> tuple[str, ...]:
    """What is other than its package says, is gone, or was added by somebody."""
    other = {path for path, owner in brought.items() if owner.is_intact is False}
    return tuple(sorted(other | (set(files.below(source)) - brought.keys())))


def _contents(files: SystemRoot, path: str, name: str) -> Contents | None:
    try:
        with files.open(path) as file:
            return read_contents(file, name)
    except OSError as error:
        if error.errno != errno.ENOENT:
            files.note(path, error.strerror or str(error))
        return None


def _tree(files: SystemRoot) -> str:
    """Where it lies: framework.conf may say."""
    folder = "etc/dkms/framework.conf.d"
    more = [f"{folder}/{name}" for name in files.names(folder) if name.endswith(".conf")]
    conf = parse_dkms_conf(_decoded([files.read(one, _CONF_LIMIT) for one in ("etc/dkms/framework.conf", *more)]))
    # Not the whole root, which a hostile one would have us walk through.
    return files.within(conf.get(("dkms_tree", 0), "")) or files.within(_TREE)
