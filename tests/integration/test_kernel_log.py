"""The kernel's log as it is found: whichever of its places this user may read, and of this boot alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from rocmswitch.host.kernellog import read_kernel_log
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.machine import KernelLog, LogLine
from tests.support.journals import HANG, write_journal

FIRST = "[    0.000000] Linux version 6.1.0"
SAID = "[    5.400000] kfd kfd: amdgpu: added device 1002:731f"


def log(root: Path, name: str, *lines: str) -> None:
    path = root / "var/log" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def read(root: Path) -> KernelLog:
    return read_kernel_log(SystemRoot(root), is_running=False)


def syslog(message: str) -> str:
    return f"2026-11-20T08:01:15.123456+01:00 ada kernel: {message}"


@pytest.mark.parametrize("name", ["kern.log", "syslog", "messages"])
def test_only_what_concerns_cards_since_the_last_boot_is_kept(tmp_path: Path, name: str):
    old, other = "[    9.000000] amdgpu: old", "[    1.000000] usb 1-1: new device"
    log(tmp_path, name, syslog(FIRST), syslog(old), syslog(FIRST), syslog(other), syslog(SAID))

    assert read(tmp_path) == KernelLog((LogLine(SAID, f"/var/log/{name}:5"),), f"/var/log/{name}")


def test_dmesgs_file_has_no_mark_in_its_lines(tmp_path: Path):
    log(tmp_path, "dmesg", FIRST, SAID)

    assert read(tmp_path).lines == (LogLine(SAID, "/var/log/dmesg:2"),)


def test_what_other_programs_say_of_amdgpu_is_not_the_kernels(tmp_path: Path):
    log(tmp_path, "syslog", syslog(FIRST), "Nov 20 08:01:15 ada fancontrol[3]: amdgpu: Fatal error during GPU init")

    assert read(tmp_path).lines == ()


def test_a_log_that_was_rotated_since_the_boot_is_of_this_boot(tmp_path: Path):
    log(tmp_path, "kern.log", syslog(SAID))

    assert read(tmp_path).lines == (LogLine(SAID, "/var/log/kern.log:1"),)


def test_the_number_of_a_line_counts_from_the_start_of_a_long_file(tmp_path: Path):
    filling = syslog("[    1.000000] usb 1-1: new device " + "x" * 900)
    log(tmp_path, "kern.log", syslog(FIRST), *[filling] * 10_000, syslog(SAID))

    assert read(tmp_path).lines == (LogLine(SAID, "/var/log/kern.log:10002"),)


@pytest.mark.parametrize("odd", ["fifo", "folder", "link", "bytes"])
def test_what_is_no_log_says_nothing_and_is_not_waited_for(tmp_path: Path, odd: str):
    path = tmp_path / "var/log/kern.log"
    path.parent.mkdir(parents=True)
    if odd == "fifo":
        os.mkfifo(path)
    elif odd == "folder":
        path.mkdir()
    elif odd == "link":
        path.symlink_to("kern.log")
    else:
        path.write_bytes(bytes(range(256)) * 100)

    assert read(tmp_path) == KernelLog()


def test_a_line_that_repeats_for_ever_is_kept_a_few_thousand_times(tmp_path: Path):
    log(tmp_path, "kern.log", *[syslog(SAID)] * 20_000)

    assert len(read(tmp_path).lines) == 5000


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH for a journalctl of the test's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def journalctl(folder: Path, script: str) -> None:
    (folder / "journalctl").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "journalctl").chmod(0o755)


def test_where_the_ring_is_closed_the_journal_is_asked(tmp_path: Path, programs: Path):
    journalctl(
        programs,
        f"echo '[    0.000000] ada kernel: Linux version 6'; echo '[    5.400000] ada kernel: {SAID[15:]}'",
    )

    found = read_kernel_log(SystemRoot(tmp_path), is_running=True, kmsg=tmp_path / "closed")

    assert found == KernelLog((LogLine(SAID, "journalctl -k -b"),), "journalctl -k -b")


@pytest.mark.parametrize("script", ["exit 1", "true", "exec sleep 3600"], ids=["fails", "says nothing", "hangs"])
def test_where_the_journal_gives_nothing_the_files_are_read(tmp_path: Path, programs: Path, script: str):
    journalctl(programs, script)
    log(tmp_path, "kern.log", syslog(FIRST), syslog(SAID))

    found = read_kernel_log(SystemRoot(tmp_path), is_running=True, kmsg=tmp_path / "closed")

    assert found.lines == (LogLine(SAID, "/var/log/kern.log:2"),)


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="needs systemd's journalctl")
def test_the_journal_of_another_system_is_read_by_journalctl_itself_and_of_its_last_boot_alone(tmp_path: Path):
    root = tmp_path / "a root"
    write_journal(root)

    assert read(root) == KernelLog((LogLine(HANG, "/var/log/journal"),), "/var/log/journal")


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="needs systemd's journalctl")
def test_a_journal_that_is_cut_short_says_nothing(tmp_path: Path):
    write_journal(tmp_path)
    for file in tmp_path.rglob("*.journal"):
        os.truncate(file, 5000)

    assert read(tmp_path) == KernelLog()
