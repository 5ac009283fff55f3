"""The modulefiles of what all users share, in real Environment Modules: written, loaded, swapped and taken away."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acme import AcmeSite
from tests.support.commandline import Outcome
from tests.support.keys import KeyFolder
from tests.support.sharedmachine import SOMEBODY, SharedMachine
from tests.support.shells import dumped, dumping

FOLDER = "/opt/rocmswitch/modulefiles"
HOSTILE = 'it\'s "a" $(touch pwned) [exec touch pwned] \\ ; {x} #é $env(HOME)'
STACKS = ("rocm-5.2.3", "rocm-7.2.4", "debian-7.2.4")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedMachine]:
    """All users share three stacks, two of them of one version."""
    if not Path("/usr/share/modules/init/bash").is_file():
        pytest.skip("no Environment Modules here: apt install environment-modules")
    with contextlib.ExitStack() as stack:
        key = stack.enter_context(KeyFolder()).modern()
        site = stack.enter_context(AcmeSite(tmp_path_factory.mktemp("server"), key))
        machine = stack.enter_context(SharedMachine.made())
        for name in STACKS:
            version = name.partition("-")[2]
            rocm = {"version": version, "environment": {"ROCM_NOTE": f"{HOSTILE} {version}"}}
            machine.add_manifest(name, site.manifest(name, rocm=rocm, replaces=name))
            machine.succeed("install", name, "--system", "--yes")
        yield machine


def inside(machine: SharedMachine, *lines: str, shell: str = "bash") -> Outcome:
    """What an ordinary user sees after *lines*, with `module use` of the folder before them."""
    script = "\n".join((f". /usr/share/modules/init/{shell}", f"module use {FOLDER}", *lines))
    return machine.run([shell, "-c", script], number=SOMEBODY)


def test_all_stacks_are_to_be_had_by_version_or_by_their_own_name(machine: SharedMachine):
    said = inside(machine, "module --terse avail 2>&1").out.split()

    assert [word for word in said if word.startswith("rocm/")] == ["rocm/5.2.3", "rocm/7.2.4", "rocm/debian-7.2.4"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_loading_enters_and_unloading_leaves_exactly(machine: SharedMachine, shell: str):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here: apt install {shell}")
    files = [machine.line(SOMEBODY).home / name for name in ("before", "within", "after")]

    done = inside(
        machine,
        dumping(files[0]),
        "module load rocm/5.2.3",
        dumping(files[1]),
        "greet",
        "module unload rocm",
        dumping(files[2]),
        shell=shell,
    )

    before, within, after = (_of_users(dumped(file)) for file in files)
    assert (done.code, done.out) == (0, "hello\n"), done
    assert before == after
    assert within[b"ROCM_NOTE"] == os.fsencode(f"{HOSTILE} 5.2.3")
    assert within[b"PATH"].startswith(b"/opt/rocmswitch/prefixes/rocm-5.2.3/usr/bin:")
    assert within[b"ROCMSWITCH_ACTIVE"] == b"rocm-5.2.3"
    assert not list(machine.line(SOMEBODY).folder.rglob("pwned"))


def _of_users(environment: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Without what belongs to the modules' own bookkeeping, and to the shell."""
    own = (b"MODULE", b"__MODULES", b"LOADEDMODULES", b"_LMFILES_", b"BASH_", b"_")
    return {name: value for name, value in environment.items() if not name.startswith(own)}


def test_one_is_swapped_for_another_and_never_beside_it(machine: SharedMachine):
    show = "echo $ROCMSWITCH_ACTIVE $(command -v greet)"

    swapped = inside(machine, "module load rocm/5.2.3", "module swap rocm/5.2.3 rocm/7.2.4", show)
    beside = inside(machine, "module load rocm/5.2.3", "module load rocm/debian-7.2.4", show)

    assert swapped.out == "rocm-7.2.4 /opt/rocmswitch/prefixes/rocm-7.2.4/usr/bin/greet\n"
    assert beside.out.splitlines()[-1].startswith("rocm-5.2.3 ") or "debian-7.2.4 " in beside.out
    assert len([word for word in beside.out.split() if word.startswith("/opt")]) == 1


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("csh", "setenv ROCMSWITCH_ACTIVE 'rocm-5.2.3';"),
        ("tcsh", "setenv ROCMSWITCH_ACTIVE 'rocm-5.2.3';"),
        ("fish", "set -xg ROCMSWITCH_ACTIVE 'rocm-5.2.3';"),
        ("sh", "ROCMSWITCH_ACTIVE='rocm-5.2.3'; export ROCMSWITCH_ACTIVE;"),
    ],
)
def test_other_shells_get_it_in_their_own_words(machine: SharedMachine, dialect: str, line: str):
    program = next(
        path for path in ("/usr/lib/x86_64-linux-gnu/modulecmd.tcl", "/usr/bin/modulecmd") if Path(path).exists()
    )
    start = ["tclsh", program] if program.endswith(".tcl") else [program]

    done = machine.run([*start, dialect, "load", "rocm/5.2.3"], number=SOMEBODY, MODULEPATH=FOLDER)

    assert line.replace("'", "") in done.out.replace("'", ""), done


def test_a_shell_with_a_hook_leaves_the_stack_to_the_module(machine: SharedMachine):
    hook = machine.succeed("init", "bash", number=SOMEBODY)
    file = machine.line(SOMEBODY).home / "hook"
    file.write_text(hook)
    pinned = machine.line(SOMEBODY).home / "project"
    pinned.mkdir(exist_ok=True)
    (pinned / ".rocm-version").write_text("5.2.3\n")

    done = inside(
        machine,
        f". {file}",
        "module load rocm/7.2.4",
        f"cd {pinned}",
        "_rocmswitch_hook",
        "echo $ROCMSWITCH_ACTIVE",
    )

    assert done.out == "rocm-7.2.4\n", done


def test_the_file_comes_and_goes_with_its_stack_and_strangers_stay(machine: SharedMachine):
    folder = machine.layout.modulefiles / "rocm"
    (folder / ".version").write_text('#%Module1.0\nset ModulesVersion "5.2.3"\n')
    (folder / "by-hand").write_text("#%Module1.0\n")

    said = machine.root("remove", "debian-7.2.4", "--system", "--yes")
    left = sorted(path.name for path in folder.iterdir())
    again = machine.root("install", "debian-7.2.4", "--system", "--yes")

    assert (said.code, left) == (0, [".version", "5.2.3", "7.2.4", "by-hand"])
    assert f"`module use {FOLDER}`, then `module load rocm/debian-7.2.4`" in again.err
    assert "note: rocm/7.2.4 has the same version" in again.err
    assert inside(machine, "module load rocm; echo $ROCMSWITCH_ACTIVE").out == "rocm-5.2.3\n"


def test_a_file_that_a_cut_has_left_out_is_written_by_the_next_command(machine: SharedMachine):
    file = machine.layout.modulefiles / "rocm/5.2.3"
    file.unlink()

    machine.succeed("install", "rocm-5.2.3", "--system", "--yes")

    assert "rocm-5.2.3" in file.read_text()
