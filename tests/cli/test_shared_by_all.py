"""`--system`: stacks that all users of a machine share, which root alone changes."""

from __future__ import annotations

import contextlib
import json
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.disk import remove_folder
from tests.support.keys import SigningKey
from tests.support.sharedmachine import ANOTHER, SOMEBODY, SharedMachine

PYTHON = f"{sys.executable} -m rocmswitch"


@contextlib.contextmanager
def shared(folder: Path, key: SigningKey) -> Iterator[SharedMachine]:
    """Root, whose umask lets nobody else read, has installed acme-1.0 for everybody."""
    with AcmeSite(folder, key) as site, SharedMachine.made() as bare:
        machine = replace(bare, environment={"PIP_INDEX_URL": site.server.url("simple")})
        machine.add_manifest(NAME, site.manifest())
        assert machine.root("install", NAME, "--system", "--yes", umask=0o077).code == 0
        yield machine


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Iterator[SharedMachine]:
    """One for all tests here that change nothing but the account of SOMEBODY, which each of them gets empty."""
    with shared(tmp_path_factory.mktemp("server"), key) as machine:
        yield machine


@pytest.fixture
def changing(tmp_path: Path, key: SigningKey) -> Iterator[SharedMachine]:
    """One to be changed."""
    with shared(tmp_path / "server", key) as machine:
        yield machine


@pytest.fixture(autouse=True)
def an_empty_account(machine: SharedMachine) -> None:
    remove_folder(machine.line(SOMEBODY).folder)


def names(machine: SharedMachine, number: int) -> list[tuple[str, str]]:
    found = json.loads(machine.succeed("list", "--json", number=number))
    return [(row["name"], row["scope"]) for row in found]


def test_everybody_may_read_what_root_installs_and_nobody_else_may_write_it(machine: SharedMachine):
    modes = {path: path.lstat().st_mode for path in (machine.layout.data, *machine.layout.data.rglob("*"))}

    real = {path: mode for path, mode in modes.items() if not stat.S_ISLNK(mode)}
    assert [path for path, mode in real.items() if mode & 0o044 != 0o044] == []
    assert [path for path, mode in real.items() if stat.S_ISDIR(mode) and mode & 0o011 != 0o011] == []
    assert [path for path, mode in real.items() if mode & 0o022] == []
    assert machine.user("run", NAME, "--", "greet").out == "hello\n"
    assert machine.user("verify").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("install", NAME),
        ("use", NAME),
        ("undo",),
        ("cache", "prune"),
    ],
    ids=" ".join,
)
def test_a_user_who_would_change_it_gets_the_line_for_sudo(machine: SharedMachine, words: tuple[str, ...]):
    done = machine.user(*words, "--system", "--yes")

    assert (done.code, done.hint) == (6, f"run `sudo {PYTHON} {' '.join(words)} --system --yes`")


@pytest.mark.parametrize("words", [("repair", NAME), ("remove", "1.0")], ids=" ".join)
def test_what_is_shared_is_not_a_user_s_to_change(machine: SharedMachine, words: tuple[str, ...]):
    done = machine.user(*words, "--yes")

    assert done.code == 6
    assert "shared by all users" in done.error
    assert done.hint == f"run `sudo {PYTHON} {' '.join(words)} --yes --system`"


def test_root_is_told_the_option_instead(machine: SharedMachine):
    done = machine.root("remove", NAME, "--yes")

    assert (done.code, done.hint) == (6, f"run `{PYTHON} remove {NAME} --yes --system`")
    assert done.error == f"`{NAME}` is shared by all users of this machine, and it changes by `--system` alone"


def test_an_environment_is_bound_to_the_shared_prefix_instead_of_a_second_one(machine: SharedMachine):
    machine.succeed("use", "1.0", "--venv", "proj", "--yes", number=SOMEBODY)

    assert names(machine, SOMEBODY) == [(NAME, "system"), ("proj", "user")]
    activation = json.loads(machine.succeed("env", "proj", "--shell", "json", number=SOMEBODY))
    assert "/opt/rocmswitch/prefixes/acme-1.0/usr/bin" in activation["paths"]["PATH"]
    said = machine.succeed("run", "proj", "--", "greet", number=SOMEBODY)
    assert said == "hello\n"
    assert names(machine, ANOTHER) == [(NAME, "system")]


def test_sets_that_the_shared_prefix_lacks_make_one_of_the_user_s_own_which_goes_first(machine: SharedMachine):
    machine.succeed("install", NAME, "--set", "compiler", "--yes", number=SOMEBODY)

    assert names(machine, SOMEBODY) == [(NAME, "user"), (NAME, "system")]
    shown = machine.succeed("list", number=SOMEBODY)
    assert "your own of this name goes before it" in shown
    tool = machine.succeed("which", "hipcc", NAME, number=SOMEBODY).strip()
    assert tool == f"{machine.line(SOMEBODY).layout.prefixes}/{NAME}/usr/bin/hipcc"
    assert machine.succeed("which", "greet", NAME, number=ANOTHER).startswith("/opt/rocmswitch/")


def test_an_environment_stays_with_the_prefix_that_it_was_made_with(machine: SharedMachine):
    place = f"{machine.line(SOMEBODY).layout.prefixes}/{NAME}/usr/bin"

    def tools() -> list[str]:
        found = json.loads(machine.succeed("env", "proj", "--shell", "json", number=SOMEBODY))["paths"]["PATH"]
        return [one for one in found if NAME in one]

    machine.succeed("use", NAME, "--venv", "proj", "--yes", number=SOMEBODY)
    machine.succeed("install", NAME, "--own", "--yes", number=SOMEBODY)
    before = tools()
    machine.succeed("remove", NAME, "--yes", number=SOMEBODY)
    machine.succeed("install", NAME, "--own", "--yes", number=SOMEBODY)
    machine.succeed("use", NAME, "--venv", "proj", "--rebind", "--yes", number=SOMEBODY)

    assert (before, tools()) == (["/opt/rocmswitch/prefixes/acme-1.0/usr/bin"], [place])
    assert machine.user("remove", NAME, "--yes").error == f"`{NAME}` is used by `proj`"


