"""The manifest and the attributes of a snapshot.

`manifest` is what `sha256sum -c` reads: a hash, two spaces, a path below the snapshot's folder. It names the copied
files, all below `files/`, and the two others that lie beside it. `manifest.sha256` says the same of the manifest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from rocmswitch.errors import Failed, VerificationFailed
from rocmswitch.model.deployment import FILE, FileState
from rocmswitch.model.snapshot import SNAPSHOT_SCHEMA, Snapshot, SnapshotFile

MANIFEST, SEAL, ATTRIBUTES, SCRIPT, FILES = "manifest", "manifest.sha256", "attributes", "recover.sh", "files"
"""The names in a snapshot's folder."""

_NUMBERS = ("size", "mode", "owner", "group", "modified")
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)", re.DOTALL)


def can_be_listed(path: str) -> bool:
    """Whether every sha256sum reads the path back as it is: GNU's escapes these, and busybox's does not know it."""
    return not any(one in path for one in "\n\r\\\0")


def encode_manifest(hashes: Mapping[str, str]) -> bytes:
    """*hashes* are SHA-256 in hex by path."""
    return _os_bytes("".join(f"{digest}  {path}\n" for path, digest in sorted(hashes.items())))


def parse_manifest(content: bytes) -> dict[str, str]:
    """The hashes by path. Raises VerificationFailed for what `encode_manifest` does not write."""
    text = content.decode("utf-8", "surrogateescape")
    found = {}
    for line in text.split("\n")[:-1]:
        match = _LINE.fullmatch(line)
        if match is None or not _is_below(match[2]) or match[2] in found:
            raise VerificationFailed("the manifest of the snapshot is damaged")
        found[match[2]] = match[1]
    if text and not text.endswith("\n"):
        raise VerificationFailed("the manifest of the snapshot is cut off")
    return found


def seal_of(manifest: bytes) -> bytes:
    """What `manifest.sha256` has to say."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()


def encode_attributes(one: Snapshot) -> bytes:
    """Everything but the hashes of the files."""
    files = [_said(file) for file in one.files]
    about = {"schema": SNAPSHOT_SCHEMA, "created": one.created, "why": one.why, "kernels": list(one.kernels)}
    return (json.dumps({**about, "files": files, "links": dict(one.links)}, indent=1) + "\n").encode("ascii")


def parse_snapshot(number: int, manifest: bytes, attributes: bytes) -> Snapshot:
    """Raises VerificationFailed where they do not fit together, Failed for those of a newer version."""
    hashes = parse_manifest(manifest)
    if hashes.get(ATTRIBUTES) != hashlib.sha256(attributes).hexdigest():
        raise VerificationFailed(f"the attributes of snapshot {number} are damaged")
    try:
        told = json.loads(attributes)
        if told["schema"] != SNAPSHOT_SCHEMA:
            raise Failed(f"snapshot {number} was made by another version of rocmswitch")
        files = tuple(_file(one, hashes) for one in told["files"])
        links = tuple((str(path), str(target)) for path, target in told["links"].items())
        kernels = tuple(str(one) for one in told["kernels"])
        return Snapshot(number, str(told["created"]), str(told["why"]), kernels, files, links)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VerificationFailed(f"the attributes of snapshot {number} are damaged") from error


def _os_bytes(text: str) -> bytes:
    """As file names are bytes on Linux."""
    return text.encode("utf-8", "surrogateescape")


def _said(file: SnapshotFile) -> dict[str, Any]:
    told = {key: getattr(file.state, key) for key in _NUMBERS}
    return {"path": file.path, **told, "attributes": dict(file.state.attributes), "vermagic": file.vermagic}


def _file(told: Mapping[str, Any], hashes: Mapping[str, str]) -> SnapshotFile:
    path = str(told["path"])
    size, mode, owner, group, modified = (int(told[key]) for key in _NUMBERS)
    extended = tuple((str(name), str(value)) for name, value in told["attributes"].items())
    state = FileState(FILE, hashes[f"{FILES}/{path}"], size, mode, owner, group, modified, extended)
    return SnapshotFile(path, state, str(told["vermagic"]))


def _is_below(path: str) -> bool:
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts and str(parts) == path and "\0" not in path
