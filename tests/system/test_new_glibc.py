"""The cure for libraries that ask for an executable stack, under a C library that refuses them: Debian 13's."""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from rocmswitch.host.apt import host_mirror
from rocmswitch.host.facts import read_host
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.stackflag import clear_stack_flags
from tests.support.debs import Library, make_library
from tests.support.disk import HastyDisk

pytestmark = [
    pytest.mark.network("debian"),
    pytest.mark.system("debian"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="takes the C library for x86-64"),
    pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc"),
]

PROGRAM = """
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **words) {
    void *library = dlopen(words[1], RTLD_NOW);
    puts(library ? "loaded" : dlerror());
    return 0;
}
"""


@pytest.fixture(scope="module")
def glibc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Debian 13's C library, unpacked."""
    mirror = (host_mirror(Path("/"), "debian", read_host()) or "http://ftp.debian.org/debian").rstrip("/")
    packages = lzma.decompress(fetch(f"{mirror}/dists/trixie/main/binary-amd64/Packages.xz")).decode()
    stanza = next(one for one in packages.split("\n\n") if one.startswith("Package: libc6\n"))
    said = dict(re.findall(r"^(Version|Filename|SHA256): (.*)$", stanza, re.MULTILINE))
    archive = fetch(f"{mirror}/{said['Filename']}")
    assert (said["Version"][:4], hashlib.sha256(archive).hexdigest()) == ("2.41", said["SHA256"])
    folder = tmp_path_factory.mktemp("trixie")
    (folder / "libc6.deb").write_bytes(archive)
    subprocess.run(["dpkg-deb", "-x", folder / "libc6.deb", folder / "root"], check=True)
    return folder / "root/usr/lib/x86_64-linux-gnu"


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=120) as response:
        return bytes(response.read())


def dlopen(path: Path, glibc: Path) -> str:
    """What a program under that C library says of it."""
    program = path.parent / "program"
    options = ["-x", "c", "-", "-o", program, "-ldl", "-Wl,-z,noexecstack"]
    subprocess.run(["gcc", *options], input=PROGRAM, text=True, check=True)
    command = [glibc / "ld-linux-x86-64.so.2", "--library-path", glibc, program, path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_cleared_library_loads_where_the_one_that_asks_is_refused(glibc: Path, tmp_path: Path) -> None:
    path = tmp_path / "libamdhip64.so"
    make_library(Library("libamdhip64.so", functions=("hipInit",), executable_stack=True), path)
    content = path.read_bytes()
    entry = FileEntry(path.name, "file", 0o644, len(content), hashlib.sha256(content).hexdigest())

    before = dlopen(path, glibc)
    clear_stack_flags(tmp_path, (entry,), HastyDisk())
    after = dlopen(path, glibc)

    assert "cannot enable executable stack as shared object requires" in before
    assert after == "loaded\n"
