"""Errors of deploy, with the way out of each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.commandline import Outcome
from tests.support.patched import MIOPEN, foreign, ours, patched, put_torch, user_site, write
from tests.support.running import SOMEBODY
from tests.support.scenes import Scene, scenario
from tests.support.torchenvironment import OTHER


def built(scene: Scene, **changes: object) -> str:
    return str(write(scene.folder / "built/libMIOpen.so", patched(**changes)))  # type: ignore[arg-type]


def environment(scene: Scene) -> str:
    foreign(scene.folder / "work/.venv")
    return str(scene.folder / "work/.venv")


def with_more(*more: str, yes: bool = True):  # type: ignore[no-untyped-def]
    """The same command with what the hint says, in which the user's own words stand for those in capitals."""

    def follow(scene: Scene, hint: str) -> Outcome:
        assert "the same command" in hint and all(f"`{word}" in hint for word in more[:1])
        return scene.again(*more, *(["--yes"] if yes and "--yes" not in scene.words else []))

    return follow


@scenario(
    "operations/deploy",
    "run the same command with `--force REASON`, which is recorded, if you know better",
    5,
    follow=with_more("--force", "it is only called so"),
)
def a_library_does_not_fit(scene: Scene) -> Outcome:
    library = built(scene, soname="libMIOpen.so.2")
    return scene.fail("deploy", library, "--into", environment(scene), "--yes")


@scenario(
    "cli/adopting",
    "run the same command with `--force REASON`, which is recorded",
    5,
    follow=with_more("--force", "I know what I had"),
)
def a_backup_may_be_another_versions(scene: Scene) -> Outcome:
    site = user_site(scene.line)
    write(site / f"{MIOPEN}.original", (site / MIOPEN).read_bytes())
    (site / "torch-2.7.1+rocm6.2.4.dist-info/RECORD").unlink()
    put_torch(site, OTHER)
    write(site / MIOPEN, patched(build=OTHER))
    return scene.fail("deploy", "--adopt", "user", "--yes")


@scenario("operations/access", "run the same command again", 1, follow=lambda scene, hint: scene.again("--yes"))
def an_environment_is_made_anew_while_the_question_stands(scene: Scene) -> Outcome:
    ours(scene.line)
    link = scene.line.layout.venvs / "demo"
    scene.words = ("deploy", built(scene), "--into", "demo")

    def meanwhile() -> str:
        shutil.copytree(link.resolve(), link.parent / ".trees/demo-0000000000ff", symlinks=True)
        link.unlink()
        link.symlink_to(".trees/demo-0000000000ff")
        return "y\n"

    return scene.line.at_terminal(*scene.words, answers=meanwhile)


@scenario("deploy/folders", "run the same command again", 5, follow=lambda scene, hint: scene.again("--yes"))
def a_library_is_replaced_while_the_question_stands(scene: Scene) -> Outcome:
    where = environment(scene)
    scene.words = ("deploy", built(scene), "--into", where)

    def meanwhile() -> str:
        write(next(Path(where).glob("lib/python*/site-packages")) / MIOPEN, patched(value=7))
        return "y\n"

    return scene.line.at_terminal(*scene.words, answers=meanwhile)


@scenario("deploy/ledger", "run the same command again", 1, follow=lambda scene, hint: scene.again("--yes"))
def another_deployment_comes_first_while_the_question_stands(scene: Scene) -> Outcome:
    where = environment(scene)
    other = str(write(scene.folder / "built/librocblas.so", patched("librocblas.so")))
    scene.words = ("deploy", built(scene), "--into", where)

    def meanwhile() -> str:
        scene.line.succeed("deploy", other, "--into", where, "--yes")
        return "y\n"

    return scene.line.at_terminal(*scene.words, answers=meanwhile)


@scenario("operations/sites", "run `rocmswitch list`", 3)
def there_is_no_such_environment(scene: Scene) -> Outcome:
    return scene.fail("deploy", built(scene), "--into", "demo", "--yes")


@scenario("deploy/records", "run `rocmswitch history`", 3)
def there_is_no_such_generation(scene: Scene) -> Outcome:
    return scene.fail("deploy", "--again", "7", "--yes")


@scenario("operations/again", "run `rocmswitch history`", 5)
def a_generation_has_put_no_files_anywhere(scene: Scene) -> Outcome:
    where = environment(scene)
    scene.line.succeed("deploy", built(scene), "--into", where, "--yes")
    scene.line.succeed("undo", "--yes")
    return scene.fail("deploy", "--again", "2", "--yes")


