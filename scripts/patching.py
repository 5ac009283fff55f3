"""A patched library in a user's own site-packages, put there by hand: adopted, taken back, deployed, undone.

patching.py FOLDER

The account below FOLDER is made anew: a small torch from a wheel, its libMIOpen.so renamed to
`.original` and a patched one copied over it, as the guides say. Everything that follows is rocmswitch's.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from uv import find_uv_bin

from tests.support.commandline import CommandLine
from tests.support.elflibraries import linked
from tests.support.pytorchwheels import Build, bundled, torch_wheel

BUILD = Build("2.5.1+rocm6.2", "6.2.41133")
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
LIBRARY = "torch/lib/libMIOpen.so"
PATCHED = 4711
"""What the patched library's function gives; the wheel's own gives 602."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    line = CommandLine(parser.parse_args().folder.absolute())
    shutil.rmtree(line.folder, ignore_errors=True)
    site = _site(line)
    _patch_by_hand(line, site / LIBRARY)
    _show(line, "deploy", "--adopt", "user", "--yes")
    _show(line, "history")
    _show(line, "restore", "user", "--yes")
    _expect(site, patched=False)
    _show(line, "deploy", "~/build/libMIOpen.so", "--into", "user", "--yes")
    _expect(site, patched=True)
    _show(line, "undo", "--yes")
    _expect(site, patched=False)
    _show(line, "history")


def _site(line: CommandLine) -> Path:
    """The user's site-packages, with torch in it as `pip install --user` leaves it."""
    site = line.home / f".local/lib/python{PYTHON}/site-packages"
    wheel = torch_wheel(BUILD, f"cp{PYTHON.replace('.', '')}")
    line.folder.mkdir(parents=True)
    file = line.folder / wheel.filename
    file.write_bytes(wheel.content)
    uv = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--offline", "--target", site, file]
    subprocess.run(uv, check=True, env=line.variables(UV_CACHE_DIR=str(line.folder / "uv"), UV_LINK_MODE="copy"))
    return site


def _patch_by_hand(line: CommandLine, library: Path) -> None:
    build = line.home / "build"
    build.mkdir()
    own = next(one for one in bundled(BUILD) if one.file == library.name)
    (build / library.name).write_bytes(linked(replace(own, value=PATCHED)))
    for words in (["cp", library, f"{library}.original"], ["cp", build / library.name, library]):
        print(f"$ {' '.join(_short(str(word), line) for word in words)}")
        subprocess.run(words, check=True)


def _show(line: CommandLine, *words: str) -> None:
    print(f"\n$ rocmswitch {' '.join(words)}", flush=True)
    told = line.run(*(word.replace("~", str(line.home)) for word in words))
    print(_short(told.err + told.out, line), end="", flush=True)
    if told.code:
        sys.exit(f"error: it ended with {told.code}")


def _expect(site: Path, *, patched: bool) -> None:
    """Ask the library itself. In a process of its own, or the loader would show the one that it has already."""
    asked = f"import ctypes; print(ctypes.CDLL('{site / LIBRARY}').miopenCreate())"
    said = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True).stdout.strip()
    print(f"\n$ python -c \"…CDLL('{LIBRARY}').miopenCreate()\"\n{said}")
    if (said == str(PATCHED)) != patched:
        sys.exit(f"error: {LIBRARY} is {'not ' if patched else ''}the patched one")


def _short(text: str, line: CommandLine) -> str:
    return text.replace(str(line.home), "~").replace(str(line.folder), "~")


main()
