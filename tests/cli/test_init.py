"""`rocmswitch init`: the hook printed, or read by every new shell through one line that goes without a trace."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine
from tests.support.shells import Terminal, account

SHELLS = ("bash", "zsh", "fish")
RC = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "it's me")


def rc_of(line: CommandLine, shell: str, content: bytes | None = b"# mine\n") -> Path:
    rc = line.home / RC[shell]
    rc.parent.mkdir(parents=True)
    if content is not None:
        rc.write_bytes(content)
    return rc


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("content", [b"", b"# mine\n", b"no end", b"a\r\nb\r\n", b"\xff\0\n\n", None])
def test_uninstalling_leaves_the_file_as_it_was_byte_for_byte(line: CommandLine, shell: str, content: bytes | None):
    rc = rc_of(line, shell, content)
    hook = line.layout.shell / f"hook.{shell}"

    line.succeed("init", shell, "--install", "--yes")
    installed = rc.read_bytes(), hook.is_file()
    line.succeed("init", shell, "--uninstall", "--yes")

    assert installed[1] and installed[0].count(b"# rocmswitch") == 1
    assert installed[0].startswith(content or b"")
    assert (rc.read_bytes(), hook.exists()) == (content or b"", False)


@pytest.mark.parametrize("shell", SHELLS)
def test_installing_twice_is_installing_once(line: CommandLine, shell: str):
    rc = rc_of(line, shell)
    line.succeed("init", shell, "--install", "--yes")
    once = rc.read_bytes()

    outcome = line.run("init", shell, "--install")

    assert (outcome.code, rc.read_bytes()) == (0, once)
    assert "nothing to change" in outcome.err


@pytest.mark.parametrize("shell", SHELLS)
def test_a_line_for_another_folder_is_replaced_where_it_stands(line: CommandLine, shell: str):
    rc = rc_of(line, shell)
    line.succeed("init", shell, "--install", "--yes", ROCMSWITCH_HOME=str(line.folder / "before"))
    with rc.open("ab") as file:
        file.write(b"# after\n")

    line.succeed("init", shell, "--install", "--yes")

    before, ours, after = rc.read_bytes().splitlines()
    assert (before, after) == (b"# mine", b"# after")
    assert b"/rocmswitch/data/shell/hook" in ours


def test_lines_that_only_look_like_ours_stay(line: CommandLine):
    content = b"# rocmswitch\n[ -r '/a/hook.bash' ] && . '/b/hook.bash'  # rocmswitch\n  [ -r x ]  # rocmswitch\n"
    rc = rc_of(line, "bash", content)

    line.succeed("init", "bash", "--uninstall", "--yes")

    assert rc.read_bytes() == content


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o444])
def test_mode_and_owner_stay(line: CommandLine, mode: int):
    rc = rc_of(line, "bash")
    rc.chmod(mode)
    if os.geteuid() == 0:
        os.chown(rc, 54_321, 54_322)
    before = rc.stat()

    line.succeed("init", "bash", "--install", "--yes")

    after = rc.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_symlink_stays_one_and_its_target_gets_the_line(line: CommandLine):
    rc = rc_of(line, "bash", None)
    target = line.folder / "dot files/bashrc"
    target.parent.mkdir()
    target.write_text("# mine\n")
    rc.symlink_to(os.path.relpath(target, rc.parent))

    said = line.run("init", "bash", "--install", "--yes").err

    assert rc.is_symlink() and "# rocmswitch" in target.read_text()
    assert f"{rc}, which is {target}" in said
    assert sorted(path.name for path in target.parent.iterdir()) == ["bashrc"]


def test_what_nobody_agrees_to_changes_nothing(line: CommandLine):
    rc = rc_of(line, "bash")

    unasked = line.run("init", "bash", "--install")
    shown = line.run("init", "bash", "--install", "--dry-run")
    refused = line.at_terminal("init", "bash", "--install", answers="n\n")

    assert (unasked.code, unasked.hint) == (5, "run the same command with `--yes`")
    assert (shown.code, refused.code) == (0, 5)
    for said in (unasked.err, shown.err, refused.err):
        assert f"adds to {rc}:" in said and "&& . '" in said
    assert rc.read_bytes() == b"# mine\n" and not line.layout.shell.exists()


def test_who_agrees_hears_what_to_type_now(line: CommandLine):
    rc = rc_of(line, "bash")

    outcome = line.at_terminal("init", "bash", "--install", answers="y\n")

    assert outcome.code == 0 and "# rocmswitch" in rc.read_text()
    assert "type `exec bash`, or open a new terminal" in outcome.out


def test_a_program_is_told_what_changes(line: CommandLine):
    rc = rc_of(line, "fish")

    told = json.loads(line.succeed("init", "fish", "--install", "--dry-run", "--json"))

    assert told == {
        "shell": "fish",
        "action": "install",
        "rc": str(rc),
        "target": str(rc),
        "line": told["line"],
        "hook": str(line.layout.shell / "hook.fish"),
        "writes_rc": True,
        "writes_hook": True,
    }


@pytest.mark.parametrize(
    ("shell", "variable", "file"), [("zsh", "ZDOTDIR", ".zshrc"), ("fish", "XDG_CONFIG_HOME", "fish/config.fish")]
)
def test_the_shells_own_variables_say_where_the_file_is(line: CommandLine, shell: str, variable: str, file: str):
    line.succeed("init", shell, "--install", "--yes", **{variable: str(line.folder / "elsewhere")})

    assert "# rocmswitch" in (line.folder / "elsewhere" / file).read_text()
    assert not (line.home / RC[shell]).exists()


def test_what_is_no_file_is_left_alone(line: CommandLine):
    rc = rc_of(line, "bash", None)
    os.mkfifo(rc)

    outcome = line.run("init", "bash", "--install", "--yes")

    assert (outcome.code, outcome.error) == (1, f"`{rc}` is no regular file")
    assert not line.layout.shell.exists()


@pytest.mark.parametrize("words", [("--install", "--uninstall"), ("--yes",), ("--json",), ("--dry-run",)])
def test_options_that_say_nothing_together_are_refused(line: CommandLine, words: tuple[str, ...]):
    assert line.run("init", "bash", *words).code == 2


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("way", ["printed", "installed"])
def test_a_new_shell_has_the_hook_and_completions(line: CommandLine, shell: str, way: str):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here: apt install {shell}")
    rc = rc_of(line, shell, b"")
    if way == "installed":
        line.succeed("init", shell, "--install", "--yes")
        content = rc.read_text()
    else:
        content = line.succeed("init", shell)
    environment = {"TERM": "dumb", **account(line.home, PATH=line.variables()["PATH"])}

    with Terminal.opened(shell, line.home, rc=content, environment=environment) as terminal:
        assert "function" in terminal.type("type rocmswitch")
        assert terminal.type("type rocmswitch_off >/dev/null && echo there") == "there\n"
        assert terminal.type("rocmswitch --version").startswith("rocmswitch, version")
        assert terminal.seen == ""
