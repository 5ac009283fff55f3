"""One machine of one test: its disk, its boots, and what the distribution's amdgpu of it is.

with machine.mounted() as root:
    truncate_in_tree(root)
...
machine.assert_loads_its_own(machine.boot())
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import lzma
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from tests.vm import image
from tests.vm.guest import OFF, Boot, Booted, Guest

_INSIDE = "kernel/drivers/gpu/drm/amd/amdgpu"
_STARTED = "Virtual CRAT table created for CPU"
"""What the kernel says once amdgpu's start has gone through kfd_crat.c."""


@dataclass(frozen=True)
class Own:
    """What the distribution's amdgpu of a kernel is."""

    file: str
    """As modinfo names it."""
    sha256: str
    build_id: str


class Machine:
    """A copy of a built system in *folder*. What the table has to say of it is written into *told*."""

    def __init__(self, folder: Path, suite: str, told: dict[str, Any]) -> None:
        self.suite = suite
        self.told = told
        self.disk = image.disk(folder, suite)
        self.guest = Guest(self.disk)
        self.boot_disk: Path | None = None
        """Where /boot is a file system of its own."""

    @contextlib.contextmanager
    def mounted(self) -> Iterator[Path]:
        """The root of the machine that is off, with its /boot where that is a disk of its own."""
        with image.mounted(self.disk) as root, contextlib.ExitStack() as stack:
            if self.boot_disk:
                stack.enter_context(image.mounted(self.boot_disk, root / "boot"))
            yield root

    def boot(self, how: Boot | None = None) -> Booted:
        self.told["boots"] += 1
        return self.guest.boot(replace(how or Boot(), boot_disk=self.boot_disk))

    def assert_loads_its_own(self, booted: Booted, *, early: bool = False) -> None:
        """That this boot has loaded what the kernel's package brings; from the boot image if *early*."""
        assert booted.report is not None, str(booted)
        said = booted.report
        own = own_amdgpu(self.suite, said.kernel)
        found = (booted.ending, said.is_loaded, said.is_early, Own(said.file, said.sha256, said.build_id))
        assert found == (OFF, True, early, own), str(booted)
        assert _STARTED in booted.console, str(booted)


@cache
def own_amdgpu(suite: str, kernel: str) -> Own:
    """From the built tree, which no test writes to; of a second kernel, from its package."""
    folder = image.base_tree(suite) / "lib/modules" / kernel / _INSIDE
    if folder.exists():
        (file,) = folder.glob("amdgpu.ko*")
        name, content = file.name, file.read_bytes()
    else:
        name, content = "amdgpu.ko", packaged_amdgpu(suite, kernel)
    path = f"/lib/modules/{kernel}/{_INSIDE}/{name}"
    return Own(path, hashlib.sha256(content).hexdigest(), _build_id(content))


def package_of(suite: str, kernel: str) -> Path:
    """The .deb of the kernel itself."""
    (file,) = image.packages(suite).glob(f"linux-image-{kernel}_*.deb")
    return file


def packaged_amdgpu(suite: str, kernel: str) -> bytes:
    """The module as the kernel's package has it."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(package_of(suite, kernel))], stdout=subprocess.PIPE
    ) as packed:
        taking = ["tar", "--extract", "--to-stdout", "--wildcards", f"*/{_INSIDE}/amdgpu.ko*"]
        return subprocess.run(taking, stdin=packed.stdout, stdout=subprocess.PIPE, check=True).stdout


def _build_id(module: bytes) -> str:
    if module.startswith(b"\xfd7zXZ"):
        module = lzma.decompress(module)
    section = ELFFile(io.BytesIO(module)).get_section_by_name(".note.gnu.build-id")
    (note,) = section.iter_notes()
    return str(note["n_desc"])
