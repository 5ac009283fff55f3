"""The scripts in the data folder: written, led to by shorter names, healed, taken away; nobody else's to write."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import shlex
from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import MachineLacks, Refused
from rocmswitch.model.activation import Activation, Assignment
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations.default import set_default
from rocmswitch.operations.hooks import hook_path, hook_text
from rocmswitch.operations.scripts import default_name, remove_script, write_scripts
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Change, Disk
from tests.support.disk import NotingDisk
from tests.support.shells import account, dumped, dumping, run

ACTIVATION = Activation((Assignment("HIP_PLATFORM", "amd"),), (("PATH", ("bin",)),))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.under(tmp_path / "it's home")


def publish(layout: Layout, name: str, prefix: str = "") -> None:
    """A tree of that name, with nothing in it; bound to *prefix* it is an environment."""
    disk = Disk()
    links = layout.venvs if prefix else layout.prefixes
    for folder in (links, layout.locks):
        disk.make_directories(folder)
    trees = Trees(links, layout.locks, disk)
    tree = f"{name}-0123456789ab"
    version = name.rpartition("-")[2]
    receipt = Receipt(
        "venv" if prefix else "prefix",
        name,
        prefix or name,
        version,
        tree,
        "2026-01-01T00:00:00Z",
        activation=ACTIVATION,
        prefix=prefix,
    )
    trees.begin(tree)
    with trees.locked(name, wait=0):
        trees.publish(tree, name, receipt, ())


def write(layout: Layout, *names: str, disk: Disk | None = None) -> None:
    for name in names:
        write_scripts(name, Installed((layout,)), disk or Disk())


def enter_by_default(layout: Layout, one: Installation | None) -> int:
    return set_default(layout, one, Ledger(layout, Disk()), Disk())


def lying(layout: Layout) -> dict[str, str]:
    """Each name in the folder of scripts with where it leads; a file leads to itself."""
    return {path.name: path.resolve().name for path in layout.activations.iterdir()}


def both(**meanings: str) -> dict[str, str]:
    return {f"{short}.{kind}": f"{name}.{kind}" for short, name in meanings.items() for kind in ("sh", "fish")}


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash", "fish"])
def test_a_script_enters_in_its_shell_by_any_of_its_names(layout: Layout, shell: str, tmp_path: Path):
    publish(layout, "rocm-6.2.4")
    write(layout, "rocm-6.2.4")
    script = layout.activations / f"6.2.{'fish' if shell == 'fish' else 'sh'}"
    quoted = "'" + str(script).replace("'", "\\'" if shell == "fish" else "'\\''") + "'"

    done = run(shell, f". {quoted}\n{dumping(tmp_path / 'inside')}", folder=tmp_path, environment=account(tmp_path))

    assert (done.code, done.err) == (0, b"")
    inside = dumped(tmp_path / "inside")
    assert (inside[b"ROCMSWITCH_ACTIVE"], inside[b"HIP_PLATFORM"]) == (b"rocm-6.2.4", b"amd")
    assert inside[b"PATH"].startswith(f"{layout.prefixes}/rocm-6.2.4/bin:".encode())


def test_shorter_names_follow_what_is_installed(layout: Layout):
    publish(layout, "rocm-6.2.0")
    write(layout, "rocm-6.2.0")
    first = lying(layout)["6.2.sh"]
    publish(layout, "rocm-6.2.4")
    write(layout, "rocm-6.2.4")
    second = lying(layout)["6.2.sh"]
    remove_script(layout, "rocm-6.2.4", Disk())

    assert (first, second) == ("rocm-6.2.0.sh", "rocm-6.2.4.sh")
    names = ("rocm-6.2.0", "6.2.0", "6.2", "6", "rocm-6.2", "rocm-6")
    assert lying(layout) == both(**dict.fromkeys(names, "rocm-6.2.0"))


def test_an_environment_goes_before_a_shorter_name(layout: Layout):
    publish(layout, "rocm-6.2.4")
    publish(layout, "6.2", "rocm-6.2.4")
    write(layout, "rocm-6.2.4")

    assert lying(layout)["6.2.sh"] == "6.2.sh"


def test_a_manifest_that_is_added_changes_what_a_bare_version_means(layout: Layout):
    publish(layout, "acme-99.1")
    write(layout, "acme-99.1")
    before = lying(layout).get("99.sh")
    layout.manifests.mkdir()
    (layout.manifests / "rocm-99.1.0.yaml").touch()
    write(layout, "acme-99.1")

    assert (before, lying(layout).get("99.sh")) == ("acme-99.1.sh", None)


def test_what_says_so_already_is_left_alone_and_nothing_is_locked_for_it(layout: Layout):
    publish(layout, "rocm-6.2.4")
    write(layout, "rocm-6.2.4")
    (layout.locks / "scripts").unlink(missing_ok=True)
    disk = NotingDisk()

    write(layout, "rocm-6.2.4", disk=disk)

    assert disk.changes == []
    assert not (layout.locks / "scripts").exists()


@pytest.mark.parametrize(
    "name", ["activations/rocm-6.2.4.sh", "activations/6.2.fish", "shell/functions.sh", "shell/aliases.json"]
)
@pytest.mark.parametrize("how", ["gone", "other", "folder of links"])
def test_what_was_lost_or_changed_is_there_again_at_the_next_command(layout: Layout, name: str, how: str):
    publish(layout, "rocm-6.2.4")
    write(layout, "rocm-6.2.4")
    whole = {path.name: path.read_bytes() for path in (*layout.activations.iterdir(), *layout.shell.iterdir())}
    path = layout.data / name
    path.unlink()
    if how == "other":
        path.write_text("rm -rf /\n")
    elif how == "folder of links":
        path.symlink_to("/dev/null")

    write(layout, "rocm-6.2.4")

    after = (*layout.activations.iterdir(), *layout.shell.iterdir())
    assert {path.name: path.read_bytes() for path in after} == whole


def test_the_environments_of_a_prefix_are_written_with_it(layout: Layout):
    publish(layout, "rocm-6.2.4")
    publish(layout, "demo", "rocm-6.2.4")
    write(layout, "rocm-6.2.4")

    assert "rocm-6.2.4/bin" in (layout.activations / "demo.sh").read_text()


def test_the_default_is_a_name_that_goes_with_what_it_means(layout: Layout):
    publish(layout, "rocm-6.2.4")
    write(layout, "rocm-6.2.4")
    one = Installed((layout,)).find("rocm-6.2.4")
    enter_by_default(layout, one)
    chosen = default_name(layout), lying(layout)["default.sh"], lying(layout)["default.fish"]
    write(layout, "rocm-6.2.4")
    kept = default_name(layout)
    remove_script(layout, "rocm-6.2.4", Disk())

    assert chosen == ("rocm-6.2.4", "rocm-6.2.4.sh", "rocm-6.2.4.fish")
    assert (kept, default_name(layout)) == ("rocm-6.2.4", "")
    assert lying(layout) == {}


def test_no_default_takes_it_away(layout: Layout):
    publish(layout, "rocm-6.2.4")
    write(layout, "rocm-6.2.4")
    enter_by_default(layout, Installed((layout,)).find("rocm-6.2.4"))

    enter_by_default(layout, None)

    assert default_name(layout) == "" and "default.fish" not in lying(layout)


def test_a_hook_that_was_installed_is_kept_as_new_as_the_program(layout: Layout):
    publish(layout, "rocm-6.2.4")
    write(layout, "rocm-6.2.4")
    hook_path(layout, "fish").write_text("# of an earlier rocmswitch\n")

    write(layout, "rocm-6.2.4")

    assert hook_path(layout, "fish").read_text() == hook_text("fish", layout)
    assert not hook_path(layout, "bash").exists()


def test_the_folders_are_the_users_alone_whatever_the_umask(layout: Layout):
    before = os.umask(0)
    try:
        publish(layout, "rocm-6.2.4")
        write(layout, "rocm-6.2.4")
    finally:
        os.umask(before)

    assert [oct(path.stat().st_mode & 0o777) for path in (layout.activations, layout.shell)] == ["0o700"] * 2
    assert {oct(path.stat().st_mode & 0o777) for path in layout.activations.iterdir()} == {"0o644"}


@pytest.mark.parametrize("name", ["activations", "shell"])
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o722])
def test_a_folder_that_others_may_write_is_refused(layout: Layout, name: str, mode: int):
    publish(layout, "rocm-6.2.4")
    write(layout, "rocm-6.2.4")
    (layout.data / name).chmod(mode)

    with pytest.raises(Refused) as caught:
        write(layout, "rocm-6.2.4")

    assert "may be written by others" in caught.value.message
    assert f"chmod 700 {shlex.quote(str(layout.data / name))}" in (caught.value.hint or "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_folder_of_another_user_is_refused(layout: Layout):
    publish(layout, "rocm-6.2.4")
    write(layout, "rocm-6.2.4")
    os.chown(layout.activations, 54_321, 54_321)

    with pytest.raises(Refused):
        remove_script(layout, "rocm-6.2.4", Disk())


def test_a_disk_that_is_full_at_any_moment_leaves_each_script_old_or_new(layout: Layout):
    publish(layout, "rocm-6.2.4")
    write(layout, "rocm-6.2.4")
    states = [contents(layout)]
    publish(layout, "rocm-6.3.0")

    with pytest.raises(MachineLacks):
        write(layout, "rocm-6.3.0", disk=FullDisk(0))
    for room in range(1, 60):
        with contextlib.suppress(MachineLacks):
            write(layout, "rocm-6.3.0", disk=FullDisk(room))
            break
        states.append(contents(layout))
    final = contents(layout)

    assert lying(layout)["6.sh"] == "rocm-6.3.0.sh"
    assert len(states) > 2
    for state in states:
        assert {name for name, text in state.items() if text not in (states[0].get(name), final[name])} == set()
    assert not list(layout.data.rglob("*.new"))


def contents(layout: Layout) -> dict[str, str]:
    """What a shell would source by each name."""
    return {path.name: path.read_text() for path in layout.activations.glob("[!.]*") if path.exists()}


class FullDisk(Disk):
    """Has no space left after some new files and links."""

    def __init__(self, room: int) -> None:
        self._room = room

    def about_to(self, change: Change) -> None:
        if change.kind in ("create", "symlink"):
            self._room -= 1
            if self._room < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(change.path))


def test_two_that_write_at_once_agree(layout: Layout):
    names = ("rocm-6.2.4", "rocm-6.2.0", "rocm-6.3.0", "rocm-6.1.0")
    for name in names:
        publish(layout, name)

    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.starmap(write, [(layout, name) for name in names * 3])

    assert {name: lying(layout)[f"{name}.sh"] for name in ("6", "6.2", "rocm-6.1")} == {
        "6": "rocm-6.3.0.sh",
        "6.2": "rocm-6.2.4.sh",
        "rocm-6.1": "rocm-6.1.0.sh",
    }
    assert not list(layout.data.rglob("*.new"))


def test_a_script_lies_where_its_installation_does(layout: Layout):
    publish(layout, "rocm-6.2.4")
    one = Installed((layout,)).find("6.2")

    assert one.script("fish") == layout.activations / "rocm-6.2.4.fish"
