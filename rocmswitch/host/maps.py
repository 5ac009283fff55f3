"""What a framework loads: its import in a child, and the files that the kernel has mapped there afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import TimeoutExpired

from rocmswitch.metadata.elf import ElfFacts, parse_elf
from rocmswitch.model.printable import printable
from rocmswitch.planning.loader import Files, parse_cache
from rocmswitch.system.process import Finished, run
from rocmswitch.system.reading import open_regular

PATIENCE = 300.0
"""Seconds. From a slow network file system `import torch` takes a minute."""
FRAMEWORKS = {
    "torch": "import torch as framework",
    # It opens libamdhip64 only when a function is called, and needs no card to tell its version.
    "hip-python": "import hip as framework\nfrom hip import hip\nhip.hipRuntimeGetVersion()",
}
"""What is imported, by the distribution that brings it."""

_MARK = b"\n-- mapped --\n"
# The end is abrupt on purpose: what frameworks do when they are taken down may hang without a card.
_PROGRAM = """
import os, sys
{imports}
with open("/proc/self/maps", "rb") as maps:
    told = [str(getattr(framework, "__version__", "")), str(getattr(framework, "__file__", ""))]
    sys.stdout.flush()
    sys.stdout.buffer.write({mark!r} + b"\\0".join(os.fsencode(one) for one in told) + b"\\0" + maps.read())
sys.stdout.buffer.flush()
os._exit(0)
"""
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Observed:
    """An import. `error` is one line and says why it failed; then nothing else is known."""

    version: str = ""
    maps: str = ""
    file: str = ""
    """Of the module that was imported."""
    error: str = ""


def observe(
    python: Path, framework: str, environment: Mapping[str, str], folder: Path, patience: float = PATIENCE
) -> Observed:
    """Import *framework*, one of FRAMEWORKS, with *python* in *folder* and read what it has mapped. Raises nothing.

    *folder* must be one of ours: Python looks there for modules first.
    """
    program = _PROGRAM.format(imports=FRAMEWORKS[framework], mark=_MARK)
    try:
        # -B: an environment keeps the bytecode that it was made with.
        command = (python, "-B", "-c", program)
        done = run(command, environment=environment, folder=folder, timeout=patience, ends_with_us=True)
    except TimeoutExpired:
        return Observed(error=f"it took longer than {patience:.0f} seconds")
    except OSError as error:
        return Observed(error=f"`{python}` cannot be run: {os.strerror(error.errno or 0)}")
    _, mark, told = done.stdout.rpartition(_MARK)
    if done.code or not mark:
        return Observed(error=_reason(done))
    version, file, maps = told.split(b"\0", 2)
    return Observed(version.decode("utf-8", "replace"), os.fsdecode(maps), os.fsdecode(file))


def _reason(done: Finished) -> str:
    """The last line of a traceback, or the signal that ended it."""
    if done.code < 0:
        return f"it was ended by {signal.Signals(-done.code).name}"
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    said = lines[-1] if lines else f"it ended with exit code {done.code}"
    return printable(said[:_LONGEST_REASON])


def loader_files() -> Files:
    """This machine's files as the loader sees them, each read once."""
    return Files(cache(_real), cache(read_elf))


def read_elf(path: str) -> ElfFacts | None:
    """The facts of the ELF file *path*; None where it is none or cannot be read. A FIFO is not waited for."""
    try:
        with open_regular(Path(path), buffered=True) as file:
            return parse_elf(file)
    except OSError:
        return None


def loader_cache() -> dict[str, str]:
    """Soname to path in /etc/ld.so.cache; empty where there is no ldconfig to ask."""
    for program in ("/sbin/ldconfig", "/usr/sbin/ldconfig"):
        if Path(program).exists():
            listing = run([program, "-p"], environment={"LC_ALL": "C"})
            return parse_cache(os.fsdecode(listing.stdout))
    return {}


def _real(path: str) -> str:
    try:
        resolved = Path(path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return ""
    return "" if resolved.is_dir() else str(resolved)
