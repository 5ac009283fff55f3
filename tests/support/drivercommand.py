"""A person who works on the kernel modules of a small system that is mounted somewhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine, Outcome
from tests.support.kernelroots import chroot, kernel_root

CONF = "etc/modprobe.d/rocmswitch.conf"


@dataclass(frozen=True)
class Driver:
    line: CommandLine
    root: Path

    @classmethod
    def of(cls, folder: Path, *kernels: str, suffix: str = ".ko") -> Driver:
        """With programs to chroot into; a test that takes it is skipped where this is not root."""
        root = kernel_root(folder / "a disk", *kernels, suffix=suffix, programs=True)
        for here in (root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())):
            here.chmod(0o755)
        return cls(CommandLine(folder), root)

    def run(self, *words: str) -> Outcome:
        return self.line.run(*words, "--root", str(self.root))

    def succeed(self, *words: str) -> Outcome:
        outcome = self.run(*words)
        assert outcome.code == 0, outcome
        return outcome

    @property
    def conf(self) -> str | None:
        """What our file says; None where there is none."""
        file = self.root / CONF
        return file.read_text() if file.exists() else None

    def packed_conf(self, kernel: str) -> str | None:
        """What it says in the boot image."""
        chroot(self.root, "rm", "-rf", "/var/tmp/opened")
        chroot(self.root, "unmkinitramfs", f"/boot/initrd.img-{kernel}", "/var/tmp/opened")
        file = self.root / "var/tmp/opened" / CONF
        return file.read_text() if file.exists() else None


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may change what kernels load")
