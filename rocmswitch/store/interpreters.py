"""The Pythons that wheels can be installed for: this machine's, and those that uv can fetch."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging import tags

from rocmswitch.errors import Failed, NotFound, UsageMistake
from rocmswitch.planning.wheels import Interpreter
from rocmswitch.store.pythons import WAIT, fetch_python, offered_tags, offered_version, whole_pythons
from rocmswitch.store.virtualenv import Uv
from rocmswitch.system.process import run

_QUESTION = """
import json, os, struct, sys
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": sys.version_info[:2],
    "threads": "t" if "t" in getattr(sys, "abiflags", "") else "",
    "bits": struct.calcsize("P") * 8,
    "machine": os.uname()[4],
    "system": getattr(sys.implementation, "_multiarch", ""),
    "base": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
}))
"""
_REQUEST = re.compile(
    r"(?:cpython|python|cp)?@?(?P<major>[23])(?:\.?(?P<minor>\d+)(?P<patch>\.\d+)?)(?P<threads>t?)"
)
_PROGRAM = re.compile(r"python3\.([0-9]{1,2})(t?)")
_VERSION_MANAGERS = (
    "{PYENV_ROOT}/versions/*/bin",
    "{HOME}/.pyenv/versions/*/bin",
    "{HOME}/.asdf/installs/python/*/bin",
    "{HOME}/.local/share/mise/installs/python/*/bin",
    "{CONDA_PREFIX}/bin",
)
"""What these put on the PATH are shims: a shell each, and an error for each version that is not chosen."""
_CONDA = "{HOME}/.conda/environments.txt"
"""Where conda notes every environment that it has made."""
_HINT = "run the same command with `--python /path/to/python`"


@dataclass(frozen=True)
class _Version:
    """A version to look for, perhaps with a patch level: `3.10`, `3.10.22`."""

    text: str
    threads: str = ""
    """`t` for the build without the global lock, which takes other wheels."""

    @classmethod
    def of_tag(cls, tag: str) -> _Version:
        """`cp313t` as 3.13 and `t`. Raises UsageMistake."""
        return cls.parse(tag)

    @classmethod
    def parse(cls, request: str) -> _Version:
        match = _REQUEST.fullmatch(request)
        if match is None:
            raise UsageMistake(f"`{request}` is neither a version of Python like `3.10` nor a path with a slash")
        return cls(f"{match['major']}.{match['minor']}{match['patch'] or ''}", match["threads"])

    @property
    def minor(self) -> tuple[int, int]:
        major, minor, *_ = self.text.split(".")
        return int(major), int(minor)

    @property
    def tag(self) -> str:
        return "cp{}{}".format(*self.minor) + self.threads

    @property
    def program(self) -> str:
        return "python{}.{}".format(*self.minor) + self.threads

    @property
    def key(self) -> str:
        """As uv names it: of this machine's processor, for glibc, no other build and no other implementation."""
        variant = "+freethreaded" if self.threads else ""
        return f"cpython-{self.text}{variant}-linux-{os.uname().machine}-gnu"

    def __str__(self) -> str:
        return self.text + self.threads


def find_interpreter(request: str, wanted: Sequence[str], uv: Uv) -> Interpreter:
    """The Python to use. *wanted* are the tags (`cp311`) that the wheels exist for, the oldest first.

    *request* is a path, a version (`3.10`, `3.13t`), or empty: then the Python that runs now if it will do, else
    the newest wanted one that the machine has, else the newest that uv can fetch, which then has no executable
    but says so in `fetch`. Nothing is fetched here and no server is asked. Raises NotFound, UsageMistake, and
    Failed for a path that is no usable CPython.
    """
    if "/" in request:
        return read_interpreter(Path(request))
    if not request:
        running = read_interpreter(Path(sys.executable))
        if running.tag in wanted:
            return running
    versions = [_Version.parse(request)] if request else _newest_first(wanted)
    for look in (_on_this_machine, _running, _to_be_fetched):
        for version in versions:
            found = look(version, uv)
            if found:
                return found
    raise _nothing_found(request, versions, wanted)


def tags_at_hand(uv: Uv) -> tuple[frozenset[str], frozenset[str]]:
    """The tags of the Pythons that `find_interpreter` would look at here, and of those that uv could fetch.

    By the names of their files: none is started, and one may be called `python3.11` and be none.
    """
    running = "cp{}{}".format(*sys.version_info[:2]) + ("t" if "t" in getattr(sys, "abiflags", "") else "")
    names = {one.name for folder in _folders(os.environ, uv.pythons) for one in folder.glob("python3.*")}
    found = (_PROGRAM.fullmatch(name) for name in names)
    return frozenset({running} | {f"cp3{one[1]}{one[2]}" for one in found if one}), offered_tags(uv)


def _nothing_found(request: str, versions: Sequence[_Version], wanted: Sequence[str]) -> NotFound:
    if request and wanted and versions[0].tag not in wanted:
        better = _newest_first(wanted)[0]
        return NotFound(
            f"this machine has no Python `{request}`, and there are wheels for {', '.join(wanted)} alone",
            hint=f"run the same command with `--python {better}`",
        )
    if request:
        return NotFound(f"this machine has no Python `{request}`", hint=_HINT)
    named = ", ".join(str(one) for one in reversed(versions))
    return NotFound(
        f"this machine has none of the Pythons that the wheels exist for: {named}",
        hint=_HINT,
    )


