"""A C library to be carried: this machine's own under a version that none has yet, and a program that tells of it.

A copy is another file than the machine's, so that /proc/self/maps shows which of the two a program runs with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from rocmswitch.host.libraries import HostLibraries
from rocmswitch.metadata.elf import parse_elf
from tests.support.debs import Content, Copy, Deb, Link

VERSION = "9.9"
FOLDER = f"usr/lib/{os.uname().machine}-linux-gnu"
FAMILY = ("libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libresolv.so.2")

_TELLER = """
#include <stdio.h>
#include <string.h>
#include <math.h>
int main(int count, char **words) {
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, ".so")) fputs(strchr(line, '/'), stdout);
    fflush(stdout);
    if (count > 1) {
        FILE *child = popen(words[1], "r");
        while (fgets(line, sizeof line, child)) fputs(line, stdout);
        return pclose(child) != 0;
    }
    return pow(count, 0) != 1;
}
"""


def loader() -> Path:
    """What programs of this machine start by, as they name it. Skips the test where its C library is not glibc."""
    with Path("/proc/self/exe").resolve().open("rb") as file:
        facts = parse_elf(file)
    if facts is None or not facts.interpreter or HostLibraries().find("libc.so.6") is None:
        pytest.skip("needs a machine whose C library is glibc")
    return Path(facts.interpreter)


def family() -> dict[str, Path]:
    """The machine's own files of the C library, by their sonames, the loader among them."""
    found = {name: path for name in FAMILY if (path := HostLibraries().find(name))}
    return {loader_name(): loader(), **found}


def loader_name() -> str:
    return loader().name


def libc_deb() -> Deb:
    """The C library, without the links that merge folders, as Debian's is."""
    files: dict[str, Content] = {f"{FOLDER}/{name}": Copy(path) for name, path in family().items()}
    files[f"usr/lib64/{loader_name()}"] = Link(f"../../{FOLDER}/{loader_name()}")
    return Deb("libc6", f"{VERSION}-1", files=files)


@cache
def teller() -> bytes:
    """A program that prints the files of all libraries that it runs with; a word is a command that it then runs."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here: install gcc")
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "teller"
        options = ["-x", "c", "-", "-Wl,--no-as-needed", "-lm", "-o", str(made)]
        subprocess.run(["gcc", "-O1", *options], input=_TELLER.encode(), check=True)
        return made.read_bytes()
