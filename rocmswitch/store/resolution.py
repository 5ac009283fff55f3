"""What else an environment needs: uv decides, from the user's own indexes and folders.

uv gets the wheels that are chosen already as stubs, by address, so that no index can offer another torch. It
downloads none of them. What it says is only read: everything is fetched and verified by ourselves.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import parse_wheel_filename

from rocmswitch.errors import MachineLacks, NotFound
from rocmswitch.metadata.pylock import parse_pylock
from rocmswitch.metadata.stubwheel import render_stub
from rocmswitch.metadata.wheelindex import IndexedFile
from rocmswitch.model.indexes import PackageIndexes
from rocmswitch.planning.wheelfiles import best_file, version_of
from rocmswitch.planning.wheels import Interpreter
from rocmswitch.store.uvtrust import distrusted, trusting
from rocmswitch.store.uvwords import unresolved
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.process import Finished, run

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "NETRC", "SSL_CERT_DIR")
_KEPT_PREFIXES = ("UV_INDEX", "UV_PYTHON_INSTALL", "UV_KEYRING", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_HTTP")
_PROXIES = re.compile(r"(all|http|https|no)_proxy", re.IGNORECASE)


@dataclass(frozen=True)
class Stub:
    """A wheel that is chosen already: its file name, its core metadata, and the extras that are wanted of it."""

    filename: str
    metadata: bytes
    extras: tuple[str, ...] = ()

    @property
    def project(self) -> str:
        return parse_wheel_filename(self.filename)[0]


@dataclass(frozen=True)
class Question:
    """Which wheels besides *stubs* fulfil *requirements*, under *constraints*, for *interpreter*?"""

    stubs: tuple[Stub, ...]
    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    interpreter: Interpreter


class Resolver:
    """Asks uv. *folder* is for what it reads and remembers; the same that environments are linked from."""

    def __init__(self, folder: Path, disk: Disk, indexes: PackageIndexes) -> None:
        self._folder = folder
        self._disk = disk
        self._indexes = indexes

    def resolve(self, question: Question, *, more: Sequence[str] = ()) -> tuple[IndexedFile, ...]:
        """The wheels, each the best of its version for the interpreter; *more* are indexes to look at too.

        Raises NotFound where nothing fulfils all of it, NetworkFailed, Failed, MachineLacks.
        """
        lines = [self._direct(stub) for stub in question.stubs] + list(question.requirements)
        words = [
            *("pip", "compile", "-", "--format", "pylock.toml", "--no-header", "--only-binary", ":all:"),
            # A uv.toml may say otherwise: then a part would be missing, or Pythons counted that nobody uses.
            *("--deps", "--no-universal"),
            *self._constraints(question.constraints),
            *_python(question.interpreter),
            *self._sources(tuple(more)),
        ]
        answer = self._ask(words, "".join(f"{line}\n" for line in lines).encode())
        found = parse_pylock(answer, (stub.project for stub in question.stubs))
        return tuple(_best(name, version, files, question.interpreter) for (name, version), files in found.items())

    def _constraints(self, lines: tuple[str, ...]) -> list[str]:
        if not lines:
            return []
        return ["--constraint", str(self._written("constraints", "".join(f"{one}\n" for one in lines).encode()))]

    def _direct(self, stub: Stub) -> str:
        path = self._written(stub.filename, render_stub(stub.filename, stub.metadata), stub.filename)
        extras = f"[{','.join(stub.extras)}]" if stub.extras else ""
        return f"{stub.project}{extras} @ {path.as_uri()}"

    def _written(self, what: str, content: bytes, name: str = "") -> Path:
        """A file with this content, in a folder that is named by it."""
        import hashlib

        folder = self._folder / "questions" / hashlib.sha256(what.encode() + b"\0" + content).hexdigest()[:24]
        path = folder / (name or what)
        with disk_errors(path):
            self._disk.make_directories(folder, synced=False)
            if not path.is_file() or path.read_bytes() != content:
                self._disk.replace_file(path, content)
        return path

    def _sources(self, more: tuple[str, ...]) -> list[str]:
        """uv takes a package from the first index that has it, whatever its version, unless told otherwise."""
        one = self._indexes
        words = ["--config-file", one.uv_config] if one.uv_config else ["--no-config"]
        words += ["--default-index", one.index] if not one.index_is_off else []
        extra = (*(() if one.index_is_off else one.extra), *more)
        words += [word for url in extra for word in ("--extra-index-url", url)]
        words += ["--index-strategy", "unsafe-best-match"] if extra else []
        words += ["--no-index"] if one.index_is_off and not more else []
        words += [word for place in one.find_links for word in ("--find-links", place)]
        return words + [word for host in one.trusted_hosts for word in ("--allow-insecure-host", host)]

    def _ask(self, words: list[str], stdin: bytes) -> bytes:
        with disk_errors(self._folder):
            self._disk.make_directories(self._folder, synced=False)

        def attempt(environment: dict[str, str]) -> Finished:
            command = [_executable(), *words]
            return run(command, stdin=stdin, environment=environment, folder=self._folder, ends_with_us=True)

        try:
            done = trusting(attempt, self._environment(os.environ))
        except FileNotFoundError as error:
            raise MachineLacks("`uv`, which finds packages, is missing from this installation") from error
        if done.code:
            said = done.stderr.decode(errors="replace")
            raise distrusted(said, os.environ) or unresolved(said, self._asked)
        return done.stdout

    @property
    def _asked(self) -> tuple[str, ...]:
        """The user's indexes, as messages may show them."""
        return tuple(re.sub(r"(?<=://)[^/?#]*@", "", one) for one in self._indexes.all)

    def _environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        kept = {
            name: value
            for name, value in environment.items()
            if name in _KEPT or name.startswith(_KEPT_PREFIXES) or _PROXIES.fullmatch(name)
        }
        trusted = {"SSL_CERT_FILE": self._indexes.certificates} if self._indexes.certificates else {}
        own = {"UV_CACHE_DIR": str(self._folder / "cache"), "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
        return kept | trusted | own


def _python(interpreter: Interpreter) -> list[str]:
    """One that the machine lacks yet is described by its version."""
    if interpreter.executable:
        return ["--python", interpreter.executable]
    return ["--python-version", version_of(interpreter.tag).rstrip("t")]


def _best(name: str, version: str, files: Sequence[IndexedFile], interpreter: Interpreter) -> IndexedFile:
    chosen = best_file(name, version, (one.filename for one in files), interpreter.tags)
    if not chosen:
        raise NotFound(f"no wheel of {name} {version} suits `{interpreter.shown}` ({interpreter.tag})")
    same = [one for one in files if one.filename == chosen]
    return next((one for one in same if one.url.startswith("file:")), same[0])


def _executable() -> str:
    import uv

    return str(uv.find_uv_bin())
