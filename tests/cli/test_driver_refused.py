"""What driver refuses, and what it leaves alone then: other modules, edited files, folders of others, no rights."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.scenarios_of_deploy import somebody_who_reads_all
from tests.support.commandline import CommandLine, Outcome
from tests.support.drivercommand import CONF, Driver, need_root
from tests.support.filesystems import mounted_image
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import kernel_root, write

WORDS = (
    "amdgpu.vm_size=8 options",
    'amdgpu.vm_size="8"',
    "amdgpu.vm_size=8#",
    "amdgpu.vm_size=$(reboot)\n",
    "amdgpu.vm_size=\\",
    "amdgpu..vm_size=8",
    "../amdgpu.vm_size=8",
    "amdgpu.vm_size=",
    "=8",
    "",
)


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    """Looked at only: no program in its root."""
    need_root()
    root = kernel_root(tmp_path / "disk")
    return Driver(CommandLine(tmp_path), root)


def _view(root: Path) -> dict[str, bytes | None]:
    return {str(one): one.read_bytes() if one.is_file() else None for one in sorted(root.rglob("*"))}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_is_no_assignment_is_a_usage_mistake(driver: Driver, word: str):
    before = _view(driver.root)

    outcome = driver.run("driver", "set", word, "--yes")

    assert (outcome.code, outcome.hint) == (2, "write it as in `rocmswitch driver set amdgpu.vm_size=8`")
    assert _view(driver.root) == before


@pytest.mark.parametrize("word", ("i915.modeset=1", "radeon.si_support=1", "amdgp.vm_size=8"))
def test_other_modules_are_not_touched(driver: Driver, word: str):
    before = _view(driver.root)

    outcome = driver.run("driver", "set", word, "--yes")

    assert (outcome.code, "none of the modules that belong to amdgpu" in outcome.error) == (3, True)
    assert _view(driver.root) == before


def test_a_value_that_would_keep_the_module_from_loading_is_refused(driver: Driver):
    outcome = driver.run("driver", "set", "amdgpu.vm_size=abc", "--yes")

    assert (outcome.code, outcome.error) == (
        2,
        "`vm_size` takes an int, and `abc` is none: `amdgpu` would not be loaded",
    )


def test_without_a_terminal_it_needs_yes(driver: Driver):
    outcome = driver.run("driver", "set", "amdgpu.vm_size=8")

    assert (outcome.code, outcome.hint, driver.conf) == (5, "run the same command with `--yes`", None)


def test_what_is_not_set_by_us_is_not_taken_away(driver: Driver):
    write(driver.root / "etc/modprobe.d/mine.conf", "options amdgpu vm_size=1\n")

    outcome = driver.run("driver", "unset", "amdgpu.vm_size", "--yes")

    assert (outcome.code, outcome.error) == (
        3,
        "`amdgpu.vm_size` is not set by rocmswitch; `/etc/modprobe.d/mine.conf` does",
    )


@pytest.mark.parametrize(
    "text", ("# mine\n", "# Made by rocmswitch\ninstall amdgpu /bin/true\n", "options amdgpu a=1\n")
)
def test_our_file_with_lines_of_others_is_left_alone(driver: Driver, text: str):
    write(driver.root / CONF, text)

    outcome = driver.run("driver", "set", "amdgpu.vm_size=8", "--yes")

    assert (outcome.code, driver.conf) == (5, text)


@pytest.mark.parametrize("where", ("etc/modprobe.d", "etc", "var/lib"))
def test_a_folder_that_others_may_write_is_refused_with_what_closes_it(driver: Driver, where: str):
    (driver.root / where).chmod(0o775)

    outcome = driver.run("driver", "set", "amdgpu.vm_size=8", "--yes")

    assert (outcome.code, outcome.hint) == (5, f"run `chmod go-w {driver.root / where}`")
    assert driver.conf is None


def test_a_later_change_has_to_be_taken_back_first_and_is_named_as_it_is_typed(driver: Driver):
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")
    driver.succeed("driver", "set", "amdgpu.vm_size=9", "--yes")

    outcome = driver.run("undo", "driver:1", "--yes")

    assert (outcome.code, outcome.hint) == (5, f"run `rocmswitch undo driver:2 --root {driver.root}` first")


def test_what_somebody_has_written_since_is_not_overwritten_by_an_undo(driver: Driver):
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")
    write(driver.root / CONF, "options amdgpu vm_size=16\n")

    outcome = driver.run("undo", "driver", "--yes")

    assert (outcome.code, driver.conf) == (5, "options amdgpu vm_size=16\n")
    assert f"`rocmswitch backup prune driver:1 --root {driver.root}`" in outcome.hint


def test_a_var_that_leads_out_of_the_system_is_not_followed(driver: Driver, tmp_path: Path):
    outside = tmp_path / "outside"
    (outside / "lib").mkdir(parents=True)
    (driver.root / "var").rename(driver.root / "old")
    (driver.root / "var").symlink_to(outside)

    outcome = driver.run("driver", "set", "amdgpu.vm_size=8", "--yes")

    assert (outcome.code, list((outside / "lib").iterdir()), driver.conf) == (5, [], None)


def test_a_modprobe_d_that_leads_out_of_the_system_means_that_systems_own(driver: Driver, tmp_path: Path):
    (driver.root / "etc/modprobe.d").rename(driver.root / "etc/real.d")
    (driver.root / "etc/modprobe.d").symlink_to("/etc/real.d")

    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")

    assert (driver.root / "etc/real.d/rocmswitch.conf").is_file()
    assert not Path("/etc/real.d").exists()


def test_root_means_nothing_for_the_changes_of_environments(driver: Driver):
    for words in (("history",), ("undo",), ("undo", "3"), ("backup", "prune")):
        assert driver.run(*words).code == 2, words


def test_where_nothing_was_changed_there_is_nothing_to_undo(driver: Driver):
    assert (driver.run("undo", "driver").error, driver.run("undo", "driver:7").error) == (
        "there is nothing to undo",
        "there is no generation 7",
    )
    assert driver.run("history", "driver").err == "nothing was changed yet\n"


def _as_somebody(driver: Driver, *words: str) -> Outcome:
    command = [*somebody_who_reads_all(), sys.executable, "-m", "rocmswitch", *words, "--root", str(driver.root)]
    done = subprocess.run(command, env=driver.line.variables(), capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "words", (("driver", "snapshot"), ("driver", "set", "amdgpu.vm_size=8"), ("undo", "driver")), ids="-".join
)
def test_who_is_not_root_is_told_the_whole_line_to_type(driver: Driver, words: tuple[str, ...]):
    outcome = _as_somebody(driver, *words)

    assert (outcome.code, outcome.error) == (6, "only root may change what kernels load")
    program = f"{sys.executable} -m rocmswitch"
    assert outcome.hint == f"run `sudo {program} {' '.join(words)} --root {driver.root}`"


def test_who_is_not_root_sees_what_would_load_and_what_would_change(driver: Driver):
    status = _as_somebody(driver, "driver", "status")
    dry = _as_somebody(driver, "driver", "set", "amdgpu.vm_size=8", "--dry-run")

    assert (status.code, dry.code) == (0, 0), (status, dry)
    assert status.out.startswith(f"kernel {KERNEL} would load")
    assert "options amdgpu vm_size=8" in dry.err


@pytest.mark.parametrize("words", [("driver", "snapshot"), ("driver", "set", "amdgpu.vm_size=8", "--yes")])
def test_a_full_disk_is_no_matter_of_anybodys_cache(driver: Driver, words: tuple[str, ...]):
    var = driver.root / "var"
    var.rename(aside := driver.root / "aside")
    with mounted_image("ext4", var, megabytes=3):
        shutil.copytree(aside, var, dirs_exist_ok=True)

        outcome = driver.run(*words)

    assert "are needed there" in outcome.error
    assert (outcome.code, outcome.hint) == (6, "make room there, then run the same command again")
