"""Two projects, two stacks, the prompt, the way back: typed into a real bash, as a person would.

switching.py FOLDER [--svg FILE]

AMD's and PyTorch's servers are stood in for by one here: wheels of the same names, versions and layout that hold
small libraries instead of gigabytes. Everything else is real: the program, uv, Python, the shell.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.store.catalog import shipped_manifests
from rocmswitch.store.interpreters import find_interpreter
from rocmswitch.store.virtualenv import Uv
from rocmswitch.system.disk import Disk
from tests.support.commandline import CommandLine
from tests.support.pytorchsite import PytorchSite
from tests.support.shells import Terminal

NEW = "rocm-6.2.4"
OLDER = ("rocm-5.2.3", "rocm-5.7.1", "rocm-6.1.2", "rocm-6.3.3")
"""The first for which this machine has a Python."""
TORCH = "python -c 'import torch; print(torch.__version__)'"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--svg", type=Path, help="also draw the terminal into this file")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    uv = Uv(folder / "uv", Disk())
    old, python = next(choice for name in OLDER if (choice := (name, _python_for(name, uv)))[1])
    tags = tuple({find_interpreter("", _pythons(NEW), uv).tag, find_interpreter(python, (), uv).tag})
    with PytorchSite(folder / "site", pythons=tags) as site:
        line = CommandLine(folder, {"PIP_INDEX_URL": site.simple})
        site.let(line, NEW, old)
        said = list(_typed(line, _short(old)))
    for prompt, words, output in said:
        print(f"{prompt}$ {words}\n{output}", end="")
    if arguments.svg:
        _draw(said, arguments.svg)


def _typed(line: CommandLine, old: str) -> Iterator[tuple[str, str, str]]:
    """Prompt, command and output, one after the other."""
    shutil.rmtree(line.home, ignore_errors=True)  # of an earlier run
    line.succeed("init", "bash", "--install", "--yes")
    for project in ("new", "old"):
        (line.home / project).mkdir(exist_ok=True)
    rc = (line.home / ".bashrc").read_text()
    found = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    found["PYENV_ROOT"] = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    environment = {**line.variables(), **found, "TERM": "dumb", "LANG": "C.UTF-8"}
    with Terminal.opened("bash", line.home, rc=rc, environment=environment) as terminal:
        terminal.type(rc.strip())  # once more, behind the prompt that the terminal gave itself
        prompt = "~ "
        for words in _words(old):
            output, _, shown = terminal.type(words).rpartition("\n")
            lines = [one for one in output.splitlines() if one]
            if words == TORCH and not re.fullmatch(r"[0-9.]+\+rocm[0-9.]+", lines[-1]):
                sys.exit(f"error: `{words}` said\n{output}")
            yield prompt, words, "".join(f"{_for_people(one, line)}\n" for one in lines)
            folder = terminal.type("dirs +0").rpartition("\n")[0]
            prompt = f"{shown}{folder} "


def _for_people(text: str, line: CommandLine) -> str:
    """Home folders as people write them: the demonstration's own, and that of whoever runs it."""
    for home in (line.home, line.folder, Path.home()):
        text = text.replace(str(home), "~")
    return text


def _words(old: str) -> tuple[str, ...]:
    return (
        "cd new",
        "rocmswitch use 6.2.4 --venv myproj --pin --yes",
        TORCH,
        "cd ../old",
        f"rocmswitch use {old} --venv old --pin --yes",
        TORCH,
        "cd ../new",
        TORCH,
        "rocmswitch use --off",
        "cd ~",
        "rocmswitch current",
    )


def _draw(said: list[tuple[str, str, str]], file: Path) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=116, file=io.StringIO(), force_terminal=True)
    for prompt, words, output in said:
        console.print(Text.assemble((prompt, "bold green"), "$ ", (words, "bold")))
        if output:
            console.print(Text(output.rstrip("\n")))
    # Fonts from a server are nothing that a picture in a README may load.
    file.write_text(re.sub(r"\n *@font-face \{.*?\n    \}", "", console.export_svg(title="rocmswitch"), flags=re.S))


def _short(name: str) -> str:
    return ".".join(name.removeprefix("rocm-").split(".")[:2])


def _pythons(name: str) -> tuple[str, ...]:
    content = (shipped_manifests() / f"{name}.yaml").read_bytes()
    return parse_manifest(content, name).pytorch[0].python


def _python_for(name: str, uv: Uv) -> str:
    """A Python of this machine that the wheels of *name* exist for; empty where there is none."""
    found = find_interpreter("", _pythons(name), uv)
    return found.executable


main()
