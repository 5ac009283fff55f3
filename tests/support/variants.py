"""Variants of the small stack acme-1.0, whose `rocminfo` exits with what libacme.so.1 answers: 42.

deploy(line, patched(tmp_path, 7))
"""

from __future__ import annotations

from pathlib import Path

from tests.support.acme import NAME
from tests.support.commandline import CommandLine, Outcome
from tests.support.debs import Library, make_library

VARIANT = f"{NAME}+patched"


def patched(folder: Path, value: int = 7, **changes: object) -> Path:
    """A libacme.so.1 of somebody's own, that answers *value*."""
    path = folder / "my libraries/libacme.so"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    make_library(Library("libacme.so.1", value=value, **changes), path)  # type: ignore[arg-type]
    return path


def deploy(line: CommandLine, file: Path, *more: str, into: str = NAME) -> Outcome:
    return line.run("deploy", str(file), "--into", into, "--yes", *more)


def answers(line: CommandLine, *names: str) -> list[int]:
    """What the program of each stack gets from the library that it loads."""
    return [line.run("run", name, "--", "rocminfo").code for name in names]
