"""`rocmswitch recover` on a small mounted system: what it says, asks, does, and how it is taken back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.scenarios_of_deploy import somebody_who_reads_all
from tests.support import breaking
from tests.support.commandline import CommandLine, Outcome
from tests.support.debs import Deb, build_deb
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import VERSION, bad_module, good_module, in_tree, kernel_root, write
from tests.support.recoveries import broken_root
from tests.support.recoveryscenes import kernel_package, loaded, packed_modules, state

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")
SETTING = "etc/modprobe.d/amdgpu.conf"


@pytest.fixture
def broken(tmp_path: Path) -> tuple[Path, Path]:
    return broken_root(tmp_path)


def recover(line: CommandLine, root: Path, *words: str) -> Outcome:
    return line.run("recover", "--root", str(root), *words)


def everything(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.is_symlink()}


def test_a_sound_system_needs_nothing(line: CommandLine, tmp_path: Path):
    root = kernel_root(tmp_path / "a root", programs=True)

    outcome = recover(line, root)

    assert (outcome.code, outcome.out) == (
        0,
        f"nothing is wrong with what the kernels of `{root}` would load\n",
    )


def test_a_plan_says_what_is_wrong_and_what_comes_in_which_order_and_changes_nothing(
    line: CommandLine, broken: tuple[Path, Path]
):
    root, package = broken
    before = everything(root)

    outcome = recover(line, root, "--package", str(package))

    assert outcome.code == 4
    order = ["brings", "sets", "disables", "writes the index", "makes the boot image"]
    places = [outcome.out.index(f" {word}") for word in order]
    assert places == sorted(places)
    assert everything(root) == before


def test_json_has_the_faults_the_steps_and_what_came_of_them(line: CommandLine, broken: tuple[Path, Path]):
    root, package = broken

    planned = json.loads(recover(line, root, "--package", str(package), "--json").out)
    done = json.loads(recover(line, root, "--package", str(package), "--json", "--apply", "--yes").out)

    assert [one["action"] for one in planned["files"]] == ["Restore", "SetAside", "Disable"]
    assert (planned["outcome"], planned["index"], planned["images"]) == (None, [KERNEL], [KERNEL])
    outcome = done["outcome"]
    assert (outcome["is_well"], outcome["generations"], outcome["lacks"]) == (True, [1], [])


def test_at_a_terminal_each_file_of_the_users_is_asked_for(line: CommandLine, broken: tuple[Path, Path]):
    root, package = broken

    refused = line.at_terminal("recover", "--root", str(root), "--apply", "--package", str(package), answers="n\n")

    assert "Disable `/etc/modprobe.d/amdgpu.conf`" in refused.out
    assert (refused.code, (root / SETTING).is_file()) == (4, True)
    assert (root / in_tree()).read_bytes() == good_module()


def test_an_undo_brings_every_byte_back_and_the_next_recovery_mends_it_again(
    line: CommandLine, broken: tuple[Path, Path]
):
    root, package = broken
    before = state(root)
    assert recover(line, root, "--apply", "--yes", "--package", str(package)).code == 0

    undone = line.run("undo", "driver:1", "--root", str(root), "--yes")

    assert state(root) == before, undone
    assert recover(line, root, "--apply", "--yes", "--package", str(package)).code == 0
    assert (loaded(root, KERNEL), packed_modules(root, KERNEL)) == (in_tree(), {good_module()})


def test_a_module_that_comes_back_is_roots_whoever_put_the_bad_one(line: CommandLine, broken: tuple[Path, Path]):
    root, package = broken
    bad = root / in_tree()
    os.chown(bad, 1000, 1000)
    bad.chmod(0o666)

    assert recover(line, root, "--apply", "--yes", "--package", str(package)).code == 0

    found = bad.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, 0, 0o644)


def test_another_version_of_the_package_is_refused_naming_both(line: CommandLine, broken: tuple[Path, Path]):
    root, _ = broken
    other = build_deb(
        Deb(f"linux-image-{KERNEL}", "6.1.1-1", files={in_tree(): good_module()}), root.parent / "other"
    )

    outcome = recover(line, root, "--package", str(other))

    assert outcome.code == 5
    assert "6.1.1-1" in outcome.error
    assert VERSION in outcome.error


def test_a_package_of_the_right_name_with_another_module_inside_is_passed_over(
    line: CommandLine, broken: tuple[Path, Path]
):
    root, _ = broken
    shutil.rmtree(root.parent / "other", ignore_errors=True)
    forged = kernel_package(root.parent / "other", content=bad_module())

    outcome = recover(line, root, "--apply", "--yes", "--package", str(forged))

    assert outcome.code == 4
    assert "cannot be brought back" in outcome.err
    assert (root / in_tree()).read_bytes() not in (bad_module(), good_module())


@pytest.mark.parametrize("content", [b"", b"!<arch>\n", b"!<arch>\nrubbish" * 50, b"\xed\xab\xee\xdb" + bytes(200)])
def test_what_is_no_package_is_refused_in_a_sentence(
    content: bytes, line: CommandLine, broken: tuple[Path, Path], tmp_path: Path
):
    root, _ = broken

    outcome = recover(line, root, "--package", str(write(tmp_path / "x.deb", content)))

    assert (outcome.code, bool(outcome.error), "Traceback" in outcome.err) == (4, True, False)


def test_a_package_in_the_package_managers_cache_is_found(line: CommandLine, broken: tuple[Path, Path]):
    root, package = broken
    cache = root / "var/cache/apt/archives"
    cache.mkdir(parents=True)
    write(cache / "linux-image-6.1.0-50-amd64_9_amd64.deb", b"cut off")
    shutil.copy2(package, cache)

    outcome = recover(line, root, "--apply", "--yes")

    assert (outcome.code, "cached" in outcome.err) == (0, True), outcome


def test_without_root_it_plans_and_says_the_whole_line_for_sudo(line: CommandLine, broken: tuple[Path, Path]):
    root, package = broken
    command = [sys.executable, "-m", "rocmswitch", "recover", "--root", str(root), "--package", str(package)]
    before = everything(root)

    looked, tried = (
        subprocess.run(
            [*somebody_who_reads_all(), *command, *more],
            env=line.variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        for more in ((), ("--apply",))
    )

    assert (looked.returncode, tried.returncode) == (4, 6), (looked, tried)
    for one in (looked, tried):
        assert "hint: run `sudo " in one.stderr
        assert f"recover --root '{root}'" in one.stderr
        assert "--apply" in one.stderr
    assert everything(root) == before


def test_the_running_system_by_another_name_is_said_and_only_looked_at(line: CommandLine):
    outcome = recover(line, Path("/proc/self/root"))

    assert "is the system that runs" in outcome.err or outcome.code == 3


def test_only_the_kernel_that_was_named_is_mended(line: CommandLine, tmp_path: Path):
    older = "6.1.0-49-amd64"
    root = kernel_root(tmp_path / "a root", older, KERNEL, programs=True)
    packages = [kernel_package(tmp_path, one) for one in (older, KERNEL)]
    breaking.truncate_in_tree(root)
    broken = (root / in_tree(older)).read_bytes()

    words = [word for one in packages for word in ("--package", str(one))]
    outcome = recover(line, root, "--apply", "--yes", "--kernel", KERNEL, *words)

    assert (outcome.code, (root / in_tree()).read_bytes()) == (0, good_module())
    assert (root / in_tree(older)).read_bytes() == broken
