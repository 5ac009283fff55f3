"""Tab, in real shells: commands, options, and the names of stacks and environments that are there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acme import NAME
from tests.support.commandline import CommandLine
from tests.support.shells import Terminal, account, run

DEBIAN = {"debian-5.2.3", "debian-5.7.1", "debian-6.4.3", "debian-7.2.4"}

WORDS = [
    ("use acm", {NAME}),
    ("use de", {"demo", *DEBIAN}),
    ("use sys", {"system"}),
    ("run ac", {NAME}),
    ("run de", {"demo"}),
    ("which hipcc d", {"demo"}),
    ("env --shell do", {"dotenv"}),
    ("env dem", {"demo"}),
    ("install deb", DEBIAN),
    ("install rocm-6.2.4", {"rocm-6.2.4"}),
    ("install 6.2.4", {"6.2.4"}),
    ("remove d", {"demo"}),
    ("venv remove d", {"demo"}),
    ("deploy a.so --into d", {"demo"}),
    ("deploy --adopt u", {"user"}),
    ("deploy --gpu-kernels gfx1010 --from ac", {NAME}),
    ("restore de", {"demo"}),
    ("history us", {"user"}),
    ("ini", {"init"}),
    ("init z", {"zsh"}),
    ("init bash --uninst", {"--uninstall"}),
    ("use nothing-like-this", set()),
]


@pytest.fixture
def line(line: CommandLine) -> CommandLine:
    """Has a stack and an environment; what completes reads names alone."""
    for folder, name in ((line.layout.prefixes, NAME), (line.layout.venvs, "demo")):
        folder.mkdir(parents=True)
        (folder / name).symlink_to(f".trees/{name}-0123456789ab")
    line.home.mkdir(exist_ok=True)
    return line


def environment(line: CommandLine) -> dict[str, str]:
    return {"TERM": "dumb", **line.variables(), **account(line.home, PATH=line.variables()["PATH"])}


@pytest.fixture
def zsh(line: CommandLine) -> Iterator[Terminal]:
    """With the line editor and the system of completions, which starts after our hook."""
    if shutil.which("zsh") is None:
        pytest.skip("no zsh here: apt install zsh")
    rc = f"{line.succeed('init', 'zsh')}\nautoload -Uz compinit && compinit -u"
    with Terminal.opened("zsh", line.home, rc=rc, environment=environment(line), options=("-o", "zle")) as terminal:
        terminal.type("rocmswitch() { print -r - got $* }")
        yield terminal


def test_bash_offers_what_can_follow(line: CommandLine, tmp_path: Path):
    asked = "".join(
        f"COMP_WORDS=(rocmswitch {words}) COMP_CWORD={len(words.split())}\n"
        "_rocmswitch_complete; echo ${COMPREPLY[*]}\n"
        for words, _ in WORDS
    )

    done = run("bash", f"{line.succeed('init', 'bash')}{asked}", folder=tmp_path, environment=environment(line))

    found = [set(row.split()) for row in done.out.decode().splitlines()]
    assert list(zip([words for words, _ in WORDS], found, strict=True)) == WORDS
    assert done.err == b""


def test_fish_offers_what_can_follow(line: CommandLine, tmp_path: Path):
    asked = "".join(
        f"complete -C 'rocmswitch {words}' | string replace -r '\\t.*' ''; echo ==\n" for words, _ in WORDS
    )

    done = run("fish", f"{line.succeed('init', 'fish')}\n{asked}", folder=tmp_path, environment=environment(line))

    found = [set(part.split()) for part in done.out.decode().split("==\n")[:-1]]
    assert list(zip([words for words, _ in WORDS], found, strict=True)) == WORDS
    assert done.err == b""


def test_zsh_completes_what_can_follow(zsh: Terminal):
    alone = {words: name for words, names in WORDS if len(names) == 1 for name in names}

    said = {words: zsh.type(f"rocmswitch {words}\t") for words in alone}

    wanted = {words: " ".join(("got", *words.split()[:-1], name)) for words, name in alone.items()}
    assert {words: text for words, text in said.items() if wanted[words] not in text} == {}


def test_a_program_to_run_is_completed_as_a_file(line: CommandLine, tmp_path: Path):
    (tmp_path / "some-program").touch()
    asked = "complete -C 'rocmswitch run demo -- ./some-p'"

    done = run("fish", f"{line.succeed('init', 'fish')}\n{asked}", folder=tmp_path, environment=environment(line))

    assert done.out.split() == [b"./some-program"]


def test_a_shell_starts_no_program_before_tab(line: CommandLine, tmp_path: Path):
    """The only rocmswitch on PATH would leave a mark."""
    program = tmp_path / "bin/rocmswitch"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\ntouch called\n")
    program.chmod(0o755)
    for shell in ("bash", "zsh", "fish"):
        if shutil.which(shell):
            text = line.succeed("init", shell)
            variables = account(tmp_path, PATH=f"{program.parent}:/usr/bin:/bin")
            assert run(shell, text, folder=tmp_path, environment=variables).err == b""

    assert not (tmp_path / "called").exists()
