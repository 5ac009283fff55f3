"""What a person reads: whole screens, with what differs between machines given names."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click
import pytest

from rocmswitch.cli.main import program
from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.scenes import parses


def commands(group: click.Group = program, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command and group, by its words."""
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append((*before, name))
        if isinstance(command, click.Group):
            found += commands(command, (*before, name))
    return found


@pytest.mark.parametrize("words", [(), *commands()], ids=lambda words: " ".join(words) or "rocmswitch")
def test_help_says_what_it_does_and_ends_with_an_example_that_parses(line: CommandLine, words: tuple[str, ...]):
    text = line.succeed(*words, "--help")

    example = re.search(r"\n  Example: (?:eval \"\$\()?rocmswitch ([^\n]*?)(?:\)\")?\n$", text)
    assert text.startswith("Usage: rocmswitch") and example
    example_words = example[1].split()
    if "my-rocm.yaml" not in example_words:
        parses(example_words)
    assert tuple(example_words[: len(words)]) == words
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"[a-z]\.\.\.$", text, re.MULTILINE)  # a summary that does not fit


def test_list_of_nothing(line: CommandLine):
    outcome = line.run("list")

    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == "nothing is installed yet; `rocmswitch list --available` shows what can be\n"


def test_list_available(line: CommandLine):
    (line.layout.manifests / "bad-1.0.yaml").write_text("schema: 1\nname: bad-1.0\nsumary: x\n")

    outcome = line.tell(line.run("list", "--available"))

    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[:2] == [
        "Debian's own builds",
        "  debian-5.2.3  ROCm 5.2.3 built by Debian 12, with HIP and its compiler, without rocBLAS and MIOpen · apt"
        " · 41.9 MB, 201.2 MB on disk",
    ]
    assert lines[-2:] == [
        "Others",
        "  acme-1.0  A small stack · apt · your own: ROOT/data/manifests/acme-1.0.yaml",
    ]
    assert outcome.err == "warning: ROOT/data/manifests/bad-1.0.yaml:3: `sumary`: unknown key\n"


def test_show_of_what_is_not_installed(line: CommandLine):
    assert (
        line.tell(line.run("show", "acme-1")).out
        == """\
acme-1.0  A small stack
manifest  ROOT/data/manifests/acme-1.0.yaml
released  2026-01-02
source    MIRROR/apt (apt, stable, signed by FINGERPRINT)
wheels    demo 1.0

Packages that the sets begin with
runtime   acme-tools
compiler  acme-cc (>= 1.0)

not installed; `rocmswitch install acme-1.0` installs it
"""
    )


def test_a_plan(line: CommandLine):
    outcome = line.tell(line.run("install", NAME, "--dry-run"))

    lines = [one.strip() for one in outcome.out.splitlines() if one.strip()]
    assert [re.sub(r" {2,}", " | ", one) for one in lines if "─" not in one] == [
        "Package | Version | Place | Checked | Size",
        "acme-tools | 1.0-1 | rocm | signed | 2.7 kB",
        "acme-core | 1.0-1 | rocm | signed | 2.3 kB",
    ]
    assert (
        outcome.err
        == """\
acme-1.0 (runtime): 2 packages
5.1 kB to download; 2.0 kB on disk
SIZE free in ROOT/data/prefixes, 16.8 MB of it needed
from MIRROR/apt stable of TIME, signed by FINGERPRINT
every package is checked: signed
"""
    )


def test_an_installation_and_what_is_there_then(line: CommandLine):
    assert line.tell(line.run("install", NAME, "--yes")).err.splitlines()[5:] == [
        "installed acme-1.0: 31.2 kB, ROOT/data/prefixes/acme-1.0",
        "next: `rocmswitch run acme-1.0 -- rocminfo`, or `rocmswitch use acme-1.0`",
    ]
    assert line.succeed("list") == "acme-1.0  ROCm 1.0.0 · runtime · 31.2 kB\n"
    assert (
        line.tell(line.run("show", NAME)).out.rpartition("\n\n")[2]
        == """\
installed  ROOT/data/prefixes/acme-1.0
created    TIME
sets       runtime
size       31.2 kB
packages   2 signed
index      MIRROR/apt stable of TIME
"""
    )


