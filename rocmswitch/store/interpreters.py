"""The Pythons of this machine that wheels can be installed for. None is ever downloaded here."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging import tags

from rocmswitch.errors import Failed, NotFound
from rocmswitch.planning.wheels import Interpreter
from rocmswitch.store.virtualenv import Uv
from rocmswitch.system.process import run

_QUESTION = """
import json, os, struct, sys
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": sys.version_info[:2],
    "threads": "t" if "t" in getattr(sys, "abiflags", "") else "",
    "bits": struct.calcsize("P") * 8,
    "base": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
}))
"""


def find_interpreter(request: str, wanted: Sequence[str], uv: Uv) -> Interpreter:
    """The Python to use. *wanted* are the tags (`cp311`) that the wheels exist for, the oldest first.

    *request* is a path, a version (`3.10`), or empty: then the Python that runs now if it will do, else the
    newest wanted one that the machine has. Raises NotFound, and Failed for a path that is no usable CPython.
    """
    if "/" in request:
        return read_interpreter(Path(request))
    if request:
        found = _found_by_uv(request, uv)
        if found is None:
            raise NotFound(
                f"this machine has no Python `{request}`",
                hint="run the same command with `--python /path/to/python`",
            )
        return found
    running = read_interpreter(Path(sys.executable))
    if running.tag in wanted:
        return running
    for tag in reversed(wanted):
        found = _found_by_uv(f"{tag[2]}.{tag[3:]}", uv)
        if found and found.tag == tag:
            return found
    versions = ", ".join(f"{tag[2]}.{tag[3:]}" for tag in wanted)
    raise NotFound(
        f"this machine has none of the Pythons that the wheels exist for: {versions}",
        hint="run the same command with `--python /path/to/python`",
    )


def read_interpreter(path: Path) -> Interpreter:
    """Ask the Python at *path* what it is; of a virtual environment, the Python that it was made from.

    Raises NotFound, and Failed where it does not answer as a 64-bit CPython does.
    """
    try:
        done = run([path, "-I", "-c", _QUESTION])
        said = json.loads(done.stdout)
        major, minor = said["version"]
        usable = said["implementation"] == "cpython" and said["bits"] == 64
    except FileNotFoundError as error:
        raise NotFound(f"there is no Python at `{path}`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failed(f"`{path}` does not answer as a Python does") from error
    if not usable:
        raise Failed(f"`{path}` is not a 64-bit CPython, which the wheels are built for")
    tag = f"cp{major}{minor}"
    return Interpreter(said["base"], tag + said["threads"], _tags((major, minor), tag, tag + said["threads"]))


def _tags(version: tuple[int, int], interpreter: str, abi: str) -> tuple[tags.Tag, ...]:
    """What packaging would say inside that Python: platform tags are the machine's, the same for all of them."""
    platforms = list(tags.platform_tags())
    return (
        *tags.cpython_tags(version, [abi], platforms),
        *tags.compatible_tags(version, interpreter, platforms),
    )


def _found_by_uv(version: str, uv: Uv) -> Interpreter | None:
    done = uv.attempt("python", "find", "--system", "--no-project", "--resolve-links", version)
    return read_interpreter(Path(done.stdout.decode().strip())) if done.code == 0 else None
