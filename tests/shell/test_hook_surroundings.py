"""The hook in shells that are set up in every odd way: it works there as well, and harms nothing of theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.shell import posix
from tests.support.posixstacks import HOOKED, SHOW, PosixStacks
from tests.support.shells import Terminal, account

ALIASES = "cd set test command read unset export local eval printf return continue shift typeset emulate hash"
SETTINGS = {
    "bash": (
        "set -e",
        "set -u",
        "set -eu",
        "set -C",
        "set -f",
        "set -a",
        "set -k",
        "set -E; trap ':' ERR; trap ':' DEBUG",
        "set -o posix",
        "shopt -s failglob nullglob extglob nocasematch nocaseglob dotglob",
        "shopt -s expand_aliases; shopt -u sourcepath",
        "IFS=/",
        "IFS=':._0'",
        "unset IFS",
        "export LC_ALL=C",
        "GLOBIGNORE='*'",
        "CDPATH=/usr:~",
        "BASH_VERSION=3.2.57",  # what is only for later ones is left out
        "alias deactivate='echo alias' rocmswitch='echo alias'",
    ),
    "zsh": (
        "setopt err_exit",
        "setopt no_unset",
        "setopt err_exit no_unset err_return",
        "setopt ksh_arrays",
        "setopt sh_word_split glob_subst",
        "setopt null_glob extended_glob no_match",
        "setopt csh_null_glob glob_assign",
        "setopt no_clobber no_rcs",
        "setopt no_glob",
        "setopt warn_create_global warn_nested_var",
        "setopt all_export",
        "setopt rc_quotes posix_builtins posix_identifiers",
        "setopt ignore_braces",
        "setopt no_function_argzero no_multios local_options",
        "setopt auto_pushd pushd_to_home chase_links",
        "setopt typeset_silent no_hash_cmds",
        "emulate sh",
        "emulate ksh",
        "IFS=/",
        "IFS=':._0'",
        "export LC_ALL=C",
        "typeset -U path; typeset -T LD_LIBRARY_PATH ld_library_path",
        "alias -g G='| grep'; alias deactivate='echo alias' rocmswitch='echo alias'",
    ),
}


@pytest.fixture
def stacks(tmp_path: Path) -> PosixStacks:
    return PosixStacks.furnished(tmp_path / "it's mine")


def without_ours(terminal: Terminal) -> dict[bytes, bytes]:
    """The environment without what only the hook needs, which is exported where everything is."""
    ours = (b"_rs_", b"_rocmswitch_")
    return {name: value for name, value in terminal.environment().items() if not name.startswith(ours)}


@pytest.mark.parametrize("when", ["before the hook", "after it"])
@pytest.mark.parametrize(("shell", "setting"), [(shell, one) for shell in HOOKED for one in SETTINGS[shell]])
def test_projects_are_followed_whatever_is_set(stacks: PosixStacks, shell: str, setting: str, when: str):
    lines = (
        (setting, stacks.quiet_hook(shell)) if when.startswith("before") else (stacks.quiet_hook(shell), setting)
    )

    with Terminal.opened(shell, stacks.home, rc="\n".join(lines)) as terminal:
        assert terminal.seen == ""
        before = without_ours(terminal)
        assert terminal.type("cd ./new") == ""
        assert terminal.type(SHOW) == f"rocm-6.2.4|pin:{stacks.home}/new/.rocm-version\n"
        assert terminal.type("cd ../old") == ""
        assert terminal.environment()[b"VIRTUAL_ENV"] == b"/venvs/demo"
        terminal.type("cd ~")
        assert without_ours(terminal) == before


@pytest.mark.parametrize("shell", HOOKED)
def test_aliases_of_what_the_hook_calls_do_not_matter(stacks: PosixStacks, shell: str):
    aliases = "\n".join(f"alias {one}='echo aliased'" for one in ALIASES.split())

    with Terminal.opened(
        shell, stacks.home, rc=f"VIRTUAL_ENV_DISABLE_PROMPT=1\n{aliases}\n\\{stacks.hook(shell)}"
    ) as terminal:
        assert terminal.type("\\cd new") == ""
        assert terminal.type(SHOW).startswith("rocm-6.2.4|pin:")
        assert terminal.type("\\cd ../old") == ""
        assert terminal.type("deactivate") == ""
        assert terminal.type(SHOW) == "|\n"


@pytest.mark.parametrize("shell", HOOKED)
def test_the_hook_read_twice_is_the_hook_read_once(stacks: PosixStacks, shell: str):
    with Terminal.opened(shell, stacks.home, rc=stacks.quiet_hook(shell)) as terminal:
        once = terminal.type('echo "$PROMPT_COMMAND $precmd_functions $chpwd_functions"')
        terminal.type(stacks.entering("rocm-5.2.0"))
        terminal.type(stacks.quiet_hook(shell))
        terminal.type("cd ./new")

        assert terminal.type('echo "$PROMPT_COMMAND $precmd_functions $chpwd_functions"') == once
        assert terminal.type(SHOW) == "rocm-5.2.0|use\n"
        terminal.type(posix.leave())
        assert terminal.type(SHOW).startswith("rocm-6.2.4|pin:")


@pytest.mark.parametrize("shell", HOOKED)
def test_the_output_of_init_can_be_evaluated_instead_of_sourced(stacks: PosixStacks, shell: str):
    stacks.quiet_hook(shell)
    rc = f'eval "$(cat {posix.quote(str(stacks.layout.shell / f"hook.{shell}"))})"'

    with Terminal.opened(shell, stacks.home, rc=rc) as terminal:
        terminal.type("cd ./new")
        assert terminal.type(SHOW).startswith("rocm-6.2.4|pin:")


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        ("PROMPT_COMMAND='echo mine $?'", "mine 3\n"),
        ("PROMPT_COMMAND='echo mine $?;'", "mine 3\n"),
        ("PROMPT_COMMAND=('echo one $?' 'echo two $?')", "one 3\ntwo 3\n"),
        ("declare -a PROMPT_COMMAND", ""),
        ("PROMPT_COMMAND=", ""),
    ],
)
@pytest.mark.parametrize("when", ["before the hook", "after it"])
def test_what_bash_does_at_a_prompt_already_goes_on(stacks: PosixStacks, mine: str, said: str, when: str):
    later = mine.replace("PROMPT_COMMAND=(", "PROMPT_COMMAND+=(")
    if when == "after it" and later == mine:
        pytest.skip("takes the hook away, as it says")
    rc = (
        f"{mine}\n{stacks.quiet_hook('bash')}"
        if when.startswith("before")
        else f"{stacks.quiet_hook('bash')}\n{later}"
    )

    with Terminal.opened("bash", stacks.home, rc=rc) as terminal:
        assert terminal.type("cd new; (exit 3)") == said
        assert terminal.type("(exit 3)") == said
        assert terminal.type(SHOW).startswith("rocm-6.2.4|pin:")


def test_a_prompt_command_that_is_read_only_is_said(stacks: PosixStacks):
    rc = f"PROMPT_COMMAND=:; readonly PROMPT_COMMAND\n{stacks.quiet_hook('bash')}"

    with Terminal.opened("bash", stacks.home, rc=rc) as terminal:
        assert terminal.seen == "rocmswitch: PROMPT_COMMAND is read-only, so that projects are not followed\n"
        terminal.type(stacks.entering("6.2"))
        assert terminal.type(SHOW) == "rocm-6.2.4|use\n"


def test_the_functions_that_zsh_calls_at_a_prompt_go_on(stacks: PosixStacks):
    theirs = "precmd() { echo mine $? }; autoload -Uz add-zsh-hook; f() { :; }; add-zsh-hook precmd f"
    rc = f"{theirs}\n{stacks.quiet_hook('zsh')}"
    with Terminal.opened("zsh", stacks.home, rc=rc) as terminal:
        assert terminal.type("cd new; (exit 3)") == "mine 3\n"
        assert terminal.type("echo $precmd_functions") == "f _rocmswitch_hook\nmine 0\n"


@pytest.mark.parametrize("shell", HOOKED)
def test_a_read_only_variable_is_said_once_and_the_rest_is_entered(stacks: PosixStacks, shell: str):
    with Terminal.opened(
        shell, stacks.home, rc=f"{stacks.quiet_hook(shell)}\nreadonly UV_CONSTRAINT=mine"
    ) as terminal:
        said = [terminal.type(line) for line in ("cd old", "cd ..", "cd old")]

        assert said == ["rocmswitch: UV_CONSTRAINT cannot be changed in this shell and stays as it is\n", "", ""]
        assert terminal.type("echo $VIRTUAL_ENV $UV_CONSTRAINT") == "/venvs/demo mine\n"


@pytest.mark.parametrize("shell", HOOKED)
def test_an_active_environment_of_somebody_else_is_there_again_outside(stacks: PosixStacks, shell: str):
    variables = "VIRTUAL_ENV=/other CONDA_PREFIX=/conda PATH=/other/bin:$PATH PYTHONHOME=/other"
    other = f"export {variables}; deactivate() {{ echo other; }}"

    with Terminal.opened(shell, stacks.home, rc=f"{other}\n{stacks.quiet_hook(shell)}") as terminal:
        before = terminal.environment()
        terminal.type("cd old")
        assert terminal.type("echo $VIRTUAL_ENV $PATH ${PYTHONHOME-none}") == (
            "/venvs/demo /venvs/demo/bin:/other/bin:/usr/bin:/bin none\n"
        )
        terminal.type("cd ~")
        assert terminal.environment() == before
        assert terminal.type("deactivate") == "other\n"


@pytest.mark.parametrize("chain", [("bash", "zsh", "bash"), ("zsh", "bash", "zsh"), ("bash", "fish", "bash")])
def test_shells_inside_shells_take_over_and_the_last_one_leaves_exactly(
    stacks: PosixStacks, chain: tuple[str, ...], tmp_path: Path
):
    environment = {
        **account(stacks.home),
        "TERM": "dumb",
        "LD_LIBRARY_PATH": "/opt/rocm/lib:/mine:",
        "PYTHONHOME": "",
    }
    found: list[dict[bytes, bytes]] = []
    for shell in chain:
        rc = f"cd old\n{stacks.hook(shell)}" if found else stacks.hook(shell)
        with Terminal.opened(shell, stacks.home, rc=rc, environment=environment) as terminal:
            if not found:
                found.append(terminal.environment())
                terminal.type("cd old")
            inside = terminal.environment()
            environment = {name.decode(): value.decode() for name, value in inside.items()}
            assert (inside[b"VIRTUAL_ENV"], inside[b"LD_LIBRARY_PATH"]) == (b"/venvs/demo", b"/mine:")
            if shell is chain[-1] and len(found) == 1:
                terminal.type("cd old; deactivate")
                found.append(terminal.environment())
    assert found[1] == found[0]