def test_an_environment(line: CommandLine):
    outcome = line.tell(line.run("use", NAME, "--venv", "demo", "--yes"))

    python = rf"{re.escape(sys.base_prefix)}\S* \(cp\d+\)"
    line_to_evaluate = (
        "_rocmswitch_why='use' _rocmswitch_gpu='' _rocmswitch_profile=''; \\. 'ROOT/data/activations/demo.sh'"
    )
    assert outcome.out == f"{line_to_evaluate}\n"
    assert re.fullmatch(rf"environment demo: acme-1.0, Python {python}", outcome.err.splitlines()[5])
    assert outcome.err.splitlines()[6:] == [
        "  demo 1.0  pinned, 908 bytes",
        "908 bytes to download; about 3.6 kB on disk",
        "made demo: ROOT/data/venvs/demo",
        "using demo: acme-1.0",
    ]
    shown = line.tell(line.run("show", "demo")).out.splitlines()
    assert [*shown[:2], *shown[4:5], shown[-1]] == [
        "demo  of acme-1.0",
        "environment  ROOT/data/venvs/demo",
        "bound to     acme-1.0",
        "`rocmswitch show acme-1.0` shows the stack",
    ]


def test_current_where_nothing_is_active(line: CommandLine):
    outcome = line.run("current")

    assert (outcome.code, outcome.out) == (0, "none\n")
    assert outcome.err == "no stack is active here; `rocmswitch list` shows what is installed\n"


def test_current_says_why_and_what_hides_it(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    other = line.folder / "other/rocminfo"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)

    chosen = line.tell(line.run("current", ROCMSWITCH_STACK=NAME))
    hidden = line.tell(line.run("current", ROCMSWITCH_ACTIVE=NAME, PATH=f"{other.parent}:/usr/bin"))

    tool = "ROOT/data/prefixes/acme-1.0/usr/bin/rocminfo"
    assert chosen.out == "acme-1.0  (ROCMSWITCH_STACK says so, ROOT/data/prefixes/acme-1.0)\n"
    assert hidden.out == "acme-1.0  (`use` in this shell, ROOT/data/prefixes/acme-1.0)\n"
    assert hidden.err == f"warning: `{tool}` is hidden by `{other}`\n"