def somebody_who_reads_all() -> list[str]:
    """What goes before a command: who has no rights but to read what is root's here, this Python among it."""
    somebody = ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups"]
    words = [*somebody, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    if shutil.which("setpriv") is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("setpriv (util-linux) cannot make an ordinary user here")
    return words


def as_root(scene: Scene, hint: str) -> Outcome:
    """Without sudo: whoever runs the tests as root is that already."""
    words = re.findall(r"`sudo ([^`]*)`", hint)
    assert [one.endswith("--yes") for one in words] == [True], hint
    done = subprocess.run(
        ["sh", "-c", words[0]], env=scene.line.variables(), capture_output=True, text=True, check=False
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@scenario("operations/access", "run `sudo {}`", 6, follow=as_root)
def only_root_may_change_an_environment(scene: Scene) -> Outcome:
    if os.geteuid() != 0:
        pytest.skip("not root here: nothing can be made that only root may change")
    where, library = environment(scene), built(scene)
    return scene.fail_below(somebody_who_reads_all(), "deploy", library, "--into", where, "--yes")


@scenario(
    "host/incoming",
    "run the same command with `--as` and the path of the file that it replaces",
    5,
    follow=with_more("--as", "torch/lib/rocblas/library/TensileLibrary_lazy_gfx1030.dat"),
)
def kernels_have_no_soname(scene: Scene) -> Outcome:
    kernels = write(scene.folder / "built/kernels.dat", b"other kernels")
    return scene.fail("deploy", str(kernels), "--into", environment(scene), "--yes")


@scenario(
    "host/libraryfiles",
    "run the same command with `--as` and the path that it shall have",
    3,
    follow=with_more("--as", "torch/lib/libMIOpen.so"),
)
def an_environment_has_no_such_library(scene: Scene) -> Outcome:
    where = environment(scene)
    (next(Path(where).glob("lib/python*/site-packages")) / MIOPEN).unlink()
    return scene.fail("deploy", built(scene), "--into", where, "--yes")


@scenario(
    "host/libraryfiles",
    "run the same command with `--as` and the path that is meant",
    5,
    follow=with_more("--as", MIOPEN),
)
def an_environment_has_a_library_twice(scene: Scene) -> Outcome:
    where = environment(scene)
    site = next(Path(where).glob("lib/python*/site-packages"))
    write(site / "other/libMIOpen.so", (site / MIOPEN).read_bytes())
    return scene.fail("deploy", built(scene), "--into", where, "--yes")


def into_the_newest(scene: Scene, hint: str) -> Outcome:
    assert "`--into`" in hint
    (folder,) = scene.line.home.glob(".local/lib/python3.99/site-packages")
    return scene.line.run("deploy", built(scene), "--into", str(folder), "--yes")


@scenario(
    "host/libraryfiles",
    "run the same command with `--into` and the folder of packages that is meant",
    5,
    follow=into_the_newest,
)
def two_pythons_of_a_user_have_a_library(scene: Scene) -> Outcome:
    user_site(scene.line)
    other = scene.line.home / ".local/lib/python3.99/site-packages"
    other.mkdir(parents=True)
    put_torch(other)
    return scene.fail("deploy", built(scene), "--into", "user", "--yes")


def when_nobody_else_may_write(scene: Scene, hint: str) -> Outcome:
    (command,) = re.findall(r"`(chmod go-w [^`]*)`", hint)
    subprocess.run(["sh", "-c", command], check=True)
    return scene.again()


@scenario("system/folder", "run `chmod go-w {}`", 5, follow=when_nobody_else_may_write)
def others_may_write_where_root_would(scene: Scene) -> Outcome:
    if os.geteuid() != 0:
        pytest.skip("not root here: only root is refused")
    where = environment(scene)
    next(Path(where).glob("lib/python*/site-packages/torch/lib")).chmod(0o777)
    return scene.fail("deploy", built(scene), "--into", where, "--yes")


def as_its_owner(scene: Scene, hint: str) -> Outcome:
    """Somebody who can read all that root has here, and whose own is the account."""
    (owner,) = re.findall(r"as `(.*)`, without `sudo`", hint)
    assert owner == str(SOMEBODY)
    for path in (scene.folder, *scene.folder.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    return scene.fail_below(somebody_who_reads_all(), *scene.words)


@scenario("system/folder", "run the same command as `{}`, without `sudo`", 5, follow=as_its_owner)
def an_environment_is_somebodys_own(scene: Scene) -> Outcome:
    if os.geteuid() != 0:
        pytest.skip("not root here: only root is refused")
    where = environment(scene)
    for path in (Path(where), *Path(where).rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    return scene.fail("deploy", built(scene), "--into", where, "--yes")


@scenario("planning/space", "run `rocmswitch cache prune`", 6)
def a_backup_finds_no_room(scene: Scene) -> Outcome:
    """A file system of its own for what is saved, of 64 kB."""
    where, library = environment(scene), built(scene)
    target = next(Path(where).glob("lib/python*/site-packages")) / MIOPEN
    write(target, target.read_bytes() + bytes(200_000))
    backups = scene.line.layout.backups
    backups.mkdir(parents=True, mode=0o700)
    command = 'mount -t tmpfs -o size=64k,mode=700 none "$1" && shift && exec "$@"'
    words = ["unshare", "--mount", "--map-root-user", "sh", "-c", command, "sh", str(backups)]
    probe = subprocess.run([*words, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no small file system can be mounted here: {probe.stderr.decode().strip()}")
    return scene.fail_below(words, "deploy", library, "--into", where, "--yes")


@scenario("deploy/ledger", "run `rocmswitch history`", 3)
def a_generation_is_gone_before_it_is_let_go(scene: Scene) -> Outcome:
    where = environment(scene)
    scene.line.succeed("deploy", built(scene), "--into", where, "--yes")
    scene.line.succeed("undo", "--yes")
    scene.words = ("backup", "prune", "1")

    def meanwhile() -> str:
        shutil.rmtree(scene.line.layout.backups / "1")
        return "y\n"

    return scene.line.at_terminal(*scene.words, answers=meanwhile)
