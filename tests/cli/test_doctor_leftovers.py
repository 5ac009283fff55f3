"""`doctor --fix leftovers` as a person runs it: shown, taken away with a backup, and brought back."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from rocmswitch.host.modulefiles import read_boot_image
from tests.cli.scenarios_of_deploy import somebody_who_reads_all
from tests.support.acme import AcmeSite
from tests.support.commandline import CommandLine
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import chroot, kernel_root
from tests.support.leftoverroots import FOUND, by_hand, contents, packaged, write
from tests.support.scenes import Scene

OVERRIDE = "export HSA_OVERRIDE_GFX_VERSION=10.3.0"
BASHRC = (
    f"# mine\n{OVERRIDE}\nif [ -d /opt/rocm ]; then\n    export LD_LIBRARY_PATH=/opt/rocm/lib\nfi\nalias l=ls\n"
)
WITHOUT = "# mine\nif [ -d /opt/rocm ]; then\n    :\nfi\nalias l=ls\n"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="not root here: only root takes away what is root's")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    return by_hand(tmp_path / "machine")


@pytest.fixture
def person(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path, {"ROCMSWITCH_SYSROOT": str(tmp_path / "machine"), "SHELL": "/bin/tcsh"})
    line.home.mkdir(exist_ok=True)
    return line


def settings_in_image(root: Path) -> list[str]:
    return [one.path for one in read_boot_image(root, f"boot/initrd.img-{KERNEL}").settings]


def found(line: CommandLine) -> list[str]:
    told = json.loads(line.run("doctor", "--json").out)
    return sorted(one["id"].partition(":")[2] for one in told if one["id"].startswith("leftovers:"))


def test_doctor_tells_each(person: CommandLine, machine: Path):
    assert found(person) == FOUND


def test_doctor_says_what_each_does_and_how_it_goes(person: CommandLine, machine: Path):
    shown = person.run("doctor").out

    assert (
        "warning: `/etc/udev/rules.d/70-rocm-kfd.rules` is left of a ROCm installed by hand  "
        "[leftovers:/etc/udev/rules.d/70-rocm-kfd.rules]\n"
        "  why: no package owns it, and it decides who may use the card's device files\n"
        "  fix: run `rocmswitch doctor --fix leftovers:/etc/udev/rules.d/70-rocm-kfd.rules`, which keeps it for "
        "`undo`\n"
    ) in shown


@needs_root
def test_all_go_and_all_come_back(person: CommandLine, machine: Path):
    before = contents(machine)

    outcome = person.run("doctor", "--fix", "leftovers", "--yes")

    assert (outcome.code, found(person)) == (0, [])
    assert [name for name in contents(machine) if not name.startswith("var/")] == []
    for number in reversed(re.findall(r"`rocmswitch undo (driver:\d+)", outcome.err)):
        person.succeed("undo", number, "--root", str(machine), "--yes")
    assert contents(machine) == before


@needs_root
def test_what_is_taken_away_is_kept_where_only_root_looks(person: CommandLine, machine: Path):
    person.succeed("doctor", "--fix", "leftovers:/opt/rocm-patched", "--yes")

    backups = machine / "var/lib/rocmswitch/driver/backups/1"
    assert [one.read_text() for one in backups.iterdir() if one.name != "record"] == ["patched"]
    assert stat.S_IMODE((machine / "var/lib/rocmswitch/driver").stat().st_mode) == 0o700


@needs_root
def test_one_of_them_goes_alone(person: CommandLine, machine: Path):
    person.succeed("doctor", "--fix", "leftovers:/etc/modprobe.d/amdgpu.conf", "--yes")

    assert found(person) == [one for one in FOUND if one != "/etc/modprobe.d/amdgpu.conf"]


@needs_root
def test_the_plan_names_each_file_and_what_is_to_be_done_afterwards(person: CommandLine, machine: Path):
    outcome = person.run("doctor", "--fix", "leftovers:/etc/modprobe.d/amdgpu.conf", "--yes")

    assert outcome.err.replace(str(machine), "MACHINE").splitlines() == [
        "removes, and keeps in MACHINE/var/lib/rocmswitch/driver/backups:",
        "  /etc/modprobe.d/amdgpu.conf: 29 bytes; it decides how the next boot loads amdgpu",
        "removed 1 file, recorded as generation driver:1",
        "back: `rocmswitch undo driver:1 --root MACHINE`",
    ]


@needs_root
def test_a_setting_goes_from_the_boot_image_too_and_comes_back_to_it(person: CommandLine, tmp_path: Path):
    machine = kernel_root(tmp_path / "machine", programs=True)
    write(machine, {"etc/modprobe.d/amdgpu.conf": "options amdgpu mtype_local=1\n"})
    (machine / "usr/sbin/mkinitramfs").write_text("#!/bin/sh\n")  # by which initramfs-tools is known
    (machine / "usr/sbin/mkinitramfs").chmod(0o755)
    chroot(machine, "update-initramfs", "-c", "-k", KERNEL)
    assert "etc/modprobe.d/amdgpu.conf" in settings_in_image(machine)

    person.succeed("doctor", "--fix", "leftovers:/etc/modprobe.d/amdgpu.conf", "--yes")

    assert "etc/modprobe.d/amdgpu.conf" not in settings_in_image(machine)
    person.succeed("undo", "driver:1", "--root", str(machine), "--yes")
    assert "etc/modprobe.d/amdgpu.conf" in settings_in_image(machine)


def test_without_an_answer_nothing_goes(person: CommandLine, machine: Path):
    before = contents(machine)

    outcome = person.run("doctor", "--fix", "leftovers")

    assert outcome.code in (5, 6)
    assert contents(machine) == before


@needs_root
def test_a_dry_run_shows_the_plan_and_takes_nothing_away(person: CommandLine, machine: Path):
    before = contents(machine)
    (person.home / ".bashrc").write_text(BASHRC)

    outcome = person.run("doctor", "--fix", "leftovers", "--dry-run")

    assert (outcome.code, contents(machine), (person.home / ".bashrc").read_text()) == (0, before, BASHRC)
    assert "/opt/rocm-patched" in outcome.err and f"{person.home}/.bashrc: these lines" in outcome.err
    assert not person.layout.backups.exists()


@needs_root
def test_at_a_terminal_no_leaves_all_as_it_is(person: CommandLine, machine: Path):
    before = contents(machine)

    outcome = person.at_terminal("doctor", "--fix", "leftovers", answers="n\n")

    assert (outcome.code, contents(machine)) == (5, before)


@needs_root
def test_without_root_the_whole_line_is_said(person: CommandLine, machine: Path, tmp_path: Path, site: AcmeSite):
    scene = Scene(person, site, tmp_path)

    outcome = scene.fail_below(somebody_who_reads_all(), "doctor", "--fix", "leftovers:/opt/rocm-patched", "--yes")

    assert (outcome.code, outcome.error) == (6, f"only root may change `{machine}/opt/rocm-patched/lib`")
    line = "-m rocmswitch doctor --fix leftovers:/opt/rocm-patched --yes`"
    assert outcome.hint.startswith("run `sudo /") and outcome.hint.endswith(line)


def test_lines_of_a_start_up_file_go_and_come_back_byte_for_byte(person: CommandLine):
    bashrc = person.home / ".bashrc"
    bashrc.write_text(BASHRC)
    bashrc.chmod(0o600)

    outcome = person.run("doctor", "--fix", "leftovers", "--yes")

    assert (outcome.code, bashrc.read_text(), stat.S_IMODE(bashrc.stat().st_mode)) == (0, WITHOUT, 0o600)
    person.succeed("undo", "1", "--yes")
    assert (bashrc.read_text(), stat.S_IMODE(bashrc.stat().st_mode)) == (BASHRC, 0o600)


def test_the_exact_lines_are_shown(person: CommandLine):
    (person.home / ".bashrc").write_text(BASHRC + f"[ -e x ] && {OVERRIDE}\n")

    outcome = person.run("doctor", "--fix", "leftovers", "--yes")

    assert person.tell(outcome).err.splitlines()[:5] == [
        "removes, and keeps in ROOT/data/backups:",
        "  HOME/.bashrc: these lines, every shell gets what belongs to one stack and one card",
        f"    2: {OVERRIDE}",
        "    4:     export LD_LIBRARY_PATH=/opt/rocm/lib",
        f"    7: [ -e x ] && {OVERRIDE}  (stays: it does something else, too)",
    ]
    assert (person.home / ".bashrc").read_text().endswith(f"[ -e x ] && {OVERRIDE}\n")


def test_a_start_up_file_that_is_a_link_stays_one(person: CommandLine):
    write(person.home, {"dotfiles/bashrc": BASHRC})
    (person.home / ".bashrc").symlink_to("dotfiles/bashrc")

    person.succeed("doctor", "--fix", "leftovers", "--yes")

    assert (person.home / ".bashrc").is_symlink()
    assert (person.home / "dotfiles/bashrc").read_text() == WITHOUT


def test_bytes_that_are_no_text_stay(person: CommandLine):
    bashrc = person.home / ".bashrc"
    bashrc.write_bytes(b"# \xff\xfe\n" + OVERRIDE.encode() + b"\n")

    person.succeed("doctor", "--fix", "leftovers", "--yes")

    assert bashrc.read_bytes() == b"# \xff\xfe\n"


def test_a_start_up_file_that_is_written_to_afterwards_is_no_finding(person: CommandLine):
    bashrc = person.home / ".bashrc"
    bashrc.write_text(BASHRC)
    person.succeed("doctor", "--fix", "leftovers", "--yes")

    bashrc.write_text(WITHOUT + "alias m=more\n")

    assert json.loads(person.run("doctor", "--json").out) == []


def test_nothing_of_a_draft_is_left(person: CommandLine):
    (person.home / ".bashrc").write_text(BASHRC)

    person.succeed("doctor", "--fix", "leftovers", "--yes")

    assert sorted(one.name for one in person.layout.data.iterdir()) == ["backups", "journal", "locks"]


def test_a_backup_by_hand_is_not_removed_and_the_way_to_adopt_it_is_said(person: CommandLine):
    lib = ".local/lib/python3.12/site-packages/torch/lib"
    write(person.home, {f"{lib}/libMIOpen.so": "patched", f"{lib}/libMIOpen.so.original": "own"})

    outcome = person.run("doctor", "--fix", f"leftovers:{person.home}/{lib}/libMIOpen.so.original", "--yes")

    assert (outcome.code, person.tell(outcome).error) == (
        5,
        f"`HOME/{lib}/libMIOpen.so.original` is not for rocmswitch to remove: "
        "run `rocmswitch deploy --adopt user`, then `rocmswitch restore user`",
    )
    assert (person.home / lib / "libMIOpen.so.original").read_text() == "own"


@needs_root
def test_names_with_spaces_and_quotes_go_too(person: CommandLine, tmp_path: Path):
    machine = packaged(tmp_path / "machine", {"x": []})
    write(machine, {"opt/rocm it's mine/lib/a b.so": "x"})

    person.succeed("doctor", "--fix", "leftovers", "--yes")

    assert (found(person), (machine / "opt/rocm it's mine/lib/a b.so").exists()) == ([], False)