def test_what_is_removed_for_all_comes_back_for_all(changing: SharedMachine):
    machine = changing
    modulefile = machine.layout.modulefiles / "rocm" / NAME
    before = modulefile.read_bytes()

    removed = machine.root("remove", NAME, "--system", "--yes")
    gone = machine.user("run", NAME, "--", "greet").code
    left = list(modulefile.parent.iterdir())
    machine.succeed("undo", "--system", "--yes")

    assert "back: `rocmswitch undo 1 --system`" in removed.err
    assert (gone, left) == (3, [])
    assert machine.succeed("run", NAME, "--", "greet", number=SOMEBODY) == "hello\n"
    assert modulefile.read_bytes() == before


@pytest.mark.parametrize("words", [("remove", NAME), ("uninstall",)], ids=" ".join)
def test_before_something_shared_goes_it_is_said_that_nobody_knows_who_uses_it(
    machine: SharedMachine, words: tuple[str, ...]
):
    done = machine.root(*words, "--system", "--dry-run")

    assert "environments that users have bound to it are not known here" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("install", NAME, "--set", "compiler", "--yes"),
        ("use", NAME, "--venv", "proj", "--yes"),
        ("init", "bash", "--install", "--yes"),
    ],
    ids=" ".join,
)
def test_root_with_a_user_s_home_puts_nothing_there(machine: SharedMachine, words: tuple[str, ...]):
    line = machine.line(SOMEBODY)
    home = {"HOME": str(line.home), "ROCMSWITCH_HOME": "", "SUDO_UID": str(SOMEBODY)}

    done = machine.root(*words, **{**home, "XDG_DATA_HOME": "", "XDG_CACHE_HOME": ""})

    assert (done.code, "without `sudo`" in done.hint) == (5, True), done
    assert [path for path in line.folder.rglob("*") if path.lstat().st_uid == 0] == []


def test_files_of_one_user_do_not_go_into_what_is_shared(machine: SharedMachine):
    done = machine.user("deploy", "/bin/true", "--into", NAME, "--name", "mine", "--yes")

    assert (done.code, done.error) == (
        5,
        f"`{NAME}` is shared by all users of this machine: files of yours go only into a stack of your own",
    )


def test_an_environment_without_its_shared_prefix_names_the_way_out(changing: SharedMachine):
    machine = changing
    machine.succeed("use", NAME, "--venv", "proj", "--yes", number=SOMEBODY)
    machine.succeed("remove", NAME, "--system", "--yes")

    done = machine.user("run", "proj", "--", "greet")
    machine.succeed("install", NAME, "--yes", number=SOMEBODY)

    assert (done.code, done.hint) == (3, f"run `rocmswitch install {NAME}`")
    assert machine.succeed("run", "proj", "--", "greet", number=SOMEBODY) == "hello\n"


def test_a_default_for_all_is_what_new_shells_of_everybody_enter(changing: SharedMachine):
    machine = changing
    machine.succeed("use", NAME, "--system", "--default", "--shell", "sh")

    assert "default" in machine.succeed("current", number=ANOTHER)
    machine.succeed("install", NAME, "--set", "compiler", "--yes", number=SOMEBODY)
    machine.succeed("use", NAME, "--default", "--shell", "sh", number=SOMEBODY)
    found = json.loads(machine.succeed("current", "--json", number=SOMEBODY))
    assert found["path"].startswith(str(machine.line(SOMEBODY).folder))

    none = machine.user("use", "system", "--default", "--shell", "sh")
    assert f"new shells use {NAME}, the default for all users of this machine; back: " in none.err
    assert "default" in machine.succeed("current", number=SOMEBODY)


def test_an_environment_is_never_for_all(machine: SharedMachine):
    done = machine.root("use", NAME, "--venv", "proj", "--system", "--yes")

    assert (done.code, done.error) == (2, "`--system` is for stacks: an environment is one user's own")


def test_a_shell_enters_what_is_shared_by_its_script(machine: SharedMachine):
    line = machine.succeed("use", NAME, "--shell", "bash", number=SOMEBODY)
    done = machine.run(["bash", "-c", f"{line}\ngreet; rocmswitch_off; command -v greet"], number=SOMEBODY)

    assert "/opt/rocmswitch/activations/acme-1.0.sh" in line
    assert (done.code, done.out) == (1, "hello\n"), done


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_pin_enters_what_is_shared(machine: SharedMachine, shell: str):
    folder = machine.line(SOMEBODY).home / "a project"
    folder.mkdir()
    (folder / ".rocm-version").write_text("1.0\n")
    machine.own(SOMEBODY)
    hook = machine.succeed("init", shell, number=SOMEBODY)
    (folder / "hook").write_text(hook)

    start = {"fish": "source hook; _rocmswitch_look", "zsh": ". ./hook; _rocmswitch_hook"}
    script = f"{start.get(shell, '. ./hook; _rocmswitch_hook')}; greet; rocmswitch current"
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = machine.run([shell, "-c", f"cd '{folder}'; {script}"], number=SOMEBODY, PATH=path)

    assert "hello\n" in done.out, done