def _newest_first(wanted: Sequence[str]) -> list[_Version]:
    """Builds without the global lock last: few packages have wheels for them."""
    versions = [_Version.of_tag(tag) for tag in wanted]
    return sorted(versions, key=lambda one: (not one.threads, one.minor), reverse=True)


def key_to_fetch(tag: str, uv: Uv) -> str:
    """What uv calls the newest Python of *tag* (`cp311`) that it can fetch; empty where it can fetch none."""
    found = _to_be_fetched(_Version.of_tag(tag), uv)
    return _Version.parse(found.fetch).key if found else ""


def fetch_interpreter(interpreter: Interpreter, uv: Uv, wait: float = WAIT) -> Interpreter:
    """The same Python with an executable: the one that was found, or the one that uv fetches now, by its own hash.

    Raises NetworkFailed, VerificationFailed, MachineLacks, Failed and Busy.
    """
    if not interpreter.fetch:
        return interpreter
    return read_interpreter(fetch_python(_Version.parse(interpreter.fetch).key, uv, wait))


def read_interpreter(path: Path) -> Interpreter:
    """Ask the Python at *path* what it is; of a virtual environment, the Python that it was made from.

    Raises NotFound, and Failed where it does not answer as a CPython for this machine does.
    """
    try:
        done = run([path, "-I", "-c", _QUESTION])
        said = json.loads(done.stdout)
        major, minor = said["version"]
        tag = f"cp{int(major)}{int(minor)}"
        interpreter = Interpreter(said["base"], tag + said["threads"], _tags((major, minor), said["threads"]))
        _check(path, said)
    except FileNotFoundError as error:
        raise NotFound(f"there is no Python at `{path}`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failed(f"`{path}` does not answer as a Python does") from error
    return interpreter


def _check(path: Path, said: Mapping[str, object]) -> None:
    """Raise Failed for a Python that the wheels are not built for."""
    if said["implementation"] != "cpython" or said["bits"] != 64:
        raise Failed(f"`{path}` is not a 64-bit CPython, which the wheels are built for")
    if said["machine"] != os.uname().machine:
        raise Failed(f"`{path}` is a Python for {said['machine']}, and this machine is {os.uname().machine}")
    if str(said["system"]).endswith("musl"):
        raise Failed(f"`{path}` is a Python for musl, and the wheels are built for glibc")


def _tags(version: tuple[int, int], threads: str) -> tuple[tags.Tag, ...]:
    """What packaging would say inside that Python: platform tags are the machine's, the same for all of them."""
    interpreter = "cp{}{}".format(*version)
    # Until 3.7 the names of wheels said, too, that the allocator was Python's own (PEP 3149).
    abi = f"{interpreter}m" if version < (3, 8) else interpreter + threads
    platforms = list(tags.platform_tags())
    return (
        *tags.cpython_tags(version, [abi], platforms),
        *tags.compatible_tags(version, interpreter, platforms),
    )


def _on_this_machine(version: _Version, uv: Uv) -> Interpreter | None:
    """The one that uv takes from the folders that have one of that name, or from its own."""
    folders = [str(one) for one in _folders(os.environ, uv.pythons) if (one / version.program).exists()]
    words = ("python", "find", "--system", "--no-project", "--resolve-links", version.key)
    done = uv.attempt(*words, settings={"PATH": ":".join(dict.fromkeys(folders)) or "/nonexistent"})
    if done.code:
        return None
    found = read_interpreter(Path(os.fsdecode(done.stdout.strip())))
    return found if found.tag.endswith("t") == bool(version.threads) else None


def _running(version: _Version, uv: Uv) -> Interpreter | None:
    """The one that runs now: it may lie where nobody looks, in `/opt` say."""
    wanted = tuple(int(part) for part in version.text.split("."))
    if sys.version_info[: len(wanted)] != wanted:
        return None
    found = read_interpreter(Path(sys.executable))
    return found if found.tag.endswith("t") == bool(version.threads) else None


def _folders(environment: Mapping[str, str], fetched: Path) -> Iterator[Path]:
    """Where Pythons may lie, best first: the PATH, version managers and conda, those fetched for us."""
    on_path = (Path(one) for one in environment.get("PATH", "").split(":") if one.startswith("/"))
    yield from (one for one in on_path if one.name != "shims")
    for pattern in _VERSION_MANAGERS:
        place = _filled(pattern, environment)
        if place is not None:
            yield from sorted(Path("/").glob(place.lstrip("/")))
    yield from _of_conda(environment)
    yield from (one / "bin" for one in whole_pythons(fetched))


def _filled(pattern: str, environment: Mapping[str, str]) -> str | None:
    """*pattern* with its variable's value; None where that is no absolute path."""
    name, rest = pattern[1:].split("}", 1)
    value = environment.get(name, "")
    return value + rest if value.startswith("/") else None


def _of_conda(environment: Mapping[str, str]) -> Iterator[Path]:
    listed = Path(_filled(_CONDA, environment) or "/nonexistent")
    try:
        lines = listed.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    yield from (Path(line, "bin") for line in lines if line.startswith("/"))


def _to_be_fetched(version: _Version, uv: Uv) -> Interpreter | None:
    offered = offered_version(version.key, uv)
    if not offered:
        return None
    tag = "cp{}{}".format(*version.minor) + version.threads
    return Interpreter("", tag, _tags(version.minor, version.threads), fetch=offered + version.threads)
