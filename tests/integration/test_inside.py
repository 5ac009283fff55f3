"""Programs of a mounted system: what they see, and that nothing of it lasts, whatever becomes of us."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rocmswitch.errors import Busy, MachineLacks
from rocmswitch.system.inside import Inside
from rocmswitch.system.lock import held
from tests.support.commandline import PATIENCE
from tests.support.kernelroots import kernel_root, write

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may chroot")
_AARCH64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00\x01\x00\x00\x00" + bytes(40)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return kernel_root(tmp_path / "a root", programs=True)


def said(root: Path, *command: str, **how: object) -> str:
    done = Inside(root).run(command, **how)  # type: ignore[arg-type]
    assert done.code == 0, done
    return done.stdout.decode().strip()


def mounts(root: Path) -> list[str]:
    """What is mounted below *root*."""
    lines = Path("/proc/self/mountinfo").read_text().replace("\\040", " ").splitlines()
    return [line for line in lines if str(root) in line]


def test_a_program_sees_the_root_as_its_own_with_devices_and_processes_and_speaks_english(root: Path):
    write(root / "etc/marker", "mine")

    lines = said(root, "sh", "-c", 'cat /etc/marker; echo; echo "$LC_ALL"; ls -d /dev/null /proc/self /sys/kernel')

    assert lines.split() == ["mine", "C", "/dev/null", "/proc/self", "/sys/kernel"]


def test_nothing_is_mounted_afterwards_and_what_was_written_to_tmp_and_run_is_gone(root: Path):
    said(root, "sh", "-c", "touch /tmp/left /run/left")

    assert (mounts(root), [*root.glob("tmp/*"), *root.glob("run/*")]) == ([], [])


def test_a_program_gets_no_input_and_works_where_it_is_told_to(root: Path):
    assert said(root, "sh", "-c", "cat; pwd", folder="/var/tmp") == "/var/tmp"


def test_no_process_and_no_mount_outlives_a_kill(root: Path):
    code = (
        "from pathlib import Path; from rocmswitch.system.inside import Inside;"
        f"Inside(Path({str(root)!r})).run(['sh', '-c', 'echo $$ >/begun; sleep 1000 & sleep 1000'])"
    )
    ours = subprocess.Popen([sys.executable, "-c", code])
    while not (root / "begun").is_file():
        assert ours.poll() is None
        time.sleep(0.02)

    os.kill(ours.pid, signal.SIGKILL)
    ours.wait()

    while inside_of(root):
        time.sleep(0.02)
    assert mounts(root) == []


def started(folder: Path, path: str) -> tuple[subprocess.Popen[bytes], Path]:
    """A process that runs a program of the running system, which has a child, and their lock; PATH is *path*."""
    begun, lock = folder / "begun", folder / "locks/programs.lock"
    program = f"sleep 1000 & echo $! >{begun}.new; mv {begun}.new {begun}; wait"
    code = (
        "from pathlib import Path; from rocmswitch.system.inside import Inside;"
        f"Inside(Path('/'), Path({str(lock)!r})).run(['sh', '-c', {program!r}])"
    )
    ours = subprocess.Popen([sys.executable, "-c", code], env={"PATH": path})
    while not begun.is_file():
        assert ours.poll() is None
        time.sleep(0.02)
    return ours, lock


def test_nothing_that_a_killed_process_has_started_goes_on_in_the_running_system(tmp_path: Path):
    if not has_namespaces():
        pytest.skip("no namespaces of processes can be made here")
    ours, lock = started(tmp_path, os.environ["PATH"])

    os.kill(ours.pid, signal.SIGKILL)
    ours.wait()

    with held(lock, wait=PATIENCE, what="this test"):
        pass


def test_without_namespaces_the_next_one_waits_for_what_a_killed_process_has_started(tmp_path: Path):
    ours, lock = started(tmp_path, "/nowhere")

    os.kill(ours.pid, signal.SIGKILL)
    ours.wait()

    with pytest.raises(Busy, match="is working on this test"), held(lock, wait=0, what="this test"):
        pass
    os.kill(int((tmp_path / "begun").read_text()), signal.SIGKILL)
    with held(lock, wait=PATIENCE, what="this test"):
        pass


def test_a_program_of_the_running_system_finds_itself_and_one_that_is_not_there_is_told(tmp_path: Path):
    here = Inside(Path("/"), tmp_path / "programs.lock")

    done = here.run(["sh", "-c", "cat /proc/$$/comm; exit 7"])

    assert (done.code, done.stdout) == (7, b"sh\n")
    with pytest.raises(FileNotFoundError):
        here.run(["no-such-program"])


def has_namespaces() -> bool:
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "true"]
    return shutil.which("unshare") is not None and subprocess.run(words, check=False).returncode == 0


def inside_of(root: Path) -> list[str]:
    """Processes whose root is *root*."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str((process / "root").readlink()) == str(root):
                found.append(process.name)
        except OSError:
            continue
    return found


def test_nothing_is_mounted_where_a_link_leads_out_of_the_root(root: Path, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "tmp").rmdir()
    (root / "tmp").symlink_to(outside)

    said(root, "true")

    assert "outside" not in said(root, "cat", "/proc/self/mountinfo")


@pytest.mark.parametrize("target", ["../run/systemd/resolve/stub-resolv.conf", "/run/resolvconf/resolv.conf"])
def test_names_are_resolved_as_on_this_machine_only_where_that_is_wanted(root: Path, target: str):
    (root / "etc/resolv.conf").symlink_to(target)

    known = said(root, "cat", "/etc/resolv.conf", is_online=True)

    assert known == Path("/etc/resolv.conf").read_text().strip()
    assert Inside(root).run(["cat", "/etc/resolv.conf"]).code != 0
    assert list((root / "run").iterdir()) == []


def test_a_file_for_names_is_covered_and_stays_as_it_was(root: Path):
    write(root / "etc/resolv.conf", "nameserver 192.0.2.1\n")

    known = said(root, "cat", "/etc/resolv.conf", is_online=True)

    assert known == Path("/etc/resolv.conf").read_text().strip()
    assert (root / "etc/resolv.conf").read_text() == "nameserver 192.0.2.1\n"


def test_a_program_that_is_not_there_is_told_from_one_that_fails(root: Path):
    with pytest.raises(FileNotFoundError):
        Inside(root).run(["dracut"])
    assert Inside(root).run(["false"]).code == 1


def test_a_root_of_another_architecture_is_refused_in_a_sentence(root: Path):
    for name in ("bin/sh", "sbin/depmod"):
        write(root / "usr" / name, _AARCH64).chmod(0o755)

    with pytest.raises(MachineLacks, match="for another kind of machine"):
        Inside(root).run(["depmod", "--version"])


def test_without_unshare_all_is_unmounted_in_the_end(root: Path, tmp_path: Path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "mount", "umount", "chroot", "true"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    code = (
        "from pathlib import Path; from rocmswitch.system.inside import Inside;"
        f"print(Inside(Path({str(root)!r})).run(['sh', '-c', 'ls -d /proc/self; touch /tmp/x']).stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": str(programs)}, capture_output=True, text=True, check=True
    )

    assert (done.stdout.strip(), mounts(root), list((root / "tmp").iterdir())) == ("b'/proc/self\\n'", [], [])


def test_the_running_system_is_asked_without_any_mount():
    here = Inside(Path("/"))

    assert (here.is_running, here.run(["pwd"]).stdout) == (True, b"/\n")
