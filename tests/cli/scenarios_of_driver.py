"""Errors of driver, and of the records that it keeps in a system, with the way out of each."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.scenarios_of_deploy import as_root, somebody_who_reads_all
from tests.support.commandline import Outcome
from tests.support.drivercommand import CONF, Driver, need_root
from tests.support.kernelroots import in_tree, kernel_root, write
from tests.support.scenes import Scene, scenario


def system(scene: Scene) -> Path:
    """One that is only looked at: no program in it."""
    root = scene.folder / "disk"
    return root if root.is_dir() else kernel_root(root)


def fail(scene: Scene, *words: str) -> Outcome:
    need_root()
    return scene.fail(*words, "--root", str(system(scene)))


def corrected(scene: Scene, hint: str) -> Outcome:
    """The same command with the word that the hint names, as far as it would be shown."""
    (word,) = re.findall(r"with `([^`=]*)`", hint)
    return scene.line.run(*scene.words[:2], f"{word}=1", *scene.words[3:], "--dry-run")


def the_named_program(scene: Scene, hint: str) -> Outcome:
    (command,) = re.findall(r"`([^`]*)`", hint)
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def the_program_then_the_same(scene: Scene, hint: str) -> Outcome:
    assert the_named_program(scene, hint).code == 0, hint
    return scene.again()


@scenario("planning/parameters", "run the same command with `{}.{}`", 3, follow=corrected)
def a_parameter_is_misspelt(scene: Scene) -> Outcome:
    return fail(scene, "driver", "set", "amdgpu.vm_sice=1")


@scenario("planning/parameters", "run `{}` for those that there are", 3, follow=the_named_program)
def a_parameter_is_like_no_other(scene: Scene) -> Outcome:
    return fail(scene, "driver", "set", "amdgpu.zzzzzz=1")


@scenario("planning/parameters", "run `rocmswitch recover --root {}`", 3, then=4)
def the_module_is_damaged(scene: Scene) -> Outcome:
    module = system(scene) / in_tree()
    write(module, module.read_bytes()[:100])
    return fail(scene, "driver", "set", "amdgpu.vm_size=8", "--dry-run")


@scenario("planning/parameters", "run `{}` for what each parameter means", 2, follow=the_named_program)
def a_value_does_not_fit_its_type(scene: Scene) -> Outcome:
    return fail(scene, "driver", "set", "amdgpu.vm_size=abc")


@scenario(
    "planning/parameters",
    "write it as in `rocmswitch driver {} {}`",
    2,
    follow=lambda scene, hint: scene.line.run(
        *re.findall(r"`rocmswitch ([^`]*)`", hint)[0].split(), *scene.words[3:], "--dry-run"
    ),
)
def a_value_is_missing(scene: Scene) -> Outcome:
    return fail(scene, "driver", "set", "amdgpu.vm_size")


@scenario("planning/parameters", "run `mv {} {}`, then the same command again", 5, follow=the_program_then_the_same)
def our_file_was_edited(scene: Scene) -> Outcome:
    write(system(scene) / CONF, "# Made by rocmswitch\noptions amdgpu vm_size=1\nblacklist radeon\n")
    return fail(scene, "driver", "set", "amdgpu.vm_size=8", "--dry-run")


@scenario(
    "operations/driver",
    "run the same command with `--root` and the folder where the system is mounted",
    3,
    follow=lambda scene, hint: scene.line.run("driver", "status", "--root", str(system(scene))),
)
def a_folder_is_no_system(scene: Scene) -> Outcome:
    folder = scene.folder / "nothing"
    for path in ("etc", "usr/lib/modules", "lib/modules"):
        (folder / path).mkdir(parents=True, exist_ok=True)
    return scene.fail("driver", "status", "--root", str(folder))


@scenario("operations/rootonly", "run `sudo {}`", 6, follow=as_root)
def only_root_may_set_a_parameter(scene: Scene) -> Outcome:
    need_root()
    driver = Driver.of(scene.folder)
    words = ("driver", "set", "amdgpu.vm_size=8", "--root", str(driver.root), "--yes")
    return scene.fail_below(somebody_who_reads_all(), *words)


def mounted_elsewhere(scene: Scene, hint: str) -> Outcome:
    """Which disk it is, and where it belongs, is told; this machine has none of that name."""
    assert re.findall(r"`([^`]*)`", hint) == [f"mount /dev/a-disk {system(scene) / 'var'}"]
    fstab = system(scene) / "etc/fstab"
    fstab.write_text(fstab.read_text().replace("/dev/a-disk", "# /dev/a-disk"))
    return scene.again()


def written_again(scene: Scene, hint: str) -> Outcome:
    """Outside of that namespace the system is not mounted so."""
    assert re.findall(r"`([^`]*)`", hint) == [f"mount -o remount,rw {system(scene)}"]
    return scene.again()


@scenario(
    "operations/rootonly",
    "run `mount {} {}`, then the same command again",
    6,
    follow=mounted_elsewhere,
)
def the_var_of_a_system_is_not_mounted(scene: Scene) -> Outcome:
    fstab = system(scene) / "etc/fstab"
    fstab.write_text(f"{fstab.read_text()}/dev/a-disk /var ext4 defaults 0 2\n")
    return fail(scene, "driver", "snapshot")


@scenario("operations/driver", "run `mount -o remount,rw {}`, then the same command again", 6, follow=written_again)
def a_system_is_mounted_read_only(scene: Scene) -> Outcome:
    """In a namespace of mounts that ends with the command."""
    need_root()
    mounting = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    wrapper = ["unshare", "--mount", "sh", "-c", mounting, str(system(scene))]
    if shutil.which("unshare") is None or subprocess.run([*wrapper, "true"], check=False).returncode:
        pytest.skip("nothing can be mounted in a namespace here")
    words = ("driver", "snapshot", "--root", str(system(scene)))
    return scene.fail_below(wrapper, *words)


@scenario("cli/driver_words", "run `rocmswitch history {}` for what may be half-changed", 4)
def a_journal_of_the_driver_cannot_be_read(scene: Scene) -> Outcome:
    journal = system(scene) / "var/lib/rocmswitch/driver/journal"
    journal.mkdir(parents=True)
    for folder in (journal, *list(journal.parents)[:5]):
        folder.chmod(0o755)
    (journal / "open").write_bytes(b"garbled\n")
    return fail(scene, "history", "driver")


@scenario("store/rescue", "install rocmswitch again", 1, follow=lambda scene, hint: scene.again())
def recover_sh_is_gone(scene: Scene) -> Outcome:
    need_root()
    package = scene.folder / "broken/rocmswitch"
    shutil.copytree(Path(sys.modules["rocmswitch"].__file__ or "").parent, package)
    (package / "recover.sh").unlink(missing_ok=True)
    words = ("driver", "snapshot", "--root", str(system(scene)))
    return scene.fail(*words, PYTHONPATH=str(package.parent))
