"""A wheel made of an archive of pure Python source, without running any of it.

AMD publishes `rocm`, which finds the libraries of the other wheels, as source alone, so that its setup.py can look
at the machine and decide what else is needed (ROCm/TheRock, build_tools/packaging/python/templates/rocm). That is
decided here already, so its files are taken as they are: the same source gives the same wheel, byte for byte.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from pathlib import Path, PurePosixPath

from rocmswitch.errors import Failed
from rocmswitch.metadata.purewheel import render_pure_wheel
from rocmswitch.model.package import Artifact, Digest
from rocmswitch.store.cache import Cache
from rocmswitch.store.virtualenv import Wheel
from rocmswitch.system.disk import disk_errors

LARGEST = 32 * 1024 * 1024
"""Bytes of all files together; `rocm` has some 100 kB."""

_DROPPED = re.compile(rb"(Requires-Dist|Provides-Extra|Metadata-Version):")
"""What the environment gets was decided; and a version of the format for all that is left."""


def pack_source(artifact: Artifact, path: Path, cache: Cache) -> Wheel:
    """The wheel of the verified archive at *path*, put into *cache*. Raises Failed where it is no such source."""
    content = _wheel_of(_source_files(path, artifact.filename), artifact)
    digest = Digest.sha256(hashlib.sha256(content).hexdigest())
    filename = f"{_stem(artifact)}-py3-none-any.whl"
    return Wheel(filename, kept(content, digest, cache), digest)


def kept(content: bytes, digest: Digest, cache: Cache) -> Path:
    """Where *cache* has the bytes that were made here, put there if need be. Waits for another who does so."""
    with cache.locked(digest, wait=60):
        found = cache.verify(digest, len(content))
        if found is None:
            made = cache.partial_path(digest)
            with disk_errors(made):
                cache.disk.discard(made)
                cache.disk.write_file(made, content)
            found = cache.adopt(digest)
    return found


def _source_files(path: Path, filename: str) -> dict[str, bytes]:
    """Regular files by their path below the one folder that the archive has; links and the like are refused."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if member.isdir():
                    continue
                inside = _place_of(member, filename)
                if sum(map(len, files.values())) + member.size > LARGEST:
                    raise Failed(f"`{filename}` has more than {LARGEST} bytes unpacked")
                reader = archive.extractfile(member)
                files[inside] = reader.read() if reader else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Failed(f"`{filename}` is not an archive of source: {error}") from error
    return files


def _place_of(member: tarfile.TarInfo, filename: str) -> str:
    inside = PurePosixPath(*PurePosixPath(member.name).parts[1:])
    if not member.isreg() or ".." in inside.parts or member.name.startswith("/"):
        raise Failed(f"`{filename}` holds `{member.name}`, which is no plain file of its own")
    return str(inside)


def _wheel_of(files: dict[str, bytes], artifact: Artifact) -> bytes:
    """The Python below `src`, with what `PKG-INFO` and the list of commands say."""
    start = f"{_stem(artifact)}.dist-info"
    modules = {name[4:]: content for name, content in files.items() if _is_module(name)}
    commands = next(
        (files[name] for name in files if re.fullmatch(r"src/[^/]+\.egg-info/entry_points\.txt", name)), b""
    )
    if not modules or "PKG-INFO" not in files:
        raise Failed(f"`{artifact.filename}` holds no Python in `src` that could be packed as it is")
    lines = [line for line in files["PKG-INFO"].splitlines() if not _DROPPED.match(line)]
    content = {**modules, f"{start}/METADATA": b"\n".join([b"Metadata-Version: 2.1", *lines, b""])}
    content |= {f"{start}/entry_points.txt": commands} if commands else {}
    return render_pure_wheel(_stem(artifact), content)


def _is_module(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return len(parts) > 2 and parts[0] == "src" and not parts[1].endswith(".egg-info")


def _stem(artifact: Artifact) -> str:
    return f"{artifact.name.replace('-', '_')}-{artifact.version}"
