"""bundle.json, the first member of a bundle: what it is for, and every other member with its size and hash.

Nobody signs it. What it says of its members is only who finds damage; what makes a package the right one is the
signed index among them, verified anew where it is installed.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Literal

import msgspec

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.ownjson import check_printable, of_another_version, rendered
from rocmswitch.model.grammar import SHA256, is_name
from rocmswitch.model.printable import printable
from rocmswitch.model.strict import Struct

NAME = "bundle.json"
SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes. 300 members take 150 kB."""
INVALID = "https://bundle.invalid/"
"""Stands for a folder of the machine where the bundle was made (RFC 2606: never a server)."""

Kind = Literal["index", "key", "manifest", "lock", "wheels", "package", "wheel", "python"]
"""index: what a server said; lock: a stack's tested one; wheels: the lock of an environment."""
_PATH = re.compile(r"[a-z]+/[A-Za-z0-9][A-Za-z0-9._+~%-]{0,90}")
_LARGEST = 1 << 42
_FIRST_YEAR, _LAST_YEAR = 1980, 9998
"""So that every hour of them is a date in every time zone, and what tar can state."""


class BundledFile(Struct, frozen=True):
    """One member. `urls` are where it was, `name` and `version` what it is called for people.

    What is `packed` is compressed by zstd, which unpacks fastest, and was at `urls` as what comes out of it.
    """

    path: str
    kind: Kind
    size: int
    sha256: str
    urls: tuple[str, ...] = ()
    name: str = ""
    version: str = ""
    packed: bool = False


class BundledStack(Struct, frozen=True):
    """One stack. `manifest` and `lock` are paths of members."""

    name: str
    manifest: str
    shipped: bool
    """Whether its manifest came with rocmswitch; else somebody wrote it."""
    lock: str = ""
    sets: tuple[str, ...] = ()
    """Empty where its ROCm comes as wheels."""
    source: Literal["", "apt", "rpm", "tarball"] = ""
    """The kind of source that its packages are from."""
    packages: tuple[str, ...] = ()
    """The names of its closure, those that a machine may have included."""


class BundledVenv(Struct, frozen=True):
    """One environment. `wheels` is the path of the member that names them exactly."""

    stack: str
    python: str
    """The tag, `cp311`."""
    wheels: str
    torch: str = ""
    gpu: str = ""


class MadeOn(Struct, frozen=True):
    """The machine that a bundle was made on, or for, as far as it matters."""

    distribution: str
    codename: str
    architecture: str
    glibc: str = ""
    complete: bool = True
    """Everything that the stacks need, whatever the machine has; else what that machine lacked."""


class Bundle(Struct, frozen=True):
    """A whole bundle. `created` is ISO 8601, UTC; `archives` are mirrors by archive (`debian`)."""

    schema: Literal[1]
    rocmswitch: str
    created: str
    host: MadeOn
    stacks: tuple[BundledStack, ...]
    members: tuple[BundledFile, ...]
    venvs: tuple[BundledVenv, ...] = ()
    archives: dict[str, str] = msgspec.field(default_factory=dict)
    mirror: str = ""

    @property
    def made(self) -> datetime:
        return datetime.fromisoformat(self.created).astimezone(timezone.utc)

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(one.size for one in self.members)

    def member(self, path: str) -> BundledFile:
        return next(one for one in self.members if one.path == path)

    def of_kind(self, *kinds: Kind) -> tuple[BundledFile, ...]:
        return tuple(one for one in self.members if one.kind in kinds)


def parse_bundle(text: bytes, file: str) -> Bundle:
    """Read a bundle.json. Raises VerificationFailed, which names *file*, and what is wrong."""
    try:
        bundle = msgspec.json.decode(text, type=Bundle)
        _check(bundle)
    except RecursionError as error:
        raise VerificationFailed(f"`{file}` is no bundle: its list is nested too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:
        if said := of_another_version(text):
            raise VerificationFailed(f"the bundle `{file}` {said}") from error
        raise VerificationFailed(f"`{file}` is no bundle that can be read: {printable(str(error))}") from error
    return bundle


def render_bundle(bundle: Bundle) -> bytes:
    """The text of *bundle*, one member a line; parsing it gives the same again."""
    return rendered(msgspec.to_builtins(bundle), "stacks", "members")


def member_path(kind: Kind, sha256: str, filename: str) -> str:
    """Where a member is in the tar: `packages/0123456789abcdef-hipcc_5.2.3_amd64.deb`. Never two for one file."""
    folder = {"index": "indexes", "wheels": "environments"}.get(kind, f"{kind}s")
    plain = re.sub(r"[^A-Za-z0-9._+~-]", "-", filename)[-70:]
    return f"{folder}/{sha256[:16]}-{plain}"


def _check(bundle: Bundle) -> None:
    """Raise ValueError for what the types cannot say."""
    check_printable(bundle)
    created = datetime.fromisoformat(bundle.created)
    if created.tzinfo is None or not _FIRST_YEAR <= created.year <= _LAST_YEAR:
        raise ValueError("`created` has no time zone, or a year that cannot be")
    paths = {one.path: one for one in bundle.members}
    if len(paths) != len(bundle.members) or list(paths) != sorted(paths):
        raise ValueError("its members are not sorted, or one is there twice")
    for one in bundle.members:
        _check_member(one)
    wanted = [(stack.manifest, "manifest") for stack in bundle.stacks]
    wanted += [(stack.lock, "lock") for stack in bundle.stacks if stack.lock]
    wanted += [(venv.wheels, "wheels") for venv in bundle.venvs]
    for path, kind in wanted:
        if path not in paths or paths[path].kind != kind:
            raise ValueError(f"`{path[:120]}`, which it names, is not among its members")
    names = [stack.name for stack in bundle.stacks]
    if not all(map(is_name, names)) or len(set(names)) != len(names):
        raise ValueError("a stack has no usable name, or is there twice")
    if not {venv.stack for venv in bundle.venvs} <= set(names):
        raise ValueError("an environment is of a stack that is not there")


def _check_member(member: BundledFile) -> None:
    if not _PATH.fullmatch(member.path):
        raise ValueError(f"`{member.path[:120]}` is no path of a member")
    if not SHA256.fullmatch(member.sha256) or not 0 <= member.size < _LARGEST:
        raise ValueError(f"`{member.path}` has no usable size or hash")
    if member.packed and member.kind != "index":
        raise ValueError(f"`{member.path}` is packed, which only indexes are")