def test_verification_with_faults(line: CommandLine):
    line.succeed("install", NAME, "--yes")
    tree = line.layout.prefixes / NAME / "usr"
    for name, content in (("share/acme/data", b"dato\n"), ("bin/greet", None), ("bin/rocminfo", b"short")):
        path = tree / name
        path.parent.chmod(0o755)
        path.unlink()
        if content is not None:
            path.write_bytes(content)
            path.chmod(0o444 if name.startswith("share") else 0o555)
        path.parent.chmod(0o555)

    outcome = line.run("verify")

    size = re.escape(outcome.out.partition("size is 5, not ")[2].partition("\n")[0])
    assert outcome.code == 4
    assert (
        re.sub(size, "SIZE", outcome.out)
        == """\
acme-1.0: `usr/bin/greet`: missing
acme-1.0: `usr/bin/rocminfo`: size is 5, not SIZE
acme-1.0: `usr/share/acme/data`: content has changed
"""
    )
    assert outcome.err == "error: `acme-1.0` is not as installed\nhint: run `rocmswitch repair acme-1.0`\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("install", "6.2.9"),
            3,
            "error: no stack is called `6.2.9`\n"
            "hint: nearest are rocm-6.2.4 and rocm-6.3.0; run `rocmswitch list --available`\n",
        ),
        (
            ("show", "5.2.4"),
            3,
            "error: no stack is called `5.2.4`\n"
            "hint: nearest are rocm-5.2.3 and rocm-5.3.0; run `rocmswitch list --available`\n",
        ),
        (("bogus",), 2, "error: no such command `bogus`\nhint: run `rocmswitch --help`\n"),
        (("lsit",), 2, "error: no such command `lsit`; did you mean `list`?\nhint: run `rocmswitch --help`\n"),
        (
            ("cache", "prun"),
            2,
            "error: no such command `prun`; did you mean `prune`?\nhint: run `rocmswitch cache --help`\n",
        ),
        (
            ("uninstall", NAME),
            2,
            f"error: `uninstall` is about all of rocmswitch\nhint: run `rocmswitch remove {NAME}`\n",
        ),
        (
            ("init",),
            2,
            "error: missing argument `SHELL`; choose from bash, zsh, fish\nhint: run `rocmswitch init --help`\n",
        ),
        (("install",), 2, "error: missing argument `STACK`\nhint: run `rocmswitch install --help`\n"),
        (("install", "5", "2"), 2, "error: there is no place for `2`\nhint: run `rocmswitch install --help`\n"),
        (
            ("undo", "x"),
            2,
            "error: invalid value for `[N]`: `x` is not a number\nhint: run `rocmswitch undo --help`\n",
        ),
        (
            ("manifest", "check", "/nothing"),
            2,
            "error: invalid value for `FILE`: file `/nothing` does not exist\n"
            "hint: run `rocmswitch manifest check --help`\n",
        ),
        (
            ("install", NAME, "--set", "foo"),
            2,
            "error: invalid value for `--set`: `foo` is not one of `runtime`, `compiler`, `libraries`,"
            " `developer`\nhint: run `rocmswitch install --help`\n",
        ),
        (
            ("use", NAME, "--venv", "Demo"),
            2,
            "error: `Demo` cannot be the name of an environment: two or more small letters, digits and `._-`\n"
            "hint: run the same command with `--venv demo`\n",
        ),
        (("install", NAME, "--locked", "nofile"), 3, "error: there is no lock `nofile`\n"),
        (("verify", "demo"), 3, "error: `demo` is not installed\nhint: run `rocmswitch list`\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_told_in_one_line_and_a_hint(line: CommandLine, words: tuple[str, ...], code: int, said: str):
    outcome = line.run(*words)

    assert (outcome.code, outcome.out, outcome.err) == (code, "", said)


@pytest.mark.parametrize("words", [("show", "bad-1.0"), ("install", "bad-1.0"), ("manifest", "check")])
def test_a_broken_manifest_is_told_by_file_line_and_key(line: CommandLine, words: tuple[str, ...]):
    file = line.layout.manifests / "bad-1.0.yaml"
    file.write_text("schema: 1\nname: bad-1.0\nsumary: x\n")

    outcome = line.tell(line.run(*words, *([str(file)] if "check" in words else [])))

    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "error: ROOT/data/manifests/bad-1.0.yaml:3: `sumary`: unknown key\n"


def test_no_colour_and_no_control_characters_leave_a_pipe(line: CommandLine, site: AcmeSite):
    written = [
        line.run("install", NAME, "--yes", FORCE_COLOR="1"),
        line.run("install", "6.2.9", FORCE_COLOR="1"),
        line.run("show", NAME),
        line.run("install", NAME, "--set", "compiler", "--dry-run"),
    ]

    assert [one for one in written if "\x1b" in one.out + one.err or "\r" in one.out + one.err] == []


def test_a_manifest_under_another_name_than_its_stack_is_told(line: CommandLine, site: AcmeSite, tmp_path: Path):
    file = tmp_path / "elsewhere.yaml"
    file.write_bytes(site.manifest())

    outcome = line.run("manifest", "check", str(file))

    assert outcome.code == 0
    assert outcome.err == f"warning: it is only found in a file `{NAME}.yaml`\n"


@pytest.mark.parametrize(
    ("shell", "line_to_type"),
    [
        ("/bin/bash", 'eval "$(rocmswitch use acme-1.0)"'),
        ("/usr/bin/fish", "rocmswitch use acme-1.0 --shell fish | source"),
    ],
)
def test_use_at_a_terminal_without_the_hook_says_what_to_type(line: CommandLine, shell: str, line_to_type: str):
    line.succeed("install", NAME, "--yes")

    said = line.at_terminal("use", NAME, SHELL=shell).out.splitlines()

    assert said == [
        f"this shell stays as it was: `{line_to_type}` changes it",
        f"after `rocmswitch init {Path(shell).name} --install`, and in a new terminal, "
        "`rocmswitch use` does so itself",
    ]
    assert "activations/acme-1.0.sh" in line.at_terminal("use", NAME, "--shell", "bash").out
