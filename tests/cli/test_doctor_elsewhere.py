"""`doctor` for another machine, for another user, and what it puts right there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import sickroots
from tests.support.commandline import PATIENCE, CommandLine, Outcome
from tests.support.tracing import need_tracing

GROUP = 54321
MACHINES = re.compile(
    r'"(/(?:etc|sys|var|proc|run|boot|dev|lib/modules|usr/(?:src|lib/(?:modules|firmware)))/[^"]*)"'
)
"""Where a machine keeps what doctor looks at."""
ANY_PROGRAMS = ("/etc/ld.so.", "/etc/localtime", "/etc/os-release", "/dev/null", "/dev/tty", "/dev/urandom")
"""What the loader and Python itself look for; python-distro asks at its import whether there is an os-release."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's, which nobody but its user may enter."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def person(folder: Path) -> CommandLine:
    return CommandLine(folder, {"SHELL": "/bin/tcsh"})


@pytest.fixture
def root(folder: Path) -> Path:
    return sickroots.healthy(folder / "machine")


def run_below(wrapper: list[str], person: CommandLine, *words: str) -> Outcome:
    command = [*wrapper, sys.executable, "-m", "rocmswitch", *words]
    person.home.mkdir(exist_ok=True)
    done = subprocess.run(
        command,
        env=person.variables(),
        cwd=person.home,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def somebody(*groups: int) -> list[str]:
    """What goes before a command: who has no rights but to read what is root's here, this Python among it."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    joined = [f"--groups={','.join(map(str, groups))}"] if groups else ["--clear-groups"]
    rights = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    words = ["setpriv", "--reuid=1000", "--regid=1000", *joined, *rights]
    if shutil.which("setpriv") is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("setpriv (util-linux) cannot make an ordinary user here")
    return words


def close_devices(root: Path, group: int) -> None:
    for name in ("kfd", "dri/renderD128"):
        (root / "dev" / name).chmod(0o660)
        os.chown(root / "dev" / name, 0, group)


def test_nothing_of_this_machine_is_asked_about_another(person: CommandLine, root: Path, tmp_path: Path):
    need_tracing()
    (root / "etc/profile").write_text(". /etc/bashrc\n. /etc/default/locale\n")
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-qq", "-s", "4096", "-o", str(trace), "-e", "trace=%file"]

    outcome = run_below(strace, person, "doctor", "--sysroot", str(root))

    assert (outcome.code, outcome.out) == (0, "")
    asked = {path for path in MACHINES.findall(trace.read_text()) if not path.startswith(ANY_PROGRAMS)}
    assert asked == set()


def test_a_link_of_another_machine_leads_to_nothing_of_this_one(person: CommandLine, root: Path, tmp_path: Path):
    ours = tmp_path / "ours.sh"
    ours.write_text("export HSA_OVERRIDE_GFX_VERSION=10.3.0\n")
    (root / "etc/profile.d").mkdir()
    (root / "etc/profile.d/link.sh").symlink_to(ours)
    (root / "etc/profile").write_text(f". {ours}\n")

    assert person.succeed("doctor", "--sysroot", str(root)) == ""


def test_a_card_that_the_user_may_not_open_names_the_machines_own_group(person: CommandLine, root: Path):
    words = somebody()
    close_devices(root, GROUP)
    with (root / "etc/group").open("a") as file:
        file.write(f"cards:x:{GROUP}:\n")

    outcome = run_below(words, person, "doctor", "--sysroot", str(root))

    assert (outcome.code, "only the group cards may" in outcome.out) == (4, True)
    assert "run `sudo usermod -aG cards ada`, then log out and in again" in outcome.out


def test_who_has_joined_since_has_to_log_in_again(person: CommandLine, root: Path):
    words = somebody()
    close_devices(root, 992)

    outcome = run_below(words, person, "doctor", "--sysroot", str(root))

    assert "log out and in again: you are in render only since this session began" in outcome.out


def test_a_member_of_the_group_has_no_fault(person: CommandLine, root: Path):
    words = somebody(992)
    close_devices(root, 992)

    outcome = run_below(words, person, "doctor", "--sysroot", str(root))

    assert (outcome.code, outcome.out) == (0, "")


@pytest.mark.parametrize(
    ("group", "words"),
    [(GROUP, f"--group-add {GROUP}"), (992, "--group-add render"), (65534, "--group-add keep-groups")],
)
def test_a_container_is_told_how_to_be_started(person: CommandLine, root: Path, group: int, words: str):
    before = somebody()
    (root / "run/.containerenv").write_text("")
    close_devices(root, group)

    outcome = run_below(before, person, "doctor", "--sysroot", str(root))

    assert outcome.code == 4
    assert f"--security-opt seccomp=unconfined {words}`" in outcome.out


def test_a_foreign_folder_of_the_loader_goes_by_fix_and_comes_back_by_undo(person: CommandLine, root: Path):
    if os.geteuid() != 0:
        pytest.skip("only root may change a machine")
    sickroots.other_rocm_for_the_loader(root)
    file = root / "etc/ld.so.conf.d/amd.conf"

    person.succeed("doctor", "--sysroot", str(root), "--fix", "foreign-loader", "--yes")

    assert (file.exists(), person.succeed("doctor", "--sysroot", str(root))) == (False, "")
    person.succeed("undo", "driver:1", "--root", str(root), "--yes")
    assert file.read_text() == "# AMD\n/opt/rocm-5.7.0/lib\n"


def test_a_file_with_several_folders_goes_once_and_is_called_what_it_is(person: CommandLine, root: Path):
    if os.geteuid() != 0:
        pytest.skip("only root may change a machine")
    file = root / "etc/ld.so.conf.d/amd.conf"
    file.write_text("/opt/rocm/lib\n/opt/rocm/hip/lib\n")

    outcome = person.run("doctor", "--sysroot", str(root), "--fix", "foreign-loader", "--yes")

    assert (outcome.code, outcome.err.count("removed 1 file")) == (0, 1)
    assert outcome.err.splitlines()[0].startswith("removes, and keeps in ")
    assert "  /etc/ld.so.conf.d/amd.conf: 32 bytes; " in outcome.err


def test_what_is_roots_to_remove_ends_with_the_whole_line_for_sudo(person: CommandLine, root: Path):
    words = somebody()
    sickroots.other_rocm_for_the_loader(root)

    outcome = run_below(words, person, "doctor", "--sysroot", str(root), "--fix", "foreign-loader", "--yes")

    assert outcome.code == 6
    assert re.fullmatch(r"run `sudo .+ doctor --sysroot \S+ --fix foreign-loader --yes`", outcome.hint)
    assert (root / "etc/ld.so.conf.d/amd.conf").exists()


def test_a_file_that_says_more_is_edited_by_its_owner(person: CommandLine, root: Path):
    (root / "etc/ld.so.conf.d/mixed.conf").write_text("/usr/local/lib\n/opt/rocm/lib\n")

    outcome = person.run("doctor", "--sysroot", str(root), "--fix", "foreign-loader", "--yes")

    assert (outcome.code, "sudo sed -i 2d /etc/ld.so.conf.d/mixed.conf" in outcome.error) == (5, True)


def test_the_fix_that_is_shown_names_the_other_machine(person: CommandLine, root: Path):
    sickroots.other_rocm_for_the_loader(root)

    shown = person.succeed("doctor", "--sysroot", str(root))

    assert f"--fix foreign-loader:/etc/ld.so.conf.d/amd.conf:2 --sysroot {root}`" in shown


def test_programs_are_told_where_each_finding_comes_from(person: CommandLine, root: Path):
    sickroots.given_up(root)

    outcome = person.run("doctor", "--json", "--sysroot", str(root))

    (found,) = json.loads(outcome.out)
    assert (outcome.code, found["id"], found["where"]) == (4, "log-start", "/var/log/kern.log:11")
