"""What a project may say to bash and zsh by its file: a name of what is installed, and nothing to be abused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.posixstacks import HOOKED, SHOW, PosixStacks
from tests.support.shells import Terminal

NO_NAMES = {
    "empty": b"",
    "a blank line first": b"\n6.2\n",
    "a folder above": b"../6.2\n",
    "dots inside": b"6..2\n",
    "absolute": b"/etc/passwd\n",
    "a folder": b"a/6.2\n",
    "a command": b"$(touch ran)\n",
    "backticks": b"`touch ran`\n",
    "two commands": b"6.2;touch ran\n",
    "a pattern": b"6*\n",
    "an option": b"-e\n",
    "hidden": b".6.2\n",
    "a blank": b"6.2 \n",
    "an escape": b"\x1b]0;owned\x076.2\n",
    "a carriage return inside": b"6\r.2\n",
    "no ASCII": "6.2é\n".encode(),
    "no UTF-8": b"6.2\xff\n",
    "NUL": b"6.2\0\n",
    "NUL at once": bytes(1000),
    "65 bytes": b"6" * 65 + b"\n",
    "a megabyte": b"6" * 1_000_000,
    "a long file": b"6.2\n" + b"#" * 1_000_000,
    "an environment above": b"6.2\n../demo\n",
    "an environment that is a command": b"6.2\n$(touch ran)\n",
    "an environment of 65 bytes": b"6.2\n" + b"v" * 65 + b"\n",
}
NO_FILES: dict[str, Callable[[Path], object]] = {
    "a FIFO": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": lambda path: path.mkdir(),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.fixture
def stacks(tmp_path: Path) -> PosixStacks:
    return PosixStacks.furnished(tmp_path / "person")


@pytest.fixture(params=HOOKED)
def terminal(request: pytest.FixtureRequest, stacks: PosixStacks) -> Iterator[Terminal]:
    with Terminal.opened(request.param, stacks.home, rc=stacks.quiet_hook(request.param)) as terminal:
        yield terminal


@pytest.mark.parametrize("content", NO_NAMES.values(), ids=NO_NAMES.keys())
def test_what_is_no_name_is_ignored_said_once_and_never_shown(
    terminal: Terminal, stacks: PosixStacks, content: bytes
):
    folder = stacks.project("hostile", content)

    said = terminal.type("cd hostile")

    assert said == f"rocmswitch: ignored: {folder}/.rocm-version is not a valid pin\n"
    assert terminal.type("mkdir sub; cd sub") == ""
    assert terminal.type(SHOW) == "|\n"
    assert not list(stacks.home.rglob("ran"))


@pytest.mark.parametrize("content", [b"6.2", b"6.2\n\n", b"6.2\r\n\r\n", b"6.2\n\nnot read\n" + b"#" * 200])
def test_what_editors_leave_behind_is_no_harm(terminal: Terminal, stacks: PosixStacks, content: bytes):
    stacks.project("edited", content)

    assert terminal.type("cd edited") == ""
    assert terminal.type(SHOW).startswith("rocm-6.2.4|pin:")


def test_a_name_of_64_bytes_with_all_that_may_be_in_it_is_found(terminal: Terminal, stacks: PosixStacks):
    name = "0Az._+-" + "x" * 57
    stacks.add(name)
    stacks.project("long", f"{name}\n")

    terminal.type("cd long")

    assert terminal.type(SHOW).startswith(f"{name}|pin:")


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES.keys())
def test_what_is_no_file_is_passed_over_and_the_one_above_counts(
    terminal: Terminal, stacks: PosixStacks, make: Callable[[Path], object]
):
    folder = stacks.home / "new/sub"
    folder.mkdir()
    make(folder / ".rocm-version")

    assert terminal.type("cd new/sub") == ""
    assert terminal.type(SHOW) == f"rocm-6.2.4|pin:{stacks.home}/new/.rocm-version\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_no_pin(terminal: Terminal, stacks: PosixStacks):
    pin = stacks.project("closed", "6.2\n") / ".rocm-version"
    pin.chmod(0)

    assert terminal.type("cd closed") == f"rocmswitch: ignored: {pin} is not a valid pin\n"


@pytest.mark.parametrize(
    "name", ["a b", "it's", '"', "$(touch ran)", "`touch ran`", "*", "[a]", "\\", "-n", "~", "é", "a:b", "#", "!"]
)
def test_a_project_may_be_called_anything(terminal: Terminal, stacks: PosixStacks, name: str):
    (stacks.project(name, "6.2\n") / "sub").mkdir()
    quoted = "'" + name.replace("'", "'\\''") + "'"

    terminal.type(f"cd ./{quoted}/sub")

    assert terminal.type(SHOW) == f"rocm-6.2.4|pin:{stacks.home}/{name}/.rocm-version\n"
    assert not list(stacks.home.rglob("ran"))


def test_a_terminal_is_not_told_what_a_folders_name_says_to_it(terminal: Terminal, stacks: PosixStacks):
    stacks.project("a\x1b]0;owned\x07\nb", "$(x)\n")

    said = terminal.type("cd a*b")

    assert said == f"rocmswitch: ignored: {stacks.home}/a?]0;owned??b/.rocm-version is not a valid pin\n"


def test_a_project_at_the_root_of_everything_is_looked_for_once(terminal: Terminal):
    assert terminal.type("cd /") == ""
    assert terminal.type("cd //") == ""
    assert terminal.type(SHOW) == "|\n"


def test_a_pwd_that_somebody_has_spoilt_harms_nothing(terminal: Terminal):
    assert terminal.type("PWD=nowhere; export PWD") == ""
    assert terminal.type("PWD=") == ""
    assert terminal.type(SHOW) == "|\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("what", ["rocm-6.2.4.sh", "."])
def test_what_belongs_to_another_user_is_not_sourced(terminal: Terminal, stacks: PosixStacks, what: str):
    os.chown(stacks.layout.activations / what, 54_321, 54_321)

    said = terminal.type("cd new").splitlines()

    script = stacks.script("6.2")
    assert said[0].startswith(f"rocmswitch: ignored: {script} does not belong to you")
    assert said[1].endswith("which is not installed; run: rocmswitch use 6.2")
    assert terminal.type(SHOW) == "|\n"


def test_zsh_sources_nothing_from_a_folder_that_others_may_write(stacks: PosixStacks):
    stacks.layout.activations.chmod(0o777)

    with Terminal.opened("zsh", stacks.home, rc=stacks.quiet_hook("zsh")) as terminal:
        assert "does not belong to you alone" in terminal.type("cd new")
        assert terminal.type(SHOW) == "|\n"


def test_a_script_beside_the_folder_cannot_be_named(terminal: Terminal, stacks: PosixStacks):
    (stacks.layout.data / "evil.sh").write_text("touch ~/ran\n")
    stacks.project("hostile", "../evil\n")

    terminal.type("cd hostile")

    assert not (stacks.home / "ran").exists()
