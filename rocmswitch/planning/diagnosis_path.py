"""Rows about where a shell finds ROCm's programs, and this one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rocmswitch.model.finding import NOTE, WARNING, Finding, Remedy
from rocmswitch.model.symptoms import ShellSymptoms, Symptoms


def unset(name: str, shell: ShellSymptoms) -> str:
    """What is typed to take the variable *name* away."""
    return f"set -e {name}" if shell.hook.shell == "fish" else f"unset {name}"


def stack_hidden(symptoms: Symptoms) -> Iterator[Finding]:
    """Something that was started inside, a start-up file mostly, has set PATH anew."""
    tools, active = symptoms.shell.tools, symptoms.shell.active
    if active is None or not (tools.missing or tools.hidden_by):
        return
    if tools.missing:
        what = f"`{active.name}` is entered, and its programs are not on PATH"
        why = f"`{' '.join(tools.missing)}` is gone from PATH since: `hipcc` is another's, or not found"
    else:
        what = f"another ROCm's programs come before those of `{active.name}`"
        why = f"`{tools.hidden_by}` was put before them on PATH since it was entered"
    remedy = Remedy(f"run `rocmswitch use {active.name}`, which puts them first")
    yield Finding("path", WARNING, what, "PATH", why, remedy)


def machine_hidden(symptoms: Symptoms) -> Iterator[Finding]:
    """AMD's packages put nothing on PATH themselves."""
    folder = symptoms.shell.tools.unreached
    if folder and symptoms.shell.active is None and folder not in {one.path for one in symptoms.leftovers}:
        yield Finding(
            "tools",
            NOTE,
            f"the programs of `{folder}` are not on PATH",
            folder,
            f"`{folder}/bin` has `rocminfo` and others, and no shell finds them",
            Remedy(f"run `rocmswitch link {folder}`, which makes a stack of it that shells can enter"),
        )


def program_hidden(symptoms: Symptoms) -> Iterator[Finding]:
    """The hook and sudo look for `rocmswitch` on PATH."""
    shell = symptoms.shell
    if not shell.program or shell.on_path == shell.program:
        return
    folder = shell.program.rpartition("/")[0]
    if not shell.on_path:
        what, why = "`rocmswitch` is not on PATH", f"this one is `{shell.program}`; shells do not find it"
    else:
        what = "another `rocmswitch` hides this one"
        why = f"shells start `{shell.on_path}`, and this one is `{shell.program}`"
    if shell.hook.shell == "fish":
        text = f"run `fish_add_path {shlex.quote(folder)}`"
    else:
        line = f'export PATH={shlex.quote(folder)}:"$PATH"'
        text = f"add `{line}` to your shell's start-up file, and open a new terminal"
    yield Finding("program", WARNING, what, "PATH", why, Remedy(text))


ROWS = (stack_hidden, machine_hidden, program_hidden)
