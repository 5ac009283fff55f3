"""What somebody in fear reads of a broken system: nothing that is not so, and commands that can be typed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.cli.typed import here
from tests.support import breaking
from tests.support.commandline import CommandLine
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import kernel_root, write
from tests.support.nobody import as_nobody

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")


@needs_root
def test_all_is_not_called_well_while_the_boot_line_keeps_amdgpu_away(line: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "a root", programs=True)
    breaking.set_mtype_local(root)
    write(root / "etc/default/grub", 'GRUB_CMDLINE_LINUX="quiet nomodeset"\n')

    outcome = line.run("recover", "--root", str(root), "--apply", "--yes")

    assert (outcome.code, "all is well" in outcome.err) == (0, False)
    was, end = outcome.err.split("what was wrong:\n")[1].split("what was done:\n")
    assert "  `amdgpu` is loaded with `mtype_local=1`, which somebody has set\n" in was and "nomodeset" not in was
    assert "what may still be wrong, and is not changed here:\n  `/etc/default/grub` keeps `amdgpu`" in end


@needs_root
def test_a_setting_that_only_may_be_wrong_waits_for_consent_too(line: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "a root", programs=True)
    breaking.set_mtype_local(root)
    breaking.renew_image(root)

    planned = line.run("recover", "--root", str(root))
    outcome = line.run("recover", "--root", str(root), "--apply")

    assert (planned.code, planned.error) == (4, "something may be wrong, and nothing was changed")
    assert (outcome.code, outcome.hint) == (5, "run the same command with `--yes`")
    assert "all is well" not in outcome.err
    assert (root / "etc/modprobe.d/amdgpu-mtype.conf").is_file()


@needs_root
def test_a_recovery_says_under_which_name_what_it_disables_stands(line: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "a root", programs=True)
    breaking.set_mtype_local(root)

    outcome = line.run("recover", "--root", str(root), "--apply", "--yes")

    conf = "/etc/modprobe.d/amdgpu-mtype.conf"
    assert f"  `{conf}` was disabled: it is `{conf}.rocmswitch-disabled` now\n" in outcome.err
    assert outcome.err.count(".rocmswitch-disabled") == 1
    assert f"`rocmswitch undo driver:1 --root '{root}'`" in outcome.err


@needs_root
def test_a_build_that_was_wished_for_and_could_not_be_is_left_to_be_done(line: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "a root", programs=True)
    breaking.patch_packaged_source(root)
    breaking.renew_image(root)

    outcome = line.run("recover", "--root", str(root), "--apply", "--rebuild")

    left = outcome.err.split("what is left:\n")[1].splitlines()
    assert (outcome.code, "all is well" in outcome.err) == (4, False)
    assert left[0].startswith("  amdgpu-patched/1.0 is not built anew: there is no copy of")
    assert line.run("recover", "--root", str(root)).code == 0


def test_the_status_says_what_was_not_looked_at(line: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "a root")
    write(root / "etc/fstab", "UUID=1 / ext4 defaults 0 1\nUUID=2 /boot/efi vfat defaults 0 1\n")
    os.mkfifo(root / "etc/modprobe.d/pipe.conf")

    outcome = line.run("driver", "status", "--root", str(root))

    assert outcome.err.splitlines() == [
        "note: `/boot/efi` is not mounted: what the boot loader reads there was not looked at",
        "note: `/etc/modprobe.d/pipe.conf` could not be read: it is no regular file",
    ]


@needs_root
def test_a_system_that_could_only_be_looked_at_in_part_is_not_called_sound(line: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "a root", programs=True)
    write(root / "etc/fstab", "UUID=1 / ext4 defaults 0 1\nUUID=2 /boot/efi vfat defaults 0 1\n")

    assert line.succeed("recover", "--root", str(root)).splitlines() == [
        f"nothing is wrong with what the kernels of `{root}` would load, as far as it could be looked at",
        "note: `/boot/efi` is not mounted: what the boot loader reads there was not looked at",
    ]


def test_the_packages_own_module_in_updates_is_not_called_a_changed_one(line: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "a root")
    breaking.move_to_updates(root)

    told = line.run("driver", "status", "--root", str(root)).out

    assert told.startswith(
        f"kernel {KERNEL} would load its own amdgpu, but from `updates`, where a package has put none"
    )


def test_on_a_narrow_terminal_each_module_has_one_line(line: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "a root", suffix=".ko.xz")
    breaking.shadow_by_hand(root)

    screen = line.at_terminal("driver", "status", "--root", str(root), COLUMNS="80").out.splitlines()

    rows = [row.split() for row in screen if "amdgpu.ko.xz" in row]
    assert rows == [
        ["updates/amdgpu.ko.xz", "yes", "alien", "not", "stated"],
        ["kernel/…/amdgpu.ko.xz", "no", f"linux-image-{KERNEL}", "as", "packaged"],
    ]


def test_commands_for_root_are_typed_without_sudo_by_root_and_with_the_whole_path_by_others():
    text = "run `sudo rocmswitch recover --apply`, then `sudo reboot`"

    with as_nobody():
        others = here(text)

    assert others.startswith("run `sudo /") and others.endswith(" recover --apply`, then `sudo reboot`")
    if os.geteuid() == 0:
        assert here(text) == "run `rocmswitch recover --apply`, then `sudo reboot`"
