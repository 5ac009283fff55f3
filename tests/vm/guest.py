"""Boots of a disk in a virtual machine, and what they said of amdgpu.

boots = Guest(disk(tmp_path))
assert boots.boot().report.is_loaded
ended = boots.boot(Boot(append="module_blacklist=amdgpu", script="sh ./recover.sh --apply --yes /"))

The card is an emulated ATI one: amdgpu claims every display of that vendor, so udev loads the real module, whose
start runs the real kfd_crat.c, and only then declines the card.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.vm.bootloader import installed_kernels, read_boot

OFF, HANG, DIED, CUT = "off", "hang", "died", "cut"
"""How a boot ended: powered off by itself; nothing went on; a panic, or no root; the power was cut."""

_SCRIPTS = Path(__file__).parent / "guest"
_CARD = ("-device", "ati-vga")
_LOOK_AGAIN = 0.05
_BUSY = 300.0
"""Seconds of the guest's processor without a line: update-initramfs takes 100 of them under emulation."""


@dataclass(frozen=True)
class Boot:
    """How to boot, and what to do then."""

    script: str = ""
    """What root types, in the shared folder, once the devices are there."""
    append: str = ""
    """Added to the kernel's command line."""
    kernel: str = ""
    """The newest, where empty."""
    cut_at: str = ""
    """The power is cut when the script prints a line with this."""
    silence: float = 90.0
    """Seconds in which an idle guest says nothing, until that is called a hang. A busy one is waited for."""
    boot_disk: Path | None = None
    """A file system of its own for /boot, second disk of the guest."""


@dataclass(frozen=True)
class Report:
    """What the guest found after its devices were there."""

    kernel: str
    is_loaded: bool
    is_early: bool
    """Loaded before the root was mounted: from the boot image."""
    file: str
    """Which file the root's modprobe would take: the loaded one, unless it is early."""
    sha256: str
    """Of that file."""
    build_id: str
    """Of the module that is loaded, as the kernel has it: the linker's name for those very bytes."""
    lines: frozenset[str]
    """All of it, as `name=value`: also the parameters that the loaded module has, and somebody's firmware."""


@dataclass(frozen=True)
class Booted:
    """A boot that has ended."""

    ending: str
    output: str
    """Of the script."""
    console: str
    """What the kernel and its boot image said."""
    status: int | None
    """Of the script; None where it did not come to its end."""
    report: Report | None
    seconds: float

    def __str__(self) -> str:
        tail = "\n".join([*self.console.splitlines()[-15:], "----", *self.output.splitlines()[-40:]])
        return f"{self.ending} after {self.seconds:.0f} s, script {self.status}, {self.report}\n{tail}"


class Guest:
    """A disk and a folder that the guest shares with the host; both are kept from boot to boot."""

    def __init__(self, disk: Path) -> None:
        self.disk = disk
        self.share = disk.parent / "share"
        self.share.mkdir(exist_ok=True)

    def boot(self, how: Boot | None = None) -> Booted:
        """One boot to its end."""
        how = how or Boot()
        self._lay_out(how.script)
        started = time.monotonic()
        ending = self._run(how)
        return Booted(
            ending=ending,
            output=self._text("output"),
            console=self._text("console"),
            status=self._status(),
            report=_parsed(self.share / "report"),
            seconds=time.monotonic() - started,
        )

    def _lay_out(self, script: str) -> None:
        for name in ("report", "status", "script"):
            (self.share / name).unlink(missing_ok=True)
        shutil.copy(_SCRIPTS / "boot", self.share / "boot")
        if script:
            (self.share / "script").write_text(script + "\n")
        for name in ("output", "console"):
            (self.disk.parent / name).write_bytes(b"")

    def _run(self, how: Boot) -> str:
        where = (how.boot_disk, "/") if how.boot_disk else (self.disk, "/boot")
        kernel = how.kernel or installed_kernels(*where)[-1]
        command = self._command(read_boot(where[0], kernel, self.disk.parent, where[1]), how)
        with (self.disk.parent / "qemu").open("wb") as said, subprocess.Popen(command, stderr=said) as machine:
            try:
                ending = self._watch(machine, how)
            finally:
                machine.kill()
        if ending == DIED and self._text("qemu").strip():
            raise AssertionError(self._text("qemu"))
        return ending

    def _command(self, boot: tuple[Path, Path], how: Boot) -> list[str]:
        folder = self.disk.parent
        disks = [self.disk, *([how.boot_disk] if how.boot_disk else [])]
        drives = [
            word for disk in disks for word in ("-drive", f"file={disk},format=raw,if=virtio,cache=writeback")
        ]
        # Where the host is busy, the emulated timer comes too late for the kernel's check, which then panics.
        line = f"root=/dev/vda rw console=ttyS0 panic=-1 no_timer_check init=/sbin/guest-init {how.append}"
        # The emulator goes when whoever runs the tests is killed.
        return [
            *("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", *_acceleration()),
            *("-m", "2048", "-smp", "1", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-serial", f"file:{folder / 'console'}", "-serial", f"file:{folder / 'output'}", *_CARD),
            *drives,
            *("-virtfs", f"local,path={self.share},mount_tag=host,security_model=none"),
            *("-kernel", str(boot[0]), "-initrd", str(boot[1]), "-append", line),
        ]

    def _watch(self, machine: subprocess.Popen[bytes], how: Boot) -> str:
        """Waits for the end, the line to cut the power at, or a silence in which nothing goes on."""
        said, since, used = 0, time.monotonic(), 0.0
        while machine.poll() is None:
            time.sleep(_LOOK_AGAIN)
            if how.cut_at and how.cut_at in self._text("output"):
                return CUT
            now = sum((self.disk.parent / name).stat().st_size for name in ("console", "output"))
            if now != said:
                said, since, used = now, time.monotonic(), _processor_seconds(machine.pid)
            elif _is_hanging(time.monotonic() - since, _processor_seconds(machine.pid) - used, how.silence):
                return HANG
        return OFF if (self.share / "report").exists() else DIED

    def _status(self) -> int | None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((self.share / "status").read_text())
        return None

    def _text(self, name: str) -> str:
        return (self.disk.parent / name).read_text(errors="replace")


def _is_hanging(silent: float, busy: float, patience: float) -> bool:
    """A guest that waits for ever uses no processor, however slow the machine is; one that works speaks."""
    return busy > _BUSY or (silent > patience and busy < silent / 10)


def _processor_seconds(process: int) -> float:
    """What it has used so far; proc(5), after the name in parentheses. Nothing for one that has just ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


def _acceleration() -> tuple[str, ...]:
    """KVM only with a processor's own virtualisation: a /dev/kvm without it starts a kernel a hundred times slower
    than emulation does. `-cpu max` would let udev load every module for ciphers: 20 seconds."""
    flags = set(re.findall(r"\w+", Path("/proc/cpuinfo").read_text()))
    if flags & {"vmx", "svm"} and os.access("/dev/kvm", os.W_OK):
        return ("-accel", "kvm", "-cpu", "host")
    return ("-accel", "tcg,thread=multi", "-cpu", "qemu64")


def _parsed(file: Path) -> Report | None:
    if not file.exists():
        return None
    lines = frozenset(file.read_text().splitlines())
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    return Report(
        kernel=said.get("kernel", ""),
        is_loaded=said.get("loaded") == "yes",
        is_early=said.get("early") == "yes",
        file=said.get("file", ""),
        sha256=said.get("sha256", ""),
        build_id=said.get("build_id", ""),
        lines=lines,
    )
