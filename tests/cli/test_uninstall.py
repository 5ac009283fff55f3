"""`uninstall` takes away all that rocmswitch has made, and nothing else."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from rocmswitch.operations import uninstall
from rocmswitch.operations.ownprogram import removal
from rocmswitch.operations.scripts import write_scripts
from rocmswitch.operations.uninstall import Forest
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Disk
from tests.support.commandline import CommandLine
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut
from tests.support.furnished import environment, prefix
from tests.support.patched import MIOPEN, foreign, patched, write

NAME = "rocm-6.2.4"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


def everything(line: CommandLine) -> dict[Path, bytes | str]:
    """Every file and symlink of the account."""
    found: dict[Path, bytes | str] = {}
    for path in line.folder.rglob("*"):
        if path.is_symlink():
            found[path] = str(path.readlink())
        elif path.is_file():
            found[path] = path.read_bytes()
    return found


def test_the_account_is_as_it_was_before(line: CommandLine):
    line.home.mkdir(exist_ok=True)
    (line.home / ".bashrc").write_text("alias ll='ls -l'\n")
    site = foreign(line.home / "my venv")
    write(line.folder / "libMIOpen.so", patched())
    before = everything(line)

    prefix(line.layout, NAME)
    environment(line.layout, "demo", NAME)
    line.succeed("init", "bash", "--install", "--yes")
    line.succeed("use", "demo", "--default", "--shell", "sh")
    line.succeed("deploy", str(line.folder / "libMIOpen.so"), "--into", str(line.home / "my venv"), "--yes")
    deployed = (site / MIOPEN).read_bytes()
    line.layout.config.mkdir()
    line.layout.config_file.write_text("mirrors: {}\n")
    done = line.run("uninstall", "--yes")

    assert done.code == 0, done
    assert deployed != before[site / MIOPEN]
    assert everything(line) == before
    assert list((line.folder / "rocmswitch").iterdir()) == []
    assert f"put back what was deployed in {line.home / 'my venv'}" in done.err
    assert done.err.splitlines()[-1].startswith("the program itself: `")


def test_a_dry_run_shows_it_and_changes_nothing(line: CommandLine):
    prefix(line.layout, NAME)
    line.succeed("init", "bash", "--install", "--yes")
    before = everything(line)

    done = line.run("uninstall", "--dry-run")

    assert (done.code, everything(line)) == (0, before)
    assert f"removes {NAME}" in done.err
    assert f"takes the hook out of {line.home / '.bashrc'}" in done.err


def test_it_wants_consent(line: CommandLine):
    prefix(line.layout, NAME)
    line.succeed("use", NAME, "--shell", "sh")
    before = everything(line)

    assert (line.run("uninstall").code, everything(line)) == (5, before)


def test_what_somebody_else_has_put_there_stays_and_is_told(line: CommandLine):
    folder = prefix(line.layout, NAME)
    rocm = line.folder / "opt rocm"
    shutil.copytree(folder, rocm)
    (line.layout.prefixes / "by-hand").symlink_to(rocm)
    (line.layout.data / "notes.txt").write_text("mine\n")

    done = line.run("uninstall", "--yes")

    assert (done.code, f"{line.layout.data} stays" in done.err) == (0, True)
    assert sorted(path.name for path in line.layout.data.iterdir()) == ["notes.txt", "prefixes"]
    assert [path.name for path in line.layout.prefixes.iterdir()] == ["by-hand"]
    assert (rocm / "opt/rocm/bin/hipcc").is_file()


def test_the_cache_may_stay(line: CommandLine):
    line.layout.archives.mkdir(parents=True)
    (line.layout.archives / ("a" * 64)).write_text("archive\n")
    prefix(line.layout, NAME)

    line.succeed("uninstall", "--yes", "--keep-cache")

    assert [path.name for path in line.layout.cache.rglob("*")] == ["sha256", "a" * 64]
    assert not line.layout.data.exists()


def test_where_nothing_is_it_says_so_and_how_the_program_goes(line: CommandLine):
    done = line.run("uninstall")

    assert done.code == 0
    assert f"nothing of rocmswitch's is in {line.layout.data}" in done.err


def test_no_folder_of_a_scope_is_forgotten(line: CommandLine):
    of_kernel_modules = {"snapshots", "quarantine"}
    names = [name for name, kind in vars(Layout).items() if isinstance(kind, property)]
    for name in {*names, "data", "cache"} - {*of_kernel_modules, "config_file", "open_journal"}:
        folder = getattr(line.layout, name)
        folder.mkdir(parents=True, exist_ok=True)
        if name in ("resolutions", "drafts", "seen", "uv", "partial"):
            (folder / "something").write_text("ours\n")

    done = line.run("uninstall", "--yes")

    assert (done.code, list((line.folder / "rocmswitch").iterdir())) == (0, []), done
    assert " stays" not in done.err


def deploy(line: CommandLine, *files: str) -> Path:
    """Libraries of somebody deployed into an environment of somebody else. Gives its site-packages."""
    line.home.mkdir(exist_ok=True)
    site = foreign(line.home / "my venv")
    made = [str(write(line.folder / file, patched(file))) for file in files]
    line.succeed("deploy", *made, "--into", str(line.home / "my venv"), "--yes")
    return site


def test_nothing_goes_while_an_original_could_not_be_put_back(line: CommandLine):
    site = deploy(line, "libMIOpen.so", "librocblas.so")
    write(site / "torch/lib/librocblas.so", b"of somebody else")
    before = everything(line)

    done = line.run("uninstall", "--yes")

    assert (done.code, done.hint) == (5, "run `rocmswitch history` for what was, and how to let it go")
    assert everything(line) == before
    assert "backup prune 1" in line.run("history").err
    line.succeed("backup", "prune", "1", "--yes")
    line.succeed("uninstall", "--yes")
    assert not line.layout.data.exists()


def test_nothing_goes_where_what_was_saved_is_damaged(line: CommandLine):
    site = deploy(line, "libMIOpen.so")
    saved = [path for path in line.layout.backups.rglob("*") if path.is_file() and path.stat().st_size > 4096]
    for path in saved:
        path.unlink()
    before = everything(line)

    done = line.run("uninstall", "--yes")

    assert (bool(saved), done.code, bool(done.hint)) == (True, 4, True)
    assert everything(line) == before
    assert (site / MIOPEN).is_file()


def test_what_was_there_before_rocmswitch_and_only_adopted_stays(line: CommandLine):
    site = foreign(line.home / "my venv")
    write(site / f"{MIOPEN}.original", (site / MIOPEN).read_bytes())
    write(site / MIOPEN, patched())
    before = everything(line)
    line.succeed("deploy", "--adopt", str(line.home / "my venv"), "--yes")

    done = line.run("uninstall", "--yes")

    assert (done.code, everything(line)) == (0, before)
    assert f"what was adopted in {line.home / 'my venv'} stays as it is" in done.err


def test_an_environment_that_is_not_where_it_was_is_told(line: CommandLine):
    deploy(line, "libMIOpen.so")
    (line.home / "my venv").rename(line.home / "moved")

    done = line.run("uninstall", "--dry-run")

    assert done.code == 0
    assert f"{line.home / 'my venv'} is gone, where something was deployed: if it was only moved" in done.err


def test_what_a_reinstall_has_replaced_is_no_hindrance(line: CommandLine):
    site = deploy(line, "libMIOpen.so")
    write(site / MIOPEN, b"of a newer torch")

    told = line.run("uninstall", "--yes").err

    assert not line.layout.data.exists()
    assert (site / MIOPEN).read_bytes() == b"of a newer torch"
    assert "was replaced there since; what is saved of what stood there before goes" in told


def test_manifests_that_their_owner_has_written_are_named_before_they_go(line: CommandLine):
    line.add_manifest("mine-1.0", b"schema: 1")

    told = line.run("uninstall", "--dry-run").err

    assert f"removes {line.layout.manifests}, with 1 manifest: mine-1.0\n" in told


def forests(layout: Layout, disk: Disk) -> tuple[Forest, ...]:
    return tuple(Forest(Trees(links, layout.locks, disk), links) for links in (layout.venvs, layout.prefixes))


def test_whoever_is_cut_off_anywhere_runs_it_again(tmp_path: Path):
    changes = 0
    while True:
        layout = Layout.under(tmp_path / str(changes))
        prefix(layout, NAME)
        environment(layout, "demo", NAME)
        write_scripts("demo", Installed((layout,)), HastyDisk())
        cutting = CuttingDisk(changes)
        cut = True
        with contextlib.suppress(PowerCut):
            uninstall.execute(uninstall.plan(layout, forests(layout, cutting), keep_cache=False), cutting)
            cut = False
        names = [
            path for links in (layout.prefixes, layout.venvs) if links.is_dir() for path in links.glob("[!.]*")
        ]
        assert all((path / ".rocmswitch/receipt.json").is_file() for path in names)
        again = HastyDisk()
        left = uninstall.plan(layout, forests(layout, again), keep_cache=False)
        assert left.is_nothing == (not layout.data.exists())
        uninstall.execute(uninstall.plan(layout, forests(layout, again), keep_cache=False), again)
        assert not layout.data.exists()
        if not cut:
            break
        changes += 1
    assert changes > 10


def test_while_another_works_on_a_stack_nothing_goes(line: CommandLine):
    prefix(line.layout, NAME)
    line.succeed("init", "bash", "--install", "--yes")
    line.succeed("use", NAME, "--default", "--shell", "sh")
    before = everything(line)

    with Trees(line.layout.prefixes, line.layout.locks, HastyDisk()).locked(NAME, 0):
        done = line.run("--wait", "0", "uninstall", "--yes")

    assert (done.code, NAME in done.error) == (75, True)
    assert {path: before[path] for path in before if "locks" not in path.parts} == {
        path: content for path, content in everything(line).items() if "locks" not in path.parts
    }


@pytest.mark.parametrize(
    ("mark", "said"),
    [("uv-receipt.toml", "uv tool uninstall rocmswitch"), ("pipx_metadata.json", "pipx uninstall rocmswitch")],
)
def test_the_program_goes_the_way_it_came(tmp_path: Path, mark: str, said: str):
    (tmp_path / mark).touch()

    assert removal(tmp_path, "/x/python") == said


def test_a_program_that_an_installer_put_into_an_environment_goes_by_that(tmp_path: Path):
    line = removal(tmp_path, "/a b/python")

    assert " pip uninstall " in line and "'/a b/python'" in line
